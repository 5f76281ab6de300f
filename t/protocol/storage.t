# The storage commands: what is stored, what is refused, and what becomes of a body that is not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'set stores', ['set a1 0 0 3', 'bar', 'get a1'] => ['STORED', 'VALUE a1 0 3', 'bar', 'END'];
converses $server, 'set replaces', ['set a2 1 0 1', 'x', 'set a2 2 0 2', 'yy', 'get a2'] =>
    ['STORED', 'STORED', 'VALUE a2 2 2', 'yy', 'END'];
converses $server, 'an empty value', ['set a3 0 0 0', '', 'get a3'] => ['STORED', 'VALUE a3 0 0', '', 'END'];
converses $server, 'any byte may stand in a value', "set a4 0 0 7\r\na\r\nb\0\xffc\r\nget a4\r\n" =>
    "STORED\r\nVALUE a4 0 7\r\na\r\nb\0\xffc\r\nEND\r\n";
converses $server, 'all 256 bytes', "set a5 0 0 256\r\n" . join('', map { chr } 0 .. 255) . "\r\nget a5\r\n" =>
    "STORED\r\nVALUE a5 0 256\r\n" . join('', map { chr } 0 .. 255) . "\r\nEND\r\n";

converses $server, 'add stores what is absent only', ['add b1 3 0 1', 'a', 'add b1 4 0 1', 'b', 'get b1'] =>
    ['STORED', 'NOT_STORED', 'VALUE b1 3 1', 'a', 'END'];
converses $server, 'replace stores what is present only',
    ['replace b2 0 0 1', 'a', 'get b2', 'set b2 0 0 1', 'b', 'replace b2 7 0 2', 'cc', 'get b2'] =>
    ['NOT_STORED', 'END', 'STORED', 'STORED', 'VALUE b2 7 2', 'cc', 'END'];
converses $server, 'append and prepend need a value', ['append b3 0 0 1', 'a', 'prepend b3 0 0 1', 'a', 'get b3'] =>
    ['NOT_STORED', 'NOT_STORED', 'END'];
converses $server, 'append and prepend join, and keep the flags',
    ['set b4 5 0 1', 'm', 'append b4 9 0 2', 'xy', 'prepend b4 8 0 2', 'ab', 'get b4'] =>
    ['STORED', 'STORED', 'STORED', 'VALUE b4 5 5', 'abmxy', 'END'];
converses $server, 'append of nothing', ['set b5 0 0 1', 'm', 'append b5 0 0 0', '', 'get b5'] =>
    ['STORED', 'STORED', 'VALUE b5 0 1', 'm', 'END'];
converses $server, 'append and prepend of large values',
    "set b6 0 0 400000\r\n" . ('x' x 400_000) . "\r\nappend b6 0 0 400000\r\n" . ('y' x 400_000)
    . "\r\nprepend b6 0 0 100000\r\n" . ('w' x 100_000) . "\r\nget b6\r\n" =>
    "STORED\r\nSTORED\r\nSTORED\r\nVALUE b6 0 900000\r\n"
    . ('w' x 100_000) . ('x' x 400_000) . ('y' x 400_000) . "\r\nEND\r\n";

# Sets that come together are taken many at a time; 40 are more than one such batch.
my @numbers = (1 .. 40);
converses $server, 'pipelined sets take effect in their order',
    [(map { ("set p1 $_ 0 " . length, $_) } @numbers), 'get p1'] =>
    [(map { 'STORED' } @numbers), 'VALUE p1 40 2', '40', 'END'];
converses $server, 'pipelined sets of many keys', [(map { ("set p2-$_ 0 0 3", sprintf '%03d', $_) } @numbers),
    'get ' . join ' ', map { "p2-$_" } @numbers] =>
    [(map { 'STORED' } @numbers), (map { ("VALUE p2-$_ 0 3", sprintf '%03d', $_) } @numbers), 'END'];
converses $server, 'a body that is too long amid pipelined sets',
    ['set p3 0 0 1', 'a', 'set p4 0 0 1', 'b', 'set p5 0 0 1', 'c++odd', 'set p6 1234567890 0 1', 'd', 'get p3 p4 p5 p6'] =>
    ['STORED', 'STORED', 'CLIENT_ERROR bad data chunk', 'ERROR', 'STORED', 'VALUE p3 0 1', 'a', 'VALUE p4 0 1', 'b',
    'VALUE p6 1234567890 1', 'd', 'END'];
converses $server, 'a negative exptime amid pipelined sets',
    ['set p7 0 0 1', 'a', 'set p7 0 -1 1', 'b', 'set p8 0 0 1', 'c', 'get p7 p8'] =>
    ['STORED', 'STORED', 'STORED', 'VALUE p8 0 1', 'c', 'END'];

converses $server, 'the largest flags', ['set c1 4294967295 0 3', 'bar', 'get c1'] =>
    ['STORED', 'VALUE c1 4294967295 3', 'bar', 'END'];
converses $server, 'a length may have leading zeros', ['set c2 0 0 03', 'bar', 'get c2'] =>
    ['STORED', 'VALUE c2 0 3', 'bar', 'END'];
converses $server, 'an unknown sixth token is ignored', ['set c3 0 0 3 bogus', 'bar', 'get c3'] =>
    ['STORED', 'VALUE c3 0 3', 'bar', 'END'];
converses $server, 'spaces may be doubled and trail', "set  c4  0  0  3 \r\nbar\r\nget  c4\r\n" =>
    ['STORED', 'VALUE c4 0 3', 'bar', 'END'];
converses $server, 'a command line may end in a bare newline', "set c5 0 0 3\nbar\r\nget c5\n" =>
    ['STORED', 'VALUE c5 0 3', 'bar', 'END'];
