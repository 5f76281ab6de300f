# Fairness: after -R requests a connection lets others go first, is counted, and loses nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-t', 1, '-R', 5]);
my $connection = $server->connect;
$connection->ask('set k 0 0 1', 'x');
my $before = $connection->stats->{conn_yields};
is $connection->converse("get k\r\n" x 1000), crlf('VALUE k 0 1', 'x', 'END') x 1000, '1,000 requests at once';
my $yields = $connection->stats->{conn_yields} - $before;
cmp_ok $yields, '>', 0, 'conn_yields counts the turns';
cmp_ok $yields, '<=', 1010 / 5 + 2, 'one for -R requests at most';

# Turn and turn about: all of these come to their end together, and each in its own order.
my @clients = map { $server->connect } 1 .. 20;
for my $number (0 .. $#clients) {
    $clients[$number]->send(join '', map { "set c$number 0 0 4\r\n" . sprintf('%04d', $_) . "\r\nget c$number\r\n" } 1 .. 200);
}
my $wrong = 0;
for my $number (0 .. $#clients) {
    for my $round (1 .. 200) {
        my $expected = crlf('STORED', "VALUE c$number 0 4", sprintf('%04d', $round), 'END');
        $wrong++ if $clients[$number]->read_exactly(length $expected) ne $expected;
    }
}
is $wrong, 0, '20 pipelines beside each other';

my $generous = Larder->start(args => ['-t', 1, '-R', 1000]);
$generous->converse("get none\r\n" x 100);
is $generous->stats->{conn_yields}, 0, 'below -R nobody yields';

stops_cleanly $generous;
stops_cleanly $server;
done_testing;
