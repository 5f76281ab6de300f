# Requests cut at every byte: wherever a packet ends, the replies are the same.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

# Every command, with bodies, errors and silence between; its replies depend on nothing but its bytes.
my $session = crlf(
    'set a 5 0 3', 'bar', 'get a', 'gets none a none', 'add a 0 0 1', 'x', 'replace a 6 0 2', 'zz', 'append a 0 0 1', 'y',
    'prepend a 0 0 1', 'x', 'get a', 'set n 0 0 1 noreply', '9', 'incr n 1', 'decr n 3', 'incr n abc', 'get n a', 'touch n 0',
    'gat 0 n none', 'bogus', 'delete n', 'delete n', "set b 0 0 8", "\r\n\0END\r\n", 'get b', 'cas none 0 0 1 7', 'q',
    'set c 0 0 2', 'long', 'get  a   b ', 'ms m 2 F3', 'hi', 'mg m s f v', 'mg none', 'verbosity 0', 'delete a noreply',
    'delete b', 'delete m',
) . "get a\nset a 0 0 0\n\r\nget a\ndelete a\n";

# Over a unix socket the kernel tells when the server has taken what was sent; so the next packet never joins it.
my $server = Larder->start(args => ['-t', 1]);
my $connection = $server->connect;

# What the server says to $bytes, without the cas unique, which is another in every round.
sub reply_to {
    my ($bytes) = @_;
    my $reply = $connection->converse($bytes);
    $reply =~ s/^(VALUE a 5 3) \d+\r$/$1 unique\r/m;
    return $reply;
}

my $whole = reply_to($session);
like $whole, qr/^STORED\r\nVALUE a 5 3\r\nbar\r\nEND\r\n/, 'the session in one packet';
# The long body is two errors to one server and one to another; the rest of the session has its own count.
is scalar(() = $whole =~ /^(?:VALUE|END|STORED|NOT_STORED|DELETED|NOT_FOUND|TOUCHED)/mg), 33, 'and all of its replies'
    or diag escaped($whole);

my $wrong = 0;
for my $cut (1 .. length($session) - 1) {
    $connection->send(substr $session, 0, $cut);
    $connection->wait_consumed;
    my $reply = reply_to(substr $session, $cut);
    next if $reply eq $whole;
    diag "cut at $cut, after " . escaped(substr $session, 0, $cut) . 'got ' . escaped($reply) if ++$wrong <= 3;
}
is $wrong, 0, 'cut once, at every byte';

$connection->send($_), $connection->wait_consumed for split //, $session;
is escaped(reply_to('')), escaped($whole), 'one byte at a time';

for my $size (2, 3, 5, 7, 16) {
    $connection->send($_), $connection->wait_consumed for unpack "(a$size)*", $session;
    is escaped(reply_to('')), escaped($whole), "$size bytes at a time";
}

# A value cut inside and at its ends, beyond what one read takes.
my $value = join '', map { sprintf '%07d,', $_ } 1 .. 25_000;
my $set = 'set v 0 0 ' . length($value) . "\r\n$value\r\nget v\r\n";
for my $cut (10, 16, 18, 19, 20, 4096, 16_384, 65_536, 199_990, length($set) - 9, length($set) - 8) {
    $connection->send(substr $set, 0, $cut);
    $connection->wait_consumed;
    my $reply = $connection->converse(substr $set, $cut);
    ok $reply eq "STORED\r\nVALUE v 0 200000\r\n$value\r\nEND\r\n", "a value of 200,000 bytes cut at $cut"
        or diag escaped(substr $reply, 0, 200);
}

$connection->close;
stops_cleanly $server;
done_testing;
