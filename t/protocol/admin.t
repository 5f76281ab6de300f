# What tunes slabs, LRU queues and the crawler is read as memcached reads it, and changes nothing; cache_memlimit does.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'slabs reassign' => [
    'slabs', 'slabs reassign', 'slabs reassign 1', 'slabs reassign 1 2', 'slabs reassign 1 1', 'slabs reassign -5 70',
    'slabs reassign 1 64', 'slabs reassign a b', 'slabs reassign 1 2 3', 'slabs bogus 1',
] => [
    ('ERROR') x 3, 'NOSPARE source class has no spare pages', 'SAME src and dst class are identical',
    ('BADCLASS invalid src or dst class id') x 2, 'CLIENT_ERROR bad command line format', ('ERROR') x 2,
];
converses $server, 'slabs automove' => [
    'slabs automove', 'slabs automove 0', 'slabs automove 1', 'slabs automove 2', 'slabs automove 3', 'slabs automove x',
    'slabs automove -1', 'slabs automove ratio 0.8', 'slabs automove ratio x', 'slabs automove ratio', 'slabs automove 1 noreply',
] => ['ERROR', ('OK') x 3, 'ERROR', ('CLIENT_ERROR bad command line format') x 2, 'OK', 'ERROR', 'ERROR'];
converses $server, 'lru' => [
    'lru', 'lru tune', 'lru tune 20 40 0.2', 'lru tune 20 40 0.2 2.0', 'lru tune 50 40 0.2 2.0', 'lru tune 20 40 0 2.0',
    'lru tune 20 40 x 2.0', 'lru mode', 'lru mode flat', 'lru mode segmented', 'lru mode bogus', 'lru temp_ttl', 'lru temp_ttl 60',
    'lru temp_ttl -1', 'lru temp_ttl x', 'lru bogus 1', 'lru bogus noreply',
] => [
    ('ERROR') x 3, 'OK', 'ERROR hot and warm pcts must not exceed 80', 'ERROR hot/warm age factors must be greater than 0',
    'ERROR', 'ERROR', 'OK', 'OK', 'ERROR', 'ERROR', 'OK', 'OK', 'ERROR', 'ERROR',
];
converses $server, 'lru_crawler' => [
    'lru_crawler', 'lru_crawler bogus', 'lru_crawler bogus x', 'lru_crawler enable x', 'lru_crawler sleep', 'lru_crawler sleep 0',
    'lru_crawler sleep 1000000', 'lru_crawler sleep 1000001', 'lru_crawler sleep x', 'lru_crawler tocrawl',
    'lru_crawler tocrawl 10', 'lru_crawler tocrawl x', 'lru_crawler crawl', 'lru_crawler crawl 0', 'lru_crawler crawl 99',
    'lru_crawler crawl x', 'lru_crawler crawl 1,99', 'lru_crawler crawl 1,', 'lru_crawler crawl 1',
] => [
    ('ERROR') x 5, 'OK', 'OK', 'CLIENT_ERROR sleep must be one second or less', 'CLIENT_ERROR bad command line format',
    'ERROR', 'OK', 'CLIENT_ERROR bad command line format', 'ERROR', ('BADCLASS invalid class id') x 5, 'OK',
];
converses $server, 'without TLS there are no certificates', ['refresh_certs'] => ['Error TLS not enabled'];

if (is_larder) {
    converses $server, 'what 1.6.18 does not know' => [
        'slabs automove window 10', 'slabs automove window 2', 'slabs automove window x', 'slabs automove window',
        'slabs automove freeratio 0.01', 'slabs automove freeratio x',
    ] => ['OK', 'CLIENT_ERROR automove window too low or too high', 'ERROR', 'ERROR', 'OK', 'ERROR'];
    converses $server, 'the crawler that is not there can always be enabled and disabled' =>
        ['lru_crawler disable', 'lru_crawler disable', 'lru_crawler enable', 'lru_crawler enable'] => [('OK') x 4];
    converses $server, 'extstore is no command', ['extstore', 'extstore item_size 1'] => [('ERROR') x 2];
    converses $server, 'items can be asked for, not held' => [
        'debugitem', 'debugitem ref', 'debugitem ref foo', 'debugitem bogus foo', 'set foo 0 0 1', 'x', 'debugitem ref foo',
        'debugitem lock ' . 'k' x 251,
    ] => ['ERROR', 'ERROR', 'MISS', 'ERROR', 'STORED', 'ERROR', 'ERROR'];
    my $plain = Larder->start(no_debug => 1);
    converses $plain, 'debugitem wants -o debug_commands', ['debugitem ref foo'] => ['ERROR'];
    stops_cleanly $plain;
}

# The limit of memory.
my $too_small = 'MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m';
converses $server, 'cache_memlimit wants a number' =>
    ['cache_memlimit', 'cache_memlimit abc', 'cache_memlimit -1', 'cache_memlimit noreply'] => [('ERROR') x 3];
converses $server, 'of megabytes' => ['cache_memlimit 0', 'cache_memlimit 7', 'cache_memlimit 2000000000'] =>
    [$too_small, $too_small, 'MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes'];
converses $server, 'and takes it', ['cache_memlimit 128', 'cache_memlimit 100 noreply'] => ['OK'];
is $server->stats->{limit_maxbytes}, 100 << 20, 'limit_maxbytes follows';
is $server->stats('settings')->{maxbytes}, 100 << 20, 'and so does maxbytes' if is_larder;
if (is_larder) {
    my $failed = 'MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust';
    converses $server, 'beyond what can be had' => ['cache_memlimit 1000000'] => [$failed];
    my $connection = $server->connect;
    $connection->converse("cache_memlimit 64\r\n");
    my $value = 'v' x 10_000;
    $connection->converse(join '', map { "set k$_ 0 0 10000 noreply\r\n$value\r\n" } $_ * 100 .. $_ * 100 + 99) for 1 .. 30;
    my $before = $connection->stats->{curr_items};
    is $connection->ask('cache_memlimit 16'), "OK\r\n", 'lowered';
    my $after = $connection->stats->{curr_items};
    cmp_ok $after, '<', $before, 'it drops items';
    cmp_ok $after * 10_000, '<', 16 << 20, 'down to what fits';
    cmp_ok $after, '>', 0, 'and keeps the rest';
    is $connection->ask('set new 0 0 3', 'new', 'get new'), crlf('STORED', 'VALUE new 0 3', 'new', 'END'), 'it goes on';
}

stops_cleanly $server;
done_testing;
