#!/usr/bin/perl
# Who may store an item anew: vivified keys, items about to expire and stale ones; Z, X and W of mg; md with I and x;
# ms with I and N; C and E of ma.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only;
my $server = Larder->start(args => ['-o', 'debug_commands']);

converses $server, 'the clock stands still', ['debugtime p'] => ['OK'];
converses $server, 'the first to miss makes the key and has won it',
    ['mg v1 N100 c E55 t s f h v k', 'mg v1 t h', 'mg v1 c', 'get v1', 'add v1 0 0 1', 'x'] =>
    ['VA 0 c55 t100 s0 f0 h0 kv1 W', '', 'HD t100 h1 Z', 'HD c55 Z', 'VALUE v1 0 0', '', 'END', 'NOT_STORED'];
converses $server, 'what is stored anew can be won anew', ['mg v2 N100', 'ms v2 1', 'x', 'mg v2', 'mg v2 v'] =>
    ['HD W', 'HD', 'HD', 'VA 1', 'x'];
converses $server, 'N with T; in silence', ['mg v3 N100 t T5', 'mg v3 t', 'mg v6 t T5 N7', 'mg v6 t', 'mg v4 N100 q', 'mg v5 N-1', 'mg v5'] =>
    ['HD t100 W', 'HD t5 Z', 'HD t-1 W', 'HD t7 Z', 'HD W', 'HD W', 'EN'];
converses $server, 'items that expire soon', ['ms r1 1 T100', 'x', 'mg r1 R30', 'mg r1 R100', 'mg r1 R101', 'mg r1 R101', 'mg r1'] =>
    ['HD', 'HD', 'HD', 'HD W', 'HD Z', 'HD Z'];
converses $server, 'R goes by the time-to-live at its place', ['ms r2 1 T100', 'x', 'mg r2 T300 R101', 'mg r2 R301 T300', 'mg r2 t'] =>
    ['HD', 'HD', 'HD W', 'HD t300 Z'];
converses $server, 'R and no time-to-live', ['ms r3 1', 'x', 'mg r3 R2000', 'mg r3 R-1', 'mg r3 R0'] => [('HD') x 4];

converses $server, 'stale: one wins, data stays', ['ms s1 3 E7', 'bar', 'md s1 I E8', 'mg s1 v c', 'mg s1 v c', 'get s1'] =>
    ['HD', 'HD', 'VA 3 c8 X W', 'bar', 'VA 3 c8 Z X', 'bar', 'VALUE s1 0 3', 'bar', 'END'];
converses $server, 'the winner stores', ['ms s1 2 C8', 'ok', 'mg s1 v'] => ['HD', 'VA 2', 'ok'];
converses $server, 'invalidated again it can be won again', ['md s1 I T50', 'mg s1 t', 'md s1 I', 'mg s1 t', 'mg s1'] =>
    ['HD', 'HD t50 X W', 'HD', 'HD t50 X W', 'HD Z X'];
converses $server, 'touch leaves it stale and won, append does not', ['touch s1 70', 'mg s1 t', 'append s1 0 0 1', '!', 'mg s1 v t'] =>
    ['TOUCHED', 'HD t70 Z X', 'STORED', 'VA 3 t70', 'ok!'];
converses $server, 'invalidation keeps the hit', ['set s2 0 0 1', 'x', 'mg s2 h', 'mg s2 h', 'md s2 I', 'mg s2 h u'] =>
    ['STORED', 'HD h0', 'HD h1', 'HD', 'HD h1 X W'];
converses $server, 'an older unique with I: stale, with the time-to-live and the winner that were there',
    ['ms i1 3 E100 T90', 'bar', 'ms i1 2 C50 I T5 F3', 'xx', 'mg i1 v t f', 'ms i1 1 C60 I E70', 'y', 'mg i1 v', 'ms i1 1 C60 I E70', 'y',
        'mg i1 v c', 'ms i1 1 C200 I', 'z', 'ms i1 1 C60', 'z'] =>
    ['HD', 'HD', 'VA 2 t90 f3 X W', 'xx', 'HD', 'VA 1 Z X', 'y', 'HD', 'VA 1 c70 Z X', 'y', 'EX', 'EX'];
converses $server, 'the old unique is older than the one of an invalidation',
    ['ms i2 1', 'x', 'md i2 I', 'mg i2', 'mg i2', 'ms none 1 C1 I', 'x'] => ['HD', 'HD', 'HD X W', 'HD Z X', 'NF'];
my $client = $server->connect;
my @uniques = scalar($client->converse(crlf('ms i3 1 E9', 'x', 'md i3 I', 'mg i3 c', 'md i3 I', 'mg i3 c', 'md i3 x', 'mg i3 c'))) =~ / c(\d+)/g;
isnt $uniques[0], 10, 'invalidation gives a unique of its own after one that a client gave';
is_deeply [@uniques[1, 2]], [$uniques[0] + 1, $uniques[0] + 2], 'and one more after one that was seen';
my ($unique) = scalar($client->converse("ms i4 1 c\r\nx\r\n")) =~ /^HD c(\d+)/;
is scalar($client->converse("touch i4 100\r\nmd i4 I\r\nmg i4 c\r\n")), "TOUCHED\r\nHD\r\nHD c@{[$unique + 1]} X W\r\n",
    '... after a touch';
