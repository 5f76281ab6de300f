# noreply: the last token hides the reply, errors too, and the connection stays in step.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

converses $server, 'every storage command', [
    'set a 5 0 1 noreply', 'm', 'add a 0 0 1 noreply', 'x', 'replace a 6 0 1 noreply', 'n',
    'append a 0 0 1 noreply', 'o', 'prepend a 0 0 1 noreply', 'l', 'get a',
] => ['VALUE a 6 3', 'lno', 'END'];
converses $server, 'their misses', [
    'append none 0 0 1 noreply', 'x', 'prepend none 0 0 1 noreply', 'x', 'replace none 0 0 1 noreply', 'x',
    'cas none 0 0 1 1 noreply', 'x', 'get none',
] => ['END'];
converses $server, 'incr, decr, touch and delete', [
    'set n 0 0 1', '5', 'incr n 2 noreply', 'decr n 1 noreply', 'get n', 'touch n 0 noreply',
    'delete n noreply', 'get n', 'incr n 1 noreply', 'decr n 1 noreply', 'touch n 0 noreply', 'delete n noreply',
] => ['STORED', 'VALUE n 0 1', '6', 'END', 'END'];
converses $server, 'errors', [
    'set s 0 0 3', 'abc', 'incr s 1 noreply', 'incr s noreply', 'incr s abc noreply', 'touch s abc noreply',
] => ['STORED'];
converses $server, 'too large', "set b 0 0 1048577 noreply\r\n" . ('x' x 1_048_577) . "\r\n" => [];
converses $server, 'verbosity and flush_all', ['verbosity 0 noreply', 'flush_all noreply', 'flush_all 0 noreply'] => [];
converses $server, 'it is but a key to get and gat', ['get none noreply', 'gat 0 none noreply'] => ['END', 'END'];
converses $server, 'it must be exact', ['set d 0 0 1 noreplyx', 'v', 'set d 0 0 1 NOREPLY', 'v'] => ['STORED', 'STORED'];
converses $server, 'a thousand silent sets, then one reply', [(map { ("set m$_ 0 0 1 noreply", 'v') } 1 .. 1000), 'get m1 m1000'] =>
    ['VALUE m1 0 1', 'v', 'VALUE m1000 0 1', 'v', 'END'];

if (is_larder) {
    my $bad = 'CLIENT_ERROR bad command line format';
    converses $server, 'it hides even an unknown command', ['bogus noreply', 'bogus and more noreply'] => [];
    converses $server, 'a bad exptime and bad flags', ['set e 0 abc 3 noreply', 'bar', 'set e x 0 3 noreply', 'bar'] => [];
    converses $server, 'a length that cannot be read is told', ['set f 0 0 -1 noreply'] => [$bad];
    converses $server, 'a bad body is hidden, what follows is not', ['set g 0 0 3 noreply', 'barbaz'] => [$bad];
    converses $server, 'commands without what they need', ['verbosity noreply', 'delete noreply'] => [];
}

stops_cleanly $server;
done_testing;