converses $server, 'a tab belongs to a key', "set c\t6 0 0 1\r\nx\r\nget c\t6\r\n" =>
    "STORED\r\nVALUE c\t6 0 1\r\nx\r\nEND\r\n";
converses $server, 'control and 8 bit bytes belong to a key', "set c\x01\xff 0 0 1\r\nx\r\nget c\x01\xff\r\n" =>
    "STORED\r\nVALUE c\x01\xff 0 1\r\nx\r\nEND\r\n";
my $longest = 'k' x 250;
converses $server, 'a key of 250 bytes', ["set $longest 0 0 1", 'x', "get $longest"] =>
    ['STORED', "VALUE $longest 0 1", 'x', 'END'];

# A length that says nothing leaves no body to swallow: what follows is a command.
converses $server, 'a negative length', ['set d1 0 0 -1', 'bar'] => ['CLIENT_ERROR bad command line format', 'ERROR'];
converses $server, 'a length above what a body may have', ['set d2 0 0 2147483646', 'get d2'] =>
    ['CLIENT_ERROR bad command line format', 'END'];
converses $server, 'a length of 32 bits', ['set d3 0 0 4294967295', 'get d3'] =>
    ['CLIENT_ERROR bad command line format', 'END'];
converses $server, 'a length of 64 bits and more', ['set d4 0 0 18446744073709551619', 'bar', 'get d4'] =>
    ['CLIENT_ERROR bad command line format', 'ERROR', 'END'];
converses $server, 'a length with a fraction', ['set d5 0 0 3.0', 'bar', 'get d5'] =>
    ['CLIENT_ERROR bad command line format', 'ERROR', 'END'];
converses $server, 'a length with a letter', ['set d6 0 0 3a', 'bar', 'get d6'] =>
    ['CLIENT_ERROR bad command line format', 'ERROR', 'END'];

converses $server, 'a body longer than declared is not stored, the old value stays',
    ['set e1 0 0 3', 'old', 'set e1 0 0 3', 'barbaz and so on', 'get e1'] =>
    qr/^STORED\r\nCLIENT_ERROR bad data chunk\r\n(?:ERROR\r\n)?VALUE e1 0 3\r\nold\r\nEND\r\n\z/;
converses $server, 'a body ended by a bare newline is bad', "set e2 0 0 3\r\nbar\nget e2\r\n" =>
    ['CLIENT_ERROR bad data chunk', 'ERROR'];

# The line of a key, value and header against -I decides, whatever the store itself needs.
converses $server, 'just under the item limit', "set f1 0 0 1048000\r\n" . ('x' x 1_048_000) . "\r\n" => ['STORED'];
converses $server, 'too large: the body is swallowed and the old value is gone',
    "set f2 0 0 3\r\nold\r\nset f2 0 0 1048577\r\n" . ('x' x 1_048_577) . "\r\nget f2\r\n" =>
    ['STORED', 'SERVER_ERROR object too large for cache', 'END'];
converses $server, 'too large by far', "set f3 0 0 3000000\r\n" . ('x' x 3_000_000) . "\r\nget f3\r\n" =>
    ['SERVER_ERROR object too large for cache', 'END'];

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';

    # What was wrong with the line is told, and its body is swallowed.
    converses $server, 'flags that are no number', ['set g1 abc 0 3', 'bar', 'get g1'] => [$bad, 'END'];
    converses $server, 'flags with a fraction', ['set g2 1.5 0 3', 'bar', 'get g2'] => [$bad, 'END'];
    converses $server, 'flags beyond 32 bits', ['set g3 4294967296 0 3', 'bar', 'get g3'] => [$bad, 'END'];
    converses $server, 'negative flags', ['set g4 -1 0 3', 'bar', 'get g4'] => [$bad, 'END'];
    converses $server, 'an exptime that is no number', ['set g5 0 abc 3', 'bar', 'get g5'] => [$bad, 'END'];
    converses $server, 'a key of 251 bytes', ["set k$longest 0 0 1", 'x', 'get g6'] => [$bad, 'END'];

    converses $server, 'too few arguments', ['set', 'set g7', 'set g7 0', 'set g7 0 0', 'set g7 0 0 noreply'] =>
        [$bad, $bad, $bad, $bad, $bad];
    converses $server, 'the next command after a short one', ['set g8', 'set g9 0 0 1', 'x', 'get g9'] =>
        [$bad, 'STORED', 'VALUE g9 0 1', 'x', 'END'];
    converses $server, 'what follows the declared length is read as a command',
        ['set h1 0 0 3', 'barbaz', 'get h1'] => ['CLIENT_ERROR bad data chunk', $bad, 'END'];
    converses $server, 'an empty line after a body', ['set h2 0 0 3', 'bar', '', 'get h2'] =>
        ['STORED', $bad, 'VALUE h2 0 3', 'bar', 'END'];

    # 56 bytes of header, the key and its end, the value and its line end: 1048576 in all.
    my $fits = 1_048_514;
    converses $server, 'the largest value of a 3 byte key', "set fit 0 0 $fits\r\n" . ('v' x $fits) . "\r\n" =>
        ['STORED'];
    my $over = $fits + 1;
    converses $server, 'one byte more', "set fit 0 0 $over\r\n" . ('v' x $over) . "\r\nget fit\r\n" =>
        ['SERVER_ERROR object too large for cache', 'END'];
    converses $server, 'appending beyond the limit keeps the old value',
        "set h3 0 0 3\r\nold\r\nappend h3 0 0 1048513\r\n" . ('v' x 1_048_513) . "\r\nget h3\r\n" =>
        ['STORED', 'NOT_STORED', 'VALUE h3 0 3', 'old', 'END'];
}

stops_cleanly $server;
done_testing;
