# delete: once, whatever follows the key.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'once', ['set a1 0 0 1', 'x', 'delete a1', 'delete a1', 'get a1'] =>
    ['STORED', 'DELETED', 'NOT_FOUND', 'END'];
converses $server, 'with the old time of 0', ['set a2 0 0 1', 'x', 'delete a2 0'] => ['STORED', 'DELETED'];
converses $server, 'with noreply', ['set a3 0 0 1', 'x', 'delete a3 noreply', 'get a3', 'delete a3 noreply'] =>
    ['STORED', 'END'];
converses $server, 'with 0 and noreply', ['set a4 0 0 1', 'x', 'delete a4 0 noreply', 'get a4'] => ['STORED', 'END'];
converses $server, 'what was deleted can be added', ['set a5 0 0 1', 'x', 'delete a5', 'add a5 0 0 1', 'y', 'get a5'] =>
    ['STORED', 'DELETED', 'STORED', 'VALUE a5 0 1', 'y', 'END'];
converses $server, 'a large value', "set a6 0 0 900000\r\n" . ('x' x 900_000) . "\r\ndelete a6\r\nget a6\r\n" =>
    ['STORED', 'DELETED', 'END'];
converses $server, 'every other key stays', ['set b1 0 0 1', '1', 'set b2 0 0 1', '2', 'set b3 0 0 1', '3', 'delete b2', 'get b1 b2 b3'] =>
    ['STORED', 'STORED', 'STORED', 'DELETED', 'VALUE b1 0 1', '1', 'VALUE b3 0 1', '3', 'END'];
my $over = 'k' x 251;
converses $server, 'a key of 251 bytes', ["delete $over"] => ['CLIENT_ERROR bad command line format'];
if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'every further argument is ignored', ['set c1 0 0 1', 'x', 'delete c1 bar baz', 'delete c1 a b c d e'] =>
        ['STORED', 'DELETED', 'NOT_FOUND'];
    converses $server, 'no key', ['delete'] => [$bad];
    converses $server, 'a key called noreply is deleted in silence', ['delete noreply'] => [];
}

stops_cleanly $server;
done_testing;
