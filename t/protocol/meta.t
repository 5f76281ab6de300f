# The meta commands mn, mg with f s t v T, ms with E and F, as memcached answers them too.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

{
    my $connection = $server->connect;
    $connection->send("mn\r\nmn foo bar\r\n");
    is $connection->read_exactly(8), "MN\r\nMN\r\n", 'mn';
}

converses $server, 'a miss', ['mg a1', 'mg a1 v', 'mg a1 f s t v', 'mg a1 T100'] => [('EN') x 4];
converses $server, 'ms stores, mg shows', ['ms a2 3', 'bar', 'mg a2', 'mg a2 s', 'mg a2 v', 'get a2'] =>
    ['HD', 'HD', 'HD s3', 'VA 3', 'bar', 'VALUE a2 0 3', 'bar', 'END'];
converses $server, 'flags are answered in the order asked', ['ms a3 3 F5', 'bar', 'mg a3 s t f v', 'mg a3 f v t s'] =>
    ['HD', 'VA 3 s3 t-1 f5', 'bar', 'VA 3 f5 t-1 s3', 'bar'];
converses $server, 'what get sees of ms', ['ms a4 2 F4294967295', 'hi', 'get a4'] =>
    ['HD', 'VALUE a4 4294967295 2', 'hi', 'END'];
converses $server, 'what mg sees of set', ['set a5 9 0 2', 'hi', 'mg a5 f s t v'] =>
    ['STORED', 'VA 2 f9 s2 t-1', 'hi'];
converses $server, 'an empty value', ['ms a6 0', '', 'mg a6 s v'] => ['HD', 'VA 0 s0', ''];
converses $server, 'T sets the time to live', ['set a7 0 100 1', 'x', 'mg a7 t T5000', 'mg a7 T9000 t', 'mg a7 T0', 'mg a7 t'] =>
    qr/^STORED\r\nHD t(?:5000|4999|100|99)\r\nHD t(?:9000|8999)\r\nHD\r\nHD t-1\r\n\z/;
converses $server, 'double spaces', ['ms  a8  3', 'bar', 'mg  a8  v'] => ['HD', 'VA 3', 'bar'];
converses $server, 'a large value', "ms a9 900000\r\n" . ('ab' x 450_000) . "\r\nmg a9 s v\r\n" =>
    "HD\r\nVA 900000 s900000\r\n" . ('ab' x 450_000) . "\r\n";
my $longest = 'k' x 250;
converses $server, 'a key of 250 bytes', ["ms $longest 1", 'x', "mg $longest v"] => ['HD', 'VA 1', 'x'];

my $bad = 'CLIENT_ERROR bad command line format';
my $token = 'CLIENT_ERROR bad token in command line format';
converses $server, 'flags that are none', ['mg b1 z', 'mg b1 S100'] => [('CLIENT_ERROR invalid flag') x 2];
converses $server, 'ms without a length', ['ms b2'] => [$bad];
converses $server, 'a length below zero', ['ms b3 -1'] => [$bad];
converses $server, 'client flags that are no number: the body is swallowed', ['ms b4 3 Fabc', 'bar'] => [$bad];
converses $server, 'too large: the body is swallowed', "ms b5 1048577\r\n" . ('x' x 1_048_577) . "\r\n" =>
    ['SERVER_ERROR object too large for cache'];

if (is_larder) {
    converses $server, 'E gives the cas unique', ['ms c1 1 E11', '1', 'ms c2 1 E12 F7', '2', 'gets c1 none c2'] =>
        ['HD', 'HD', 'VALUE c1 0 1 11', '1', 'VALUE c2 7 1 12', '2', 'END'];
    converses $server, 'a unique below an older one', ['ms c3 1 E5000', 'a', 'ms c3 1 E50', 'b', 'gets c3'] =>
        ['HD', 'HD', 'VALUE c3 0 1 50', 'b', 'END'];
    converses $server, 'the largest unique', ['ms c4 1 E18446744073709551615', 'a', 'gets c4'] =>
        ['HD', 'VALUE c4 0 1 18446744073709551615', 'a', 'END'];
    converses $server, 'an overwrite makes a new unique', ['ms c5 1 E77', 'a', 'set c5 0 0 1', 'b', 'cas c5 0 0 1 77', 'c', 'get c5'] =>
        ['HD', 'STORED', 'EXISTS', 'VALUE c5 0 1', 'b', 'END'];
    converses $server, 'touch keeps a unique that was given', ['ms c6 1 E78', 'a', 'touch c6 100', 'gets c6', 'mg c6 T0', 'gets c6'] =>
        ['HD', 'TOUCHED', 'VALUE c6 0 1 78', 'a', 'END', 'HD', 'VALUE c6 0 1 78', 'a', 'END'];
    converses $server, 'no key', ['mg', 'ms'] => [$bad, $bad];
    converses $server, 'a key of 251 bytes', ["mg k$longest", "ms k$longest 1", 'x'] => [$bad, $bad];
    converses $server, 'client flags beyond 32 bits', ['ms d1 3 F4294967296', 'bar'] => [$bad];
    converses $server, 'a unique that is no number', ['mg d2 Eabc'] => qr/^CLIENT_ERROR [^\r]+\r\n\z/;
    converses $server, 'the old order of length and flags', ['ms d3 S3', 'bar'] => [$bad, 'ERROR'];
    converses $server, 'a body that is too long', ['ms d4 3', 'barXX'] => ['CLIENT_ERROR bad data chunk', $bad];
    converses $server, 'noreply is no meta flag', ['ms d5 3 noreply', 'bar'] => ['CLIENT_ERROR invalid flag'];
    converses $server, 'a time that is no number', ['set d6 0 0 1', 'x', 'mg d6 Tabc', 'get d6'] =>
        ['STORED', $token, 'VALUE d6 0 1', 'x', 'END'];
    converses $server, 'a flag above 127', ["mg d7 \xc3\xa9"] => [$bad];
}

stops_cleanly $server;
done_testing;
