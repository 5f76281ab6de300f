# Listeners: loopback unless asked, IPv4, IPv6, several addresses, and the unix socket with its mode.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

use IO::Socket::IP;

my @session = (['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END']);
my $has_v6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1) ? 1 : 0;

# The addresses on which this server's own sockets listen, as the kernel writes them.
sub listening {
    my ($server) = @_;
    my %own;
    for my $link (glob '/proc/' . $server->pid . '/fd/*') {
        my $target = readlink $link // next;
        $own{$1} = 1 if $target =~ /^socket:\[(\d+)\]/;
    }
    my @addresses;
    for my $table ('tcp', 'tcp6') {
        open my $file, '<', "/proc/net/$table" or next;
        while (my $line = <$file>) {
            my @field = split ' ', $line;
            push @addresses, $field[1] =~ s/:.*//r if $field[3] eq '0A' && $own{$field[9]};
        }
    }
    return [sort @addresses];
}

my ($loopback_v4, $loopback_v6) = ('0100007F', '00000000000000000000000001000000');

SKIP: {
    skip 'memcached opens every address by default', 1 if !is_larder;
    my $server = Larder->start(tcp => 1, listen => ['-p', '0']);
    is_deeply listening($server), [sort $loopback_v4, $has_v6 ? $loopback_v6 : ()], 'the default is loopback only';
    like $server->stderr, qr/listening on loopback only; -l 0\.0\.0\.0 opens it/, 'and the log says so';
    converses $server, 'the default serves', @session;
    stops_cleanly $server;
}

{
    my $server = Larder->start(tcp => 1);
    is_deeply listening($server), [$loopback_v4], '-l 127.0.0.1 listens there alone';
    converses $server, 'IPv4', @session;
    my $port = $server->port;
    stops_cleanly $server;
    ok !eval { $server->connect(port => $port) }, 'after the end nobody listens';
}

SKIP: {
    skip 'this machine has no ::1', 1 if !$has_v6;
    my $server = Larder->start(tcp => 'INET6', listen => ['-l', '::1', '-p', '-1']);
    is_deeply listening($server), [$loopback_v6], '-l ::1 listens there alone';
    converses $server, 'IPv6', @session;
    stops_cleanly $server;

    my $both = Larder->start(tcp => 1, listen => ['-l', '127.0.0.1,::1', '-p', '-1']);
    is_deeply listening($both), [sort $loopback_v4, $loopback_v6], 'a list of addresses';
    converses $both, 'the first of two', @session;
    my $connection = $both->connect(host => '::1', port => $both->port('INET6'));
    like $connection->ask('get k'), qr/^VALUE k 0 1\r\n/, 'the second of two, and the same cache';
    stops_cleanly $both;
}

{
    my $server = Larder->start;
    my $path = $server->unix_path;
    ok -S $path, 'a unix socket';
    is sprintf('%o', (stat $path)[2] & 0777), '700', 'its mode';
    is_deeply listening($server), [], 'and no TCP beside it';
    converses $server, 'unix', @session;
    stops_cleanly $server;
    ok !-e $path, 'it is gone at the end' if is_larder;
}

{
    my $server = Larder->start(args => ['-a', '0777']);
    is sprintf('%o', (stat $server->unix_path)[2] & 0777), '777', '-a sets the mode';
    $server->stop('KILL');
    ok -S $server->unix_path, 'a killed server leaves its socket behind';
    my $path = $server->unix_path;
    my $next = Larder->start(unix_path => $path);
    converses $next, 'and the next one takes it over', ['get k'] => ['END'];
    stops_cleanly $next;
}

{
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1);
    my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', $holder->sockport);
    ok $status, 'a port that is taken ends the start';
    like $error, qr/\S/, 'with a word about it';
    is scalar(() = $error =~ /\n/g), 1, 'in one line' if is_larder;
    like $error, qr/${\ $holder->sockport}/, 'that names the port' if is_larder;
}

done_testing;
