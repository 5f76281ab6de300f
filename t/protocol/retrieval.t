# get, gets, gat and gats: one key or many, hits and misses, long lines and values.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'a miss', ['get a1'] => ['END'];
converses $server, 'hits and misses in one line', ['set a2 7 0 3', 'two', 'set a3 0 0 5', 'three', 'get a2 none a3 a2'] =>
    ['STORED', 'STORED', 'VALUE a2 7 3', 'two', 'VALUE a3 0 5', 'three', 'VALUE a2 7 3', 'two', 'END'];
converses $server, 'gets shows a cas unique', ['set a4 0 0 1', 'x', 'gets a4 none a4'] =>
    qr/^STORED\r\nVALUE a4 0 1 (\d+)\r\nx\r\nVALUE a4 0 1 \1\r\nx\r\nEND\r\n\z/;
converses $server, 'two spaces', ['get  a5'] => ['END'];
converses $server, 'noreply is but a key to get', ['get a6 noreply'] => ['END'];
converses $server, 'a leading space is no command', [' xyz a7'] => ['ERROR'];
converses $server, 'a tab separates nothing', ["get\ta8"] => ['ERROR'];
converses $server, 'commands are case sensitive', ['GET a9', 'Get a9', 'gEt a9'] => ['ERROR', 'ERROR', 'ERROR'];
converses $server, 'a longer word is another command', ['gete a10', 'getss a10', 'gatss 0 a10'] =>
    ['ERROR', 'ERROR', 'ERROR'];

converses $server, 'three hundred keys in a line', "set b1 0 0 1\r\n1\r\nget" . (' b1' x 300) . "\r\n" =>
    "STORED\r\n" . ("VALUE b1 0 1\r\n1\r\n" x 300) . "END\r\n";
converses $server, 'a get line of 248 KB', 'get' . ((' ' . 'k' x 30) x 8000) . "\r\n" => ['END'];
converses $server, 'a gets line of 248 KB', 'gets' . ((' ' . 'k' x 30) x 8000) . "\r\n" => ['END'];
converses $server, 'hits at the end of a long line',
    "set b2 0 0 4\r\nlast\r\nget" . (' nothing' x 10_000) . " b2\r\n" => ['STORED', 'VALUE b2 0 4', 'last', 'END'];
closes $server, 'a gat line that long closes', 'gat 0' . ((' ' . 'k' x 30) x 8000) . "\r\n";
closes $server, 'and so does a gats line', 'gats 0' . ((' ' . 'k' x 30) x 8000) . "\r\n";

my $value = join '', map { chr(33 + ($_ * 7) % 90) } 1 .. 1_000_000;
converses $server, 'a large value', "set c1 0 0 1000000\r\n$value\r\nget c1\r\n" =>
    "STORED\r\nVALUE c1 0 1000000\r\n$value\r\nEND\r\n";
converses $server, 'a large value many times over', 'get' . (' c1' x 20) . "\r\n" =>
    ("VALUE c1 0 1000000\r\n$value\r\n" x 20) . "END\r\n";

converses $server, 'gat of a miss', ['gat 0 d1', 'gats 0 d1 d2'] => ['END', 'END'];
converses $server, 'gat shows values', ['set d3 2 0 1', 'a', 'set d4 0 0 1', 'b', 'gat 0 d3 none d4'] =>
    ['STORED', 'STORED', 'VALUE d3 2 1', 'a', 'VALUE d4 0 1', 'b', 'END'];
converses $server, 'gats shows cas uniques, and gat leaves them', ['set d5 0 0 1', 'a', 'gets d5', 'gat 100 d5', 'gats 0 d5'] =>
    qr/^STORED\r\nVALUE d5 0 1 (\d+)\r\na\r\nEND\r\nVALUE d5 0 1\r\na\r\nEND\r\nVALUE d5 0 1 \1\r\na\r\nEND\r\n\z/;
converses $server, 'gat sets the time to live', ['set d6 0 100 1', 'a', 'gat 5000 d6', 'mg d6 t'] =>
    qr/^STORED\r\nVALUE d6 0 1\r\na\r\nEND\r\nHD t(?:5000|4999)\r\n\z/;
converses $server, 'gat with an exptime that is no number', ['gat abc d7'] =>
    ['CLIENT_ERROR invalid exptime argument'];
converses $server, 'gat with a negative exptime shows the value once', ['set d8 0 0 1', 'a', 'gat -1 d8', 'get d8'] =>
    ['STORED', 'VALUE d8 0 1', 'a', 'END', 'END'];

my $over = 'k' x 251;
for my $command ('get', 'gets', 'get none', 'gat 0', 'gats 0') {
    converses $server, "$command with a key of 251 bytes", ["$command $over"] => ['CLIENT_ERROR bad command line format'];
}

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'no key', ['get ', 'gets', 'gat', 'gats 10'] => [$bad, $bad, $bad, $bad];
    converses $server, 'a leading space before get', ['set e1 0 0 1', 'a', ' get e1'] => ['STORED', 'ERROR'];
}

stops_cleanly $server;
done_testing;
