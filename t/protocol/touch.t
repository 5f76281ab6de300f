# touch: sets a new time to live and nothing else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'a miss', ['touch a1 0'] => ['NOT_FOUND'];
converses $server, 'a hit gives the new time', ['set a2 6 100 1', 'x', 'touch a2 5000', 'mg a2 t', 'get a2'] =>
    qr/^STORED\r\nTOUCHED\r\nHD t(?:5000|4999)\r\nVALUE a2 6 1\r\nx\r\nEND\r\n\z/;
converses $server, 'to a time without end and back', ['set a3 0 100 1', 'x', 'touch a3 0', 'mg a3 t', 'touch a3 9', 'mg a3 t'] =>
    qr/^STORED\r\nTOUCHED\r\nHD t-1\r\nTOUCHED\r\nHD t[89]\r\n\z/;
converses $server, 'a negative time ends it', ['set a4 0 0 3', 'bar', 'touch a4 -1', 'get a4', 'touch a4 0'] =>
    ['STORED', 'TOUCHED', 'END', 'NOT_FOUND'];
converses $server, 'one second beyond 30 days is a time long past', ['set a5 0 0 3', 'bar', 'touch a5 2592001', 'get a5'] =>
    ['STORED', 'TOUCHED', 'END'];
converses $server, 'with noreply', ['set a6 0 0 1', 'x', 'touch a6 9 noreply', 'mg a6 t', 'touch none 0 noreply'] =>
    qr/^STORED\r\nHD t[89]\r\n\z/;
converses $server, 'a large value keeps its bytes', "set a7 0 0 300000\r\n" . ('ab' x 150_000) . "\r\ntouch a7 100\r\nget a7\r\n" =>
    "STORED\r\nTOUCHED\r\nVALUE a7 0 300000\r\n" . ('ab' x 150_000) . "\r\nEND\r\n";
converses $server, 'a time that is no number', ['touch a8 abc'] => ['CLIENT_ERROR invalid exptime argument'];
my $over = 'k' x 251;
converses $server, 'a key of 251 bytes', ["touch $over 0"] => ['CLIENT_ERROR bad command line format'];
if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'too few arguments', ['touch', 'touch foo'] => [$bad, $bad];
}

stops_cleanly $server;
done_testing;
