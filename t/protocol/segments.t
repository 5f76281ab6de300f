# stats segments: where memory goes adds up, and moves when it should.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('only larder has segments');

my $server = Larder->start(args => ['-m', 8, '-I', '512k', '-t', 1]);
my $connection = $server->connect;

sub segments { return $connection->stats('segments') }

my $empty = segments();
is $empty->{memory_limit}, 8 << 20, 'memory_limit is -m';
is $empty->{live_bytes}, 0, 'nothing lives in an empty store';

my $value = 'v' x 100;
my $sets = sub { join '', map { "set key$_ 0 0 100 noreply\r\n$value\r\n" } @_ };
$connection->converse($sets->(1 .. 1000));
my $some = segments();
cmp_ok $some->{live_bytes}, '>=', 1000 * 104, 'items live in segments';
is $some->{dead_bytes}, 0, 'and none is dead';

$connection->converse($sets->(1 .. 1000));
cmp_ok segments()->{dead_bytes}, '>=', 1000 * 104, 'what was overwritten is dead';

$connection->converse(join('', map { "set ttl$_ 0 10 100 noreply\r\n$value\r\n" } 1 .. 1000) . "debugtime 100\r\n");
cmp_ok segments()->{expired_bytes}, '>=', 1000 * 104, 'what has expired is counted as expired';

for my $round (0 .. 9) {
    $connection->converse($sets->($round * 10_000 .. $round * 10_000 + 9_999));
}
my $full = segments();
cmp_ok $full->{evictions}, '>', 0, 'a full store evicts';
cmp_ok $full->{compactions}, '>', 0, 'and compacts what was dead';
cmp_ok $full->{segments_reclaimed}, '>=', $full->{compactions}, 'compactions are part of what was reclaimed';
cmp_ok $full->{segments_used} + $full->{segments_free}, '<=', $full->{segments_max} + 1, 'no more segments than may';
my $taken = $full->{other_bytes} + $full->{index_bytes} + $full->{ghost_bytes}
    + $full->{segments_max} * $full->{segment_size};
cmp_ok $taken, '<=', 8 << 20, 'everything together stays within the limit';
my $held = $full->{live_bytes} + $full->{dead_bytes} + $full->{expired_bytes} + $full->{unused_bytes};
cmp_ok $held, '<=', $full->{segments_used} * $full->{segment_size}, 'the bytes are within the segments used';

# Keys that were dropped unread, and come back.
$connection->converse($sets->(90_000 - 40_000 .. 90_000));
cmp_ok segments()->{ghosts_hit}, '>', 0, 'ghosts are remembered';

stops_cleanly $server;
done_testing;
