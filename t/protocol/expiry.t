# Expiry: relative and absolute times, exact to the second, for every command that can meet an expired item.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'a negative time is stored and gone', ['set a1 0 -100 3', 'bar', 'get a1', 'add a1 0 0 1', 'x', 'get a1'] =>
    ['STORED', 'END', 'STORED', 'VALUE a1 0 1', 'x', 'END'];
converses $server, 'it takes an older value along', ['set a2 0 0 3', 'old', 'set a2 0 -1 3', 'new', 'get a2'] =>
    ['STORED', 'STORED', 'END'];
converses $server, '30 days are relative', ['set a3 0 2592000 3', 'bar', 'mg a3 t'] =>
    qr/^STORED\r\nHD t(?:2592000|2591999)\r\n\z/;
converses $server, 'one second more is an absolute time, long past', ['set a4 0 2592001 3', 'bar', 'get a4'] =>
    ['STORED', 'END'];
converses $server, 'an absolute time in 2038', ['set a5 0 2147000000 3', 'bar', 'get a5', 'mg a5 t'] =>
    qr/^STORED\r\nVALUE a5 0 3\r\nbar\r\nEND\r\nHD t\d+\r\n\z/;
converses $server, 'the largest time', ['set a6 0 2147483647 3', 'bar', 'get a6'] =>
    ['STORED', 'VALUE a6 0 3', 'bar', 'END'];
converses $server, '0 is for ever', ['set a7 0 0 1', 'x', 'mg a7 t'] => ['STORED', 'HD t-1'];
converses $server, 'append and prepend keep the time', ['set a8 0 100 1', 'x', 'append a8 0 0 1', 'y', 'prepend a8 0 5000 1', 'w', 'mg a8 t'] =>
    qr/^STORED\r\nSTORED\r\nSTORED\r\nHD t(?:100|99)\r\n\z/;
converses $server, 'mg T changes the time', ['set a9 0 0 3', 'bar', 'mg a9 T-1 v', 'get a9'] =>
    ['STORED', 'VA 3', 'bar', 'END'];

# The server may count a second that has begun here not yet.
my $soon = time + 100;
converses $server, 'an absolute time soon', ["set b1 0 $soon 1", 'x', 'mg b1 t'] => qr/^STORED\r\nHD t(?:9\d|10[01])\r\n\z/;

SKIP: {
    skip 'the clock of this server cannot be moved', 1 if !is_larder;
    $server->clock_at(1000);
    converses $server, 'with ten seconds to go', ['set c 0 10 1', '5', 'mg c t'] => ['STORED', 'HD t10'];
    $server->clock_at(1009);
    converses $server, 'the last second', ['get c', 'mg c t'] => ['VALUE c 0 1', '5', 'END', 'HD t1'];
    $server->clock_at(1010);
    converses $server, 'then it is gone', ['get c'] => ['END'];

    my $now = 2000;
    for my $case (
        ['get d', 'END'], ['gets d', 'END'], ['gat 0 d', 'END'], ['touch d 0', 'NOT_FOUND'], ['delete d', 'NOT_FOUND'],
        ['incr d 1', 'NOT_FOUND'], ['decr d 1', 'NOT_FOUND'], ["append d 0 0 1\r\nx", 'NOT_STORED'],
        ["prepend d 0 0 1\r\nx", 'NOT_STORED'], ["replace d 0 0 1\r\nx", 'NOT_STORED'], ["cas d 0 0 1 1\r\nx", 'NOT_FOUND'],
        ['mg d v', 'EN'],
        )
    {
        my ($command, $reply) = @$case;
        $server->clock_at($now += 10);
        $server->converse(['set d 0 5 1', '1']);
        $server->clock_at($now + 6);
        my $name = escaped($command);
        $name =~ s/\n//g;
        converses $server, "expired to $name", [$command, 'get d'] => [$reply, 'END'];
        $server->converse(['delete d']);
    }
    $server->clock_at(3000);
    converses $server, 'touched in time', ['set e 0 10 1', 'x', 'touch e 100'] => ['STORED', 'TOUCHED'];
    $server->clock_at(3050);
    converses $server, 'lives on', ['get e'] => ['VALUE e 0 1', 'x', 'END'];
    $server->clock_at(3100);
    converses $server, 'to its new end', ['get e', 'add e 0 0 1', 'y', 'get e'] => ['END', 'STORED', 'VALUE e 0 1', 'y', 'END'];
    my $absolute = $server->stats->{time} + 20;
    converses $server, 'an absolute time', ["set f 0 $absolute 1", 'x'] => ['STORED'];
    $server->clock_at(3119);
    converses $server, 'not yet', ['get f'] => ['VALUE f 0 1', 'x', 'END'];
    $server->clock_at(3120);
    converses $server, 'now', ['get f'] => ['END'];

    my $stats = $server->stats;
    cmp_ok $stats->{get_expired}, '>=', 4, 'expired gets are counted';
    converses $server, 'items that never expire stay', ['get a6 a7'] =>
        ['VALUE a6 0 3', 'bar', 'VALUE a7 0 1', 'x', 'END'];
}

stops_cleanly $server;
done_testing;
