# Connections by the thousand: above -c, and closed in the middle of a request.
#
#   ATTACK_CONNECTIONS   how many are closed so (100000)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Socket qw(AF_INET AF_UNIX SOCK_STREAM SOL_SOCKET SO_LINGER inet_aton pack_sockaddr_in pack_sockaddr_un);
use Test::More;

use Larder;
use Larder::Attack;

my $connections = $ENV{ATTACK_CONNECTIONS} // (is_sanitized ? 10_000 : 100_000);

# Above -c each is told so and closed; those inside notice nothing.
{
    my ($server, $other) = attacked(args => ['-c', 100]);
    my @inside = map { $server->connect } 1 .. 99;
    is scalar(grep { $_->ask('get none') eq crlf('END') } @inside), 99, '-c 100: all are served' if is_larder;
    my $refused = 0;
    for (1 .. 5000) {
        my $client = $server->connect;
        $refused++ if $client->read_to_close eq crlf('ERROR Too many open connections');
        $client->close;
    }
    is $refused, 5000, 'a flood above it: each is told and closed';
    is $other->stats->{rejected_connections}, 5000, 'and counted' if is_larder;
    is scalar(grep { $_->ask('set k 0 0 1', 'x', 'get k') eq crlf('STORED', 'VALUE k 0 1', 'x', 'END') } @inside), 99,
        'those inside are served';
    (pop @inside)->close;
    wait_until(sub { $other->stats->{curr_connections} == 99 });
    others_are_served $server, $other, 'a flood above -c';
    stays_within $server, 'a flood above -c';
    is_logged_once $server, qr/turned a client away/, 1, 'a flood above -c' if is_larder;
    stops_cleanly $server;
}

# One after another is closed in the middle of a request: orderly over a unix socket, by a reset over TCP.
my @halves = (
    'get ke',
    "set k 0 0 100\r\nhalf a value",
    "set large 0 0 500000\r\n" . 'x' x 2000,
    "get k\r\nget k\r\nget",
    'g',
    "mg k v k\r\nms k 5\r\nab",
    "gets k\r\ncas k 0 0 5 1\r\nabcde\r",
    '',
    "append k 0 0 40000\r\n" . 'y' x 1000,
    "lru_crawler metadump all\r\n",
);

sub hang_up {
    my ($count, $family, $address, $reset) = @_;
    for my $number (1 .. $count) {
        socket(my $socket, $family, SOCK_STREAM, 0) or die "socket: $!";
        connect($socket, $address) or die "connect number $number: $!";
        syswrite $socket, $halves[$number % @halves];
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
        close $socket;
    }
}

for my $kind ('a unix socket', 'TCP') {
    my $is_tcp = $kind eq 'TCP';
    my ($server, $other) = attacked(tcp => $is_tcp ? 1 : 0);
    $other->ask('set k 7 0 5', 'value', 'set keep 0 0 4', 'kept');
    my $before = $other->stats;
    my $descriptors = () = glob '/proc/' . $server->pid . '/fd/*';
    hang_up(int($connections / 2),
        $is_tcp ? (AF_INET, pack_sockaddr_in($server->port, inet_aton('127.0.0.1')), 1) : (AF_UNIX, pack_sockaddr_un($server->unix_path), 0));
    my $after;
    my $seen = sub { $after->{total_connections} - $before->{total_connections} + $after->{rejected_connections} };
    ok wait_until(sub {
        $after = $other->stats;
        return $after->{curr_connections} == 1 && (!is_larder || $seen->() >= int($connections / 2));
    }), "$kind: all are forgotten";
    # Who is faster than the workers finds -c reached by those who have hung up already.
    is $seen->(), int($connections / 2), 'each was taken in or turned away' if is_larder;
    is scalar(() = glob '/proc/' . $server->pid . '/fd/*'), $descriptors, 'no descriptor is left over';
    is $after->{connection_structures}, $before->{connection_structures}, 'and no connection' if is_larder;
    is $other->ask('get keep'), crlf('VALUE keep 0 4', 'kept', 'END'), 'what was there is there';
    is $other->ask('get large'), crlf('END'), 'what was half sent is not';
    others_are_served $server, $other, $kind;
    stays_within $server, $kind;
    stops_cleanly $server;
}

done_testing;
