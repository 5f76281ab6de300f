# Lines: what is a command, how long a line may be, and what closes the connection.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'unknown commands', ['ab', 'bogus', 'bogus with arguments', 'versions', 'quitter'] => [('ERROR') x 5];
converses $server, 'three spaces', ['   '] => ['ERROR'];
converses $server, 'a carriage return too many', "mn\r\r\n" => ['ERROR'];
converses $server, 'a NUL', "\0\0\0\0\r\n" => ['ERROR'];
converses $server, 'a line of 5000 bytes that is complete', "set a 0 0 1\r\nv\r\n" . ('x' x 5000) . "\r\nget a\r\n" =>
    ['STORED', 'ERROR', 'VALUE a 0 1', 'v', 'END'];
converses $server, 'a command that ends in a protocol name', ['get none HTTP/1.1'] => ['END'];
converses $server, 'bare newlines end lines', "get a\nget none\nbogus\n" => ['VALUE a 0 1', 'v', 'END', 'END', 'ERROR'];

closes $server, '2049 bytes without an end', 'x' x 2049;
closes $server, '2049 bytes that may be a set', 'set ' . 'x' x 2045;
closes $server, '2049 bytes of mg', 'mg ' . 'x' x 2049;
closes $server, 'get after 101 spaces', (' ' x 101) . 'get ' . ('x' x 2049);
closes $server, 'what came before is answered', crlf('get a') . ('x' x 2049), ['VALUE a 0 1', 'v', 'END'];
closes $server, 'a browser', crlf('POST /x HTTP/1.1', 'Host: x', '');
closes $server, 'another', crlf('GET / HTTP/1.0', '');
closes $server, 'quit', ['quit'];
closes $server, 'quit with arguments', ['quit foo'];
closes $server, 'quit after others, whose replies are sent', ['get a', 'bogus', 'quit', 'get a'] =>
    ['VALUE a 0 1', 'v', 'END', 'ERROR'];

# A line that is not complete, but may yet be: the connection stays.
{
    my $connection = $server->connect;
    $connection->send('x' x 2000);
    $connection->wait_consumed;
    $connection->send("\r\n");
    is $connection->read_line, crlf('ERROR'), '2000 bytes and their end in two packets';
    $connection->send((' ' x 100) . 'get ' . ('k' x 200) . (' none' x 600));
    $connection->wait_consumed;
    $connection->send(" a\r\n");
    like $connection->read_line, qr/^(?:ERROR|VALUE a 0 1)\r\n/, 'a long get after 100 spaces may be cut';
}

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'lines under four bytes', "\r\n \r\n\nm\r\n" => [$bad, $bad, $bad, $bad];
    closes $server, 'the first byte of the binary protocol', "\x80\r\n";
    closes $server, 'a whole binary request', "\x80\x0a" . ("\0" x 22);
    converses $server, 'that byte later in a connection is text', ['get a', "\x80\x80\x80\x80"] =>
        ['VALUE a 0 1', 'v', 'END', 'ERROR'];
    like $server->stderr, qr/binary/, 'the binary protocol is refused with a line in the log';
}

# Whatever was sent above, nobody else noticed.
converses $server, 'the server goes on', ['get a'] => ['VALUE a 0 1', 'v', 'END'];

stops_cleanly $server;
done_testing;
