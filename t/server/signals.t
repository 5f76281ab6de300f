# Signals: TERM, INT and USR1 end the server in good order, HUP and PIPE do not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

for my $signal (qw(TERM INT USR1)) {
    my $server = Larder->start(args => ['-I', '8m', '-m', 64]);
    my $idle = $server->connect;
    $idle->ask('get none');
    my $halfway = $server->connect;
    $halfway->send("set k 0 0 100\r\nhalf");
    $halfway->wait_consumed;
    if (is_larder) {
        # A reply that has begun to arrive is finished.
        my $reader = $server->connect;
        my $value = join '', map { sprintf '%07d,', $_ } 1 .. 500_000;
        $reader->ask('set v 0 0 4000000', $value);
        $reader->send("get v\r\n");
        my $begun = $reader->read_exactly(1000);
        $server->signal($signal);
        my $rest = eval { $reader->read_to_close } // $@;
        ok $begun . $rest eq "VALUE v 0 4000000\r\n$value\r\nEND\r\n", "$signal: a reply in flight is finished"
            or diag 'got ' . length($begun . $rest) . ' bytes';
    }
    stops_cleanly $server, $signal;
    is $idle->read_to_close, '', 'an idle connection is closed';
    ok !eval { $server->connect }, 'nobody listens any more';
}

my $server = Larder->start;
converses $server, 'before', ['set k 0 0 1', 'x'] => ['STORED'];
my $connection = $server->connect;
for my $signal (qw(HUP PIPE HUP)) {
    $server->signal($signal);
    is $connection->ask('get k'), crlf('VALUE k 0 1', 'x', 'END'), "$signal does not stop it";
}
ok !$server->has_exited, 'it runs';

# Clients that vanish while they are being answered.
$connection->ask('set big 0 0 1000000', 'x' x 1_000_000);
for (1 .. 20) {
    my $client = $server->connect;
    $client->send("get big big big big\r\n" x 3);
    $client->read_exactly(10);
    $client->close;
}
is $connection->ask('get k'), crlf('VALUE k 0 1', 'x', 'END'), 'clients that vanish do not stop it';
ok wait_until(sub { $connection->stats->{curr_connections} == 1 }), 'and leave nothing behind';

stops_cleanly $server;
done_testing;
