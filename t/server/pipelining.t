# Pipelines: many requests in one packet are answered whole and in order, whatever their replies take.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-t', 1]);
my $connection = $server->connect;
$connection->ask('set k 0 0 100', 'v' x 100);
my $hit = crlf('VALUE k 0 100', 'v' x 100, 'END');

is escaped($connection->converse("get k\r\n" x 500)), escaped($hit x 500), '500 gets';
is escaped($connection->converse("get none\r\n" x 500)), escaped("END\r\n" x 500), '500 misses';
ok $connection->converse("get k\r\n" x 20_000) eq $hit x 20_000, '20,000 gets';
is escaped($connection->converse('get' . (' k' x 500) . "\r\n")), escaped(crlf('VALUE k 0 100', 'v' x 100) x 500 . "END\r\n"),
    '500 keys';

# Replies far larger than any buffer, with small requests behind each.
my $value = join '', map { sprintf '%07d,', $_ } 1 .. 12_500;
$connection->ask('set large 0 0 100000', $value);
my $large = crlf('VALUE large 0 100000', $value, 'END');
ok $connection->converse("get large\r\n" x 100) eq $large x 100, '100 gets of 100,000 bytes';
ok $connection->converse("get large\r\nget none\r\nget k\r\n" x 100) eq ($large . "END\r\n" . $hit) x 100, 'with small ones between';

# Requests whose bodies fill the input, each answered by one line.
my (@sent, @expected);
for my $number (1 .. 2000) {
    push @sent, "set p$number $number 0 50\r\n" . sprintf('%050d', $number) . "\r\n";
    push @expected, "STORED\r\n";
}
is escaped($connection->converse(join '', @sent)), escaped(join '', @expected), '2,000 sets';
my $wanted = join '', map { "VALUE p$_ $_ 50\r\n" . sprintf('%050d', $_) . "\r\nEND\r\n" } 1 .. 2000;
ok $connection->converse(join '', map { "get p$_\r\n" } 1 .. 2000) eq $wanted, 'and 2,000 gets of them';

(@sent, @expected) = ();
for my $number (1 .. 1000) {
    push @sent, "set q 0 0 2000 noreply\r\n" . sprintf('v%01999d', $number) . "\r\nget q\r\nincr q 1\r\ndelete q\r\nget q\r\n";
    push @expected, "VALUE q 0 2000\r\n" . sprintf('v%01999d', $number)
        . "\r\nEND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nDELETED\r\nEND\r\n";
}
is escaped($connection->converse(join '', @sent)), escaped(join '', @expected), 'a mix of everything';

# Requests of many kinds that fail do not cost the connection its step.
ok $connection->converse("bogus\r\n" x 5000) eq "ERROR\r\n" x 5000, '5,000 unknown commands';
my $too_large = "set t 0 0 1100000\r\n" . ('x' x 1_100_000) . "\r\n";
is $connection->converse($too_large x 5), "SERVER_ERROR object too large for cache\r\n" x 5, 'bodies that are swallowed';

# The last request is answered though the server is told that no more will come.
my $last = $server->connect;
$last->send("get k\r\n" x 500);
shutdown $last->socket, 1;
is escaped($last->read_to_close), escaped($hit x 500), 'what was sent before the end of a connection is answered';

stops_cleanly $server;
done_testing;
