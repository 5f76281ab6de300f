# incr and decr: 64 bit unsigned, wrapping up and stopping at 0, with the padding that clients know.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;
my $bad_delta = 'CLIENT_ERROR invalid numeric delta argument';
my $bad_value = 'CLIENT_ERROR cannot increment or decrement non-numeric value';

converses $server, 'up and down', ['set a1 0 0 2', '10', 'incr a1 5', 'decr a1 3', 'get a1'] =>
    ['STORED', '15', '12', 'VALUE a1 0 2', '12', 'END'];
converses $server, 'a miss', ['incr a2 1', 'decr a2 1', 'get a2'] => ['NOT_FOUND', 'NOT_FOUND', 'END'];
converses $server, 'a longer number takes its room, the flags stay', ['set a3 5 0 2', '99', 'incr a3 1', 'get a3'] =>
    ['STORED', '100', 'VALUE a3 5 3', '100', 'END'];
converses $server, 'a shorter number is padded with spaces', ['set a4 0 0 2', '10', 'decr a4 1', 'get a4'] =>
    ['STORED', '9', 'VALUE a4 0 2', '9 ', 'END'];
converses $server, 'decr stops at 0', ['set a5 0 0 1', '5', 'decr a5 6', 'get a5', 'decr a5 1'] =>
    ['STORED', '0', 'VALUE a5 0 1', '0', 'END', '0'];
converses $server, 'incr wraps at 2^64', ['set a6 0 0 20', '18446744073709551615', 'incr a6 1', 'get a6'] =>
    ['STORED', '0', 'VALUE a6 0 20', '0' . ' ' x 19, 'END'];
converses $server, 'incr by the most', ['set a7 0 0 1', '0', 'incr a7 18446744073709551615', 'get a7'] =>
    ['STORED', '18446744073709551615', 'VALUE a7 0 20', '18446744073709551615', 'END'];
converses $server, 'by 0', ['set a8 0 0 1', '4', 'incr a8 0', 'decr a8 0', 'get a8'] =>
    ['STORED', '4', '4', 'VALUE a8 0 1', '4', 'END'];
converses $server, 'a trailing space in the value', ['set a9 0 0 2', '1 ', 'incr a9 1', 'get a9'] =>
    qr/^STORED\r\n2\r\nVALUE a9 0 [12]\r\n2 ?\r\nEND\r\n\z/;
converses $server, 'a long run of steps', ['set b1 0 0 1', '0', ('incr b1 1') x 200, 'get b1'] =>
    ['STORED', 1 .. 200, 'VALUE b1 0 3', '200', 'END'];
converses $server, 'and back', ['set b2 0 0 3', '200', ('decr b2 1') x 200, 'get b2'] =>
    ['STORED', reverse(0 .. 199), 'VALUE b2 0 3', '0  ', 'END'];
converses $server, 'leading zeros count as a number', ['set b3 0 0 3', '007', 'incr b3 1'] => ['STORED', '8'];
converses $server, 'after append it is still a number', ['set b4 0 0 1', '1', 'append b4 0 0 1', '2', 'incr b4 1'] =>
    ['STORED', 'STORED', '13'];
converses $server, 'the time to live stays', ['set b5 0 1000 1', '1', 'incr b5 1', 'incr b5 10', 'mg b5 t'] =>
    qr/^STORED\r\n2\r\n12\r\nHD t(?:1000|999)\r\n\z/;

converses $server, 'deltas that are none', ['set c1 0 0 1', '0', 'incr c1 -1', 'incr c1 1.5', 'incr c1 abc', 'decr c1 -1'] =>
    ['STORED', ($bad_delta) x 4];
converses $server, 'a delta beyond 64 bits', ['set c2 0 0 1', '0', 'incr c2 18446744073709551616', 'get c2'] =>
    ['STORED', $bad_delta, 'VALUE c2 0 1', '0', 'END'];
converses $server, 'a negative value', ['set c3 0 0 2', '-1', 'incr c3 1', 'get c3'] =>
    ['STORED', $bad_value, 'VALUE c3 0 2', '-1', 'END'];
converses $server, 'a value with letters', ['set c4 0 0 3', '12a', 'incr c4 1', 'set c4 0 0 3', 'abc', 'decr c4 1'] =>
    ['STORED', $bad_value, 'STORED', $bad_value];
converses $server, 'a value beyond 64 bits', ['set c5 0 0 20', '99999999999999999999', 'incr c5 1'] =>
    ['STORED', $bad_value];
converses $server, 'an empty value', ['set c6 0 0 0', '', 'incr c6 1'] => ['STORED', $bad_value];
converses $server, 'a value far too long', "set c7 0 0 100000\r\n" . ('1' x 100_000) . "\r\nincr c7 1\r\n" =>
    ['STORED', $bad_value];
my $over = 'k' x 251;
converses $server, 'a key of 251 bytes', ["incr $over 1", "decr $over 1"] =>
    [('CLIENT_ERROR bad command line format') x 2];

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'too few arguments', ['incr', 'incr n', 'decr', 'decr n'] => [$bad, $bad, $bad, $bad];
    converses $server, 'a padded value shrinks at the next incr',
        ['set d1 0 0 3', '100', 'decr d1 99', 'get d1', 'incr d1 1', 'get d1'] =>
        ['STORED', '1', 'VALUE d1 0 3', '1  ', 'END', '2', 'VALUE d1 0 1', '2', 'END'];
    converses $server, 'one trailing space stays', ['set d2 0 0 2', '1 ', 'incr d2 1', 'get d2'] =>
        ['STORED', '2', 'VALUE d2 0 2', '2 ', 'END'];
    converses $server, 'a leading space and a second word', ['set d3 0 0 2', ' 1', 'incr d3 1', 'set d3 0 0 3', '1 2', 'incr d3 1'] =>
        ['STORED', '2', 'STORED', '2'];
}

stops_cleanly $server;
done_testing;
