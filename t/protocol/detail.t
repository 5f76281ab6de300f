# stats detail: gets, hits, sets and deletes by the prefix of the key.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;
my $connection = $server->connect;

# The PREFIX lines, sorted.
sub detail {
    my @lines = split /\r\n/, $connection->converse("stats detail dump\r\n");
    is pop @lines, 'END', 'the list ends';
    return [sort @lines];
}

my $usage = 'CLIENT_ERROR usage: stats detail on|off|dump';
converses $server, 'bad input', ['stats detail', 'stats detail x', 'stats detail onx'] => [($usage) x 3];
$connection->ask('set a:b 0 0 1', 'x', 'get a:b');
is_deeply detail(), [], 'off at first';
is $server->stats('settings')->{detail_enabled}, 'no', 'as the settings say' if is_larder;

is $connection->ask('stats detail on'), "OK\r\n", 'switched on';
is $server->stats('settings')->{detail_enabled}, 'yes', 'as the settings say';
$connection->ask('set a:b 0 0 1', 'x', 'get a:b a:c none', 'gets a:b', 'gat 0 a:b', 'delete a:b', 'delete a:c');
$connection->ask('add b:1 0 0 1', 'x', 'add b:1 0 0 1', 'y', 'cas c:1 0 0 1 5', 'x', 'append c:1 0 0 1', 'x', 'incr d:1 1', 'touch d:1 0');
$connection->ask('set :e 0 0 1', 'x', 'set f:g:h 0 0 1', 'x', 'set none 0 0 1', 'x', 'ms m:1 1', 'x', 'mg m:1', 'md m:1');
$connection->ask('set big:1 0 0 2000000', 'x' x 2_000_000, 'set large:1 0 0 500000', 'x' x 500_000);
is_deeply detail(), [
    'PREFIX  get 0 hit 0 set 1 del 0', 'PREFIX a get 4 hit 3 set 1 del 2', 'PREFIX b get 0 hit 0 set 2 del 0',
    'PREFIX big get 0 hit 0 set 1 del 0', 'PREFIX c get 0 hit 0 set 2 del 0', 'PREFIX f get 0 hit 0 set 1 del 0',
    'PREFIX large get 0 hit 0 set 1 del 0',
], 'classic commands are counted, by what is before the first delimiter';

# A value that comes late is counted once.
$connection->send("set late:1 0 0 2\r\n");
$connection->wait_consumed;
$connection->send('x');
$connection->wait_consumed;
is $connection->ask("x"), "STORED\r\n", 'a value in pieces';
is_deeply [grep /late/, @{detail()}], ['PREFIX late get 0 hit 0 set 1 del 0'], 'is counted once';

is $connection->ask('stats detail off', 'get a:b'), crlf('OK', 'END'), 'switched off';
is_deeply [grep /PREFIX a /, @{detail()}], ['PREFIX a get 4 hit 3 set 1 del 2'], 'what was counted stays';
$connection->ask('stats reset');
is_deeply detail(), [], 'until the reset';

if (is_larder) {
    $connection->ask('stats detail on');
    $connection->converse(join '', map { "get p$_:x\r\n" } $_ * 1000 .. $_ * 1000 + 999) for 0 .. 9;
    is $connection->stats->{prefix_overflows}, 0, 'ten thousand prefixes have room';
    is $connection->ask('get more:1 more:2', 'get p0:y'), crlf('END', 'END'), 'one more';
    is $connection->stats->{prefix_overflows}, 2, 'has none';
    my $lines = detail();
    is scalar(@$lines), 10_000, 'the table stays as large as it was';
    is_deeply [grep /PREFIX p0 /, @$lines], ['PREFIX p0 get 2 hit 0 set 0 del 0'], 'and counts on';
    like $server->stderr, qr/stats detail: 10000 prefixes/, 'the log tells';
    $connection->ask('stats reset', 'get more:1');
    is_deeply detail(), ['PREFIX more get 1 hit 0 set 0 del 0'], 'the reset makes room';
}
stops_cleanly $server;

for my $arguments (['-D', '.'], ['-D', ':'], is_larder ? ['-o', 'detail_enabled'] : ()) {
    my $from_start = Larder->start(args => $arguments);
    my $delimiter = $arguments->[0] eq '-D' ? $arguments->[1] : ':';
    converses $from_start, "@$arguments turns it on", ["get a${delimiter}b", 'stats detail dump'] =>
        ['END', 'PREFIX a get 1 hit 0 set 0 del 0', 'END'];
    is $from_start->stats('settings')->{stat_key_prefix}, $delimiter, 'stat_key_prefix';
    is $from_start->stats('settings')->{detail_enabled}, 'yes', 'detail_enabled';
    stops_cleanly $from_start;
}
done_testing;
