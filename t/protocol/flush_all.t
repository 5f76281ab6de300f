# flush_all: at once, after a delay, at an absolute time, and not at all with -F.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'at once, even what was set in this second',
    ['set a 0 0 1', 'x', 'set b 0 100 1', 'y', 'flush_all', 'get a b', 'set a 0 0 1', 'z', 'get a'] =>
    ['STORED', 'STORED', 'OK', 'END', 'STORED', 'VALUE a 0 1', 'z', 'END'];
converses $server, 'with 0', ['set c 0 0 1', 'x', 'flush_all 0', 'get c'] => ['STORED', 'OK', 'END'];
converses $server, 'every command misses what was flushed', [
    'set d 0 0 1', '1', 'flush_all', 'incr d 1', 'append d 0 0 1', 'x', 'replace d 0 0 1', 'x', 'touch d 0',
    'delete d', 'cas d 0 0 1 1', 'x', 'add d 0 0 1', '9', 'get d',
] => ['STORED', 'OK', 'NOT_FOUND', 'NOT_STORED', 'NOT_STORED', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'STORED',
    'VALUE d 0 1', '9', 'END'];
is $server->stats->{cmd_flush}, 3, 'flushes are counted';
converses $server, 'a delay that is no number', ['flush_all abc'] => ['CLIENT_ERROR invalid exptime argument'];

SKIP: {
    skip 'the clock of this server cannot be moved', 1 if !is_larder;
    my $clock = Larder->start;
    $clock->clock_at(100);
    converses $clock, 'a delayed flush takes nothing yet', ['set e 0 0 1', 'x', 'flush_all 10', 'get e'] =>
        ['STORED', 'OK', 'VALUE e 0 1', 'x', 'END'];
    $clock->clock_at(105);
    converses $clock, 'nor before its time', ['get e', 'set f 0 0 1', 'y'] => ['VALUE e 0 1', 'x', 'END', 'STORED'];
    $clock->clock_at(112);
    converses $clock, 'at its time everything older is gone', ['get e f', 'set e 0 0 1', 'z', 'get e'] =>
        ['END', 'STORED', 'VALUE e 0 1', 'z', 'END'];
    $clock->clock_at(200);
    converses $clock, 'it does not happen again', ['get e'] => ['VALUE e 0 1', 'z', 'END'];

    converses $clock, 'a later flush_all replaces a waiting one', ['flush_all 1000', 'flush_all', 'get e', 'set e 0 0 1', 'n'] =>
        ['OK', 'OK', 'END', 'STORED'];
    my $soon = $clock->stats->{time} + 50;
    converses $clock, 'an absolute time', ["flush_all $soon", 'get e'] => ['OK', 'VALUE e 0 1', 'n', 'END'];
    $clock->clock_at(260);
    converses $clock, 'and it has passed', ['get e'] => ['END'];
    stops_cleanly $clock;
}

my $forbidden = Larder->start(args => ['-F']);
converses $forbidden, '-F forbids it', ['set a 0 0 1', 'x', 'flush_all', 'flush_all 0', 'get a'] =>
    ['STORED', ('CLIENT_ERROR flush_all not allowed') x 2, 'VALUE a 0 1', 'x', 'END'];

stops_cleanly $forbidden;
stops_cleanly $server;
done_testing;
