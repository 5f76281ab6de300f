# cas: stores for the unique last seen only; what changes the unique and what leaves it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;
my $connection = $server->connect;

sub unique_of {
    my ($key) = @_;
    my ($unique) = $connection->ask("gets $key") =~ /^VALUE \S+ \d+ \d+ (\d+)\r\n/;
    return $unique;
}

sub ask { return $connection->ask(@_) }

is ask('cas none 0 0 1 5', 'a'), crlf('NOT_FOUND'), 'cas of what is not there';
is ask('get none'), crlf('END'), 'and it stores nothing';

ask('set k 0 0 1', 'a');
my $first = unique_of('k');
ok $first > 0, 'a unique is a number above zero';
is unique_of('k'), $first, 'reading leaves it';
is ask("cas k 3 0 2 $first", 'bb'), crlf('STORED'), 'cas with the unique seen last stores';
is ask("cas k 4 0 2 $first", 'cc'), crlf('EXISTS'), 'once';
is ask('get k'), crlf('VALUE k 3 2', 'bb', 'END'), 'and EXISTS leaves the value';

sub changes {
    my ($expected, $key, @lines) = @_;
    my $before = unique_of($key);
    ask(@lines);
    my $after = unique_of($key);
    my $name = $lines[0] . ($expected ? ' changes' : ' leaves') . ' the unique';
    return $expected ? isnt($after, $before, $name) : is($after, $before, $name);
}

changes 1, 'k', 'set k 0 0 1', '5';
changes 1, 'k', 'append k 0 0 1', '6';
changes 1, 'k', 'prepend k 0 0 1', '7';
changes 1, 'k', 'replace k 0 0 1', '8';
changes 1, 'k', 'incr k 1';
changes 1, 'k', 'incr k 1';
changes 1, 'k', 'decr k 1';
changes 0, 'k', 'touch k 100';
changes 0, 'k', 'touch k 0';
changes 0, 'k', 'gat 100 k';
changes 0, 'k', 'add k 0 0 1', 'x';
changes 0, 'k', 'get k';
changes 0, 'k', 'cas k 0 0 1 1', 'x';

# The item is gone, so its unique has nothing to match.
my $unique = unique_of('k');
ask('delete k');
is ask("cas k 0 0 1 $unique", 'x'), crlf('NOT_FOUND'), 'cas after delete';
ask('set k 0 0 1', 'n');
is ask("cas k 0 0 1 $unique", 'x'), crlf('EXISTS'), 'a new item has a new unique';

$unique = unique_of('k');
is ask("cas k 0 0 1 $unique noreply", 'q', 'get k'), crlf('VALUE k 0 1', 'q', 'END'), 'cas with noreply';
is ask("cas k 0 0 1 $unique noreply", 'r', 'get k'), crlf('VALUE k 0 1', 'q', 'END'), 'EXISTS with noreply';

# A cas between the halves of another's body is seen: the comparison is made when the body is there.
my $other = $server->connect;
$unique = unique_of('k');
$connection->send("cas k 0 0 4 $unique\r\nha");
$connection->wait_consumed;
is $other->ask('set k 0 0 1', 'w'), crlf('STORED'), 'a set while the body of a cas is half there';
$connection->send("lf\r\n");
is $connection->read_line, crlf('EXISTS'), 'the cas has lost';

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'without a unique the body is swallowed', ['cas k 0 0 1', 'a'] => [$bad];
    converses $server, 'a negative unique', ['cas k 0 0 1 -1', 'a'] => [$bad];
    converses $server, 'a unique beyond 64 bits', ['cas k 0 0 1 18446744073709551616', 'a'] => [$bad];
    converses $server, 'the largest unique', ['cas k 0 0 1 18446744073709551615', 'a'] => ['EXISTS'];
    converses $server, 'a unique that was given', ['ms m 1 E1000', 'a', 'gets m', 'cas m 0 0 1 1000', 'c', 'get m'] =>
        ['HD', 'VALUE m 0 1 1000', 'a', 'END', 'STORED', 'VALUE m 0 1', 'c', 'END'];

    my $without = Larder->start(args => ['-C']);
    converses $without, 'with -C the unique is 0', ['set k 0 0 1', 'x', 'gets k'] =>
        ['STORED', 'VALUE k 0 1 0', 'x', 'END'];
    converses $without, 'with -C cas never stores', ['cas k 0 0 1 0', 'y', 'cas k 0 0 1 1', 'y', 'get k'] =>
        ['EXISTS', 'EXISTS', 'VALUE k 0 1', 'x', 'END'];
    stops_cleanly $without;
}

stops_cleanly $server;
done_testing;
