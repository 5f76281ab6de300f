# /metrics: Prometheus' format, memcached_exporter's names and types, and figures that move with the load.
use strict;
use warnings;

use File::Temp qw(tempfile);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Http;

larder_only('only larder has an admin endpoint');

my $server = Larder->start(args => ['-m', 8, '-I', '512k', '-t', 2, '-o',
    'admin=127.0.0.1:0,hot_keys_interval=1,latency_interval=1']);
my $http = Larder::Http->of($server);
my ($empty, $types, $text) = $http->metrics;

# What memcached_exporter has, whatever the load, and of which type.
my %exported = (
    (map { ("memcached_$_" => 'gauge') } qw(up time_seconds version current_connections max_connections
        accepting_connections current_bytes limit_bytes malloced_bytes current_items lru_crawler_enabled)),
    (map { ("memcached_$_" => 'counter') } qw(uptime_seconds process_user_cpu_seconds_total
        process_system_cpu_seconds_total read_bytes_total written_bytes_total connections_total
        connections_rejected_total connections_yielded_total connections_listener_disabled_total commands_total
        items_total items_evicted_total items_reclaimed_total item_too_large_total item_no_memory_total
        direct_reclaims_total)),
);
is $types->{$_}, $exported{$_}, "$_ is a $exported{$_}" for sort keys %exported;
is $empty->{memcached_up}, 1, 'it is up';
is $empty->{memcached_limit_bytes}, 8 << 20, '-m';
like $text, qr/^memcached_version\{version="1\.6\.45[^"]*"\} 1$/m, 'the version is a label';
ok !exists $types->{memcached_slab_current_items}, 'no slab class while there is no item';
ok !exists $empty->{memcached_lru_crawler_sleep} || $empty->{memcached_lru_crawler_enabled} == 1, 'yes is 1';

$server->converse("get nobody\r\n" . join('', map { "set key$_ 0 0 100\r\n" . 'v' x 100 . "\r\n" } 1 .. 100)
    . "cas key1 0 0 1 1\r\nx\r\ncas nobody 0 0 1 1\r\nx\r\nget key1 key2\r\ndelete key3\r\ntouch key1 100\r\nincr nobody 1\r\n");
# A reply is timed once it is sent, when its reader may be here already.
my $family = 'larder_request_duration_seconds';
my $before;
wait_until(sub { ($before) = $http->metrics; $before->{qq(${family}_count{command="get"})} == 3 });
sub command { my ($name, $status) = @_; return $before->{qq(memcached_commands_total{command="$name",status="$status"})} }
is command('get', 'hit'), 2, 'hits';
is command('get', 'miss'), 1, 'misses';
is command('set', 'hit'), 100, 'sets, without cas';
is command('cas', 'badval'), 1, 'cas that found another item';
is command('cas', 'miss'), 1, 'cas that found none';
is command('touch', 'hit'), 1, 'touch';
is command('incr', 'miss'), 1, 'incr';
is $before->{'memcached_slab_commands_total{slab="1",command="get",status="hit"}'}, 2, 'the same by slab class';
is $before->{'memcached_slab_current_items{slab="1"}'}, 99, 'items by slab class';
is $before->{memcached_current_items}, 99, 'items';

# What only larder has.
my $parts = 0;
$parts += $before->{qq(larder_memory_bytes{purpose="$_"})} for qw(items dead expired unused index ghosts buffers process);
cmp_ok $parts, '>', 99 * 100, 'memory by purpose';
cmp_ok $parts, '<=', 8 << 20, 'is within the limit';
is $before->{qq(${family}_count{command="get"})}, 3, 'every get was timed';
is $before->{qq(${family}_bucket{command="get",le="+Inf"})}, 3, 'in the last bucket are all';
my @buckets = $text =~ /^${family}_bucket\{command="set",le="([\d.]+)"\}/mg;
is_deeply \@buckets, [sort { $a <=> $b } @buckets], 'buckets ascend';
cmp_ok $before->{qq(${family}_sum{command="set"})}, '>', 0, 'times add up';
is $before->{'larder_hot_key_requests{rank="1"}'}, 4, 'the hottest key by its count';
unlike(($http->metrics)[2], qr/key1/, 'and by no more than that');
my %cpu = map { /^larder_worker_cpu_seconds_total\{worker="(\d+)"\}/ ? ($1 => $before->{$_}) : () } keys %$before;
is_deeply [sort keys %cpu], [0, 1], 'the load of each worker';
cmp_ok $cpu{0} + $cpu{1}, '>', 0, 'which is something';

# Full: what is dropped, and why.
my $connection = $server->connect;
for my $round (1 .. 12) {
    $connection->converse(join('', map { "set r${round}k$_ 0 0 1000 noreply\r\n" . 'v' x 1000 . "\r\n" } 1 .. 1000) . "mn\r\n");
}
my ($full) = $http->metrics;
cmp_ok $full->{'larder_items_dropped_total{cause="never_read"}'}, '>', 0, 'evictions by cause';
cmp_ok $full->{memcached_items_evicted_total}, '>', 0, 'and in all';
my $dropped = 0;
$dropped += $full->{qq(larder_items_dropped_total{cause="$_"})} for qw(never_read not_read_lately read_lately);
is $dropped, $full->{memcached_items_evicted_total}, 'which is their sum';
my $segments = 0;
$segments += $full->{qq(larder_segments{state="$_"})} for qw(open small main waiting free);
cmp_ok $segments, '<=', $full->{larder_segments_limit} + 1, 'segments by state';

# Every figure is one.
($full, $types, $text) = $http->metrics;
my @odd = grep { !/^(?:#|\w+(?:\{(?:\w+="[^"\\\n]*",?)+\})? \d+(?:\.\d+)?$)/ } split /\n/, $text;
is_deeply \@odd, [], 'no line is odd';

SKIP: {
    my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
    skip 'promtool is not installed', 2 if !$promtool;
    my ($file, $path) = tempfile(UNLINK => 1);
    print $file $text;
    close $file;
    my @said = split /\n/, `'$promtool' check metrics <'$path' 2>&1`;
    is_deeply [grep { !/^memcached_\w+ counter metrics should have "_total" suffix$/ } @said], [],
        'promtool finds fault with nothing but names that are the exporter\'s';
    is_deeply [map { /^(\w+)/ } @said], [sort map { "memcached_$_" } qw(slab_items_evicted_time_seconds
        slab_items_moves_to_cold slab_items_moves_to_warm slab_items_moves_within_lru uptime_seconds)], 'which are these';
}
stops_cleanly $server;
done_testing;
