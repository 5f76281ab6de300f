# stats latency: every family's requests are timed, in order of size, and forgotten by a reset.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('only larder has stats latency');

my @families = qw(get set delete arithmetic touch);
my $server = Larder->start(args => ['-t', 1, '-o', 'latency_interval=1']);
my $connection = $server->connect;

sub latency { return $connection->stats('latency') }

sub timed {
    my $found = latency();
    return {map { $_ => $found->{"$_:timed"} } @families};
}

is_deeply timed(), {map { $_ => 0 } @families}, 'nothing is timed before the first request';

$connection->ask('set n 0 0 1', '5');
$connection->ask('ms n 1', '6');
$connection->ask('get n missing n');
$connection->ask('mg n v');
$connection->ask('delete missing');
$connection->ask('md missing');
$connection->ask('incr n 1');
$connection->ask('decr missing 1');
$connection->ask('ma n');
$connection->ask('touch n 0');
is_deeply timed(), {get => 4, set => 2, delete => 2, arithmetic => 3, touch => 1}, 'each key counts in its family';

$connection->converse(crlf(map {; "set k$_ 0 0 1", 'x' } 1 .. 500));
is timed()->{set}, 502, 'and so does each request of a batch';
my $times = latency();
for my $family (@families) {
    my @order = map { $times->{"${family}:${_}_us"} } qw(p50 p90 p99 p999 max);
    is_deeply \@order, [sort { $a <=> $b } @order], "the times of $family are in order";
    cmp_ok $order[0], '>', 0, 'and take time';
    cmp_ok $times->{"${family}:mean_us"}, '<=', $order[-1], 'the mean is within';
}

is $connection->ask('stats latency reset'), "RESET\r\n", 'stats latency reset';
is_deeply timed(), {map { $_ => 0 } @families}, 'forgets the times';
is $connection->stats->{cmd_get}, 3 + 1, 'and nothing else';
$connection->ask('get n');
is timed()->{get}, 1, 'and they are counted again';
$connection->ask('stats reset');
is timed()->{get}, 0, 'stats reset forgets them too';
stops_cleanly $server;

my $off = Larder->start(args => ['-t', 1, '-o', 'latency_interval=0']);
$off->converse("get a\r\n") for 1 .. 20;
is $off->stats('latency')->{'get:timed'}, 0, 'latency_interval=0 times nothing';
stops_cleanly $off;

my $some = Larder->start(args => ['-t', 1]);
$connection = $some->connect;
$connection->ask('get a') for 1 .. 2000;
my $found = timed()->{get};
cmp_ok $found, '>', 2000 / 16 / 4, 'one turn in sixteen is timed by default: not much fewer';
cmp_ok $found, '<', 2000 / 16 * 4, 'and not many more';
stops_cleanly $some;
done_testing;