$client->close;
converses $server, 'x takes the value', ['ms x1 3 F9 T100', 'bar', 'md x1 x I T50', 'mg x1 v f t', 'ms x2 3 F9 T100', 'bar', 'md x2 x', 'mg x2 v f t'] =>
    ['HD', 'HD', 'VA 0 f0 t50 X W', '', 'HD', 'HD', 'VA 0 f0 t-1', ''];
converses $server, 'md I compares, and misses', ['ms m1 1 E5', 'x', 'md m1 I C4', 'md m1 I C5 q', 'md none I', 'md none x q', 'mg m1'] =>
    ['HD', 'EX', 'NF', 'NF', 'HD X W'];

my $large = 'ab' x 150_000;
converses $server, 'a large value goes stale without being written anew',
    "ms l1 300000 T100\r\n$large\r\nmd l1 I E9 T50\r\nmg l1 s t c\r\nmg l1 s v\r\nmd l1 I\r\nmg l1\r\nms l1 300000 C1 I\r\n$large\r\nmg l1 s t\r\n"
        . "md l1 x\r\nmg l1 s\r\n" =>
    "HD\r\nHD\r\nHD s300000 t50 c9 X W\r\nVA 300000 s300000 Z X\r\n$large\r\nHD\r\nHD X W\r\nHD\r\nHD s300000 t50 Z X\r\nHD\r\nHD s0\r\n";

converses $server, 'append makes a key with N', ['ms a1 2 MA N100 F7', 'ab', 'ms a1 2 MP N50 s', 'cd', 'mg a1 v t f', 'ms a2 1 MA', 'x'] =>
    ['HD', 'HD s4', 'VA 4 t100 f7', 'cdab', 'NS'];
converses $server, 'append makes a large key with N', "ms a3 300000 MA N100\r\n$large\r\nms a3 300000 MA N50\r\n$large\r\nmg a3 s t\r\n" =>
    ['HD', 'HD', 'HD s600000 t100'];
converses $server, 'ma compares and gives a unique', ['ms n1 1 E5', '5', 'ma n1 C4', 'ma n1 C5 E6 c v', 'ma n1 C9 q', 'ma n2 N0 J3 E77 c', 'ma n3 C1'] =>
    ['HD', 'EX', 'VA 1 c6', '6', 'EX', 'HD c77', 'NF'];
converses $server, 'keys in base64 stay so', ['ms Zm9v 1 b', '5', 'mg foo k', 'ma foo D100', 'mg foo k', 'set foo 0 0 1', 'x', 'mg Zm9v b k', 'mg YQ== b N9 k', 'mg a k'] =>
    ['HD', 'HD kZm9v b', 'HD', 'HD kZm9v b', 'STORED', 'HD kfoo', 'HD kYQ== b W', 'HD kYQ== b Z'];
converses $server, 'flags of other commands are passed over, but read', ['mg none F1 I x C5 D1 J1', 'mg none Dx', 'mg none Jx', 'md none v f', 'ma none u'] =>
    ['EN', 'CLIENT_ERROR invalid numeric delta value', 'CLIENT_ERROR invalid numeric initial value', 'NF', 'NF'];
converses $server, 'time since the last use', ['set t1 0 0 1', 'x', 'mg t1 l u', 'mg t1 l', 'mg t1 l'] => qr/^STORED\r\nHD l\d+\r\nHD l\d+\r\nHD l0\r\n\z/;

converses $server, 'me', ['ms e1 3 E5 T100', 'bar', 'me e1', 'get e1', 'me e1 x', 'me none', 'me', 'me !!! b', 'ms ZTI= 1 b E6', 'x', 'me e2', 'me ZTI= b'] =>
    qr/^HD\r\nME e1 exp=-100 la=\d+ cas=5 fetch=no cls=1 size=\d+\r\nVALUE e1 0 3\r\nbar\r\nEND\r
ME e1 exp=-100 la=0 cas=5 fetch=yes cls=1 size=\d+\r\nEN\r\n(CLIENT_ERROR bad command line format\r\n){2}HD\r
(ME ZTI= exp=-1 la=\d+ cas=6 fetch=no cls=1 size=\d+\r\n){2}\z/;

# A pipeline that is stopped by a full output runs its lines once: one hit is counted, one client wins.
my $big = 'v' x 15_000;
converses $server, 'W and h come once when the output is full',
    "ms f1 15000 T100\r\n$big\r\nmd f1 I\r\n" . "mg f1 v h t T50\r\n" x 12 =>
    "HD\r\nHD\r\nVA 15000 h0 t100 X W\r\n$big\r\n" . "VA 15000 h1 t50 Z X\r\n$big\r\n" x 11;

stops_cleanly $server;
done_testing;
