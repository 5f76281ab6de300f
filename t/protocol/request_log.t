#!/usr/bin/perl
# -vv logs requests and replies, line by line as memcached does; what comes as noreply too, but no value and no password.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

# The lines of connections, with N for the descriptor.
sub lines_of {
    my ($server) = @_;
    my $log = $server->stderr;
    $log =~ s/^larderd: //gm;
    return map { s/^([<>]?)\d+(?=[ :])/$1N/r } grep { /^[<>]?\d+:? / } split /\n/, $log;
}

# One conversation with a fresh server leaves these lines in its log, behind the connection's own and before its end.
sub logs {
    my ($name, $sent, $expected, %options) = @_;
    my $server = Larder->start(args => ['-vv', '-t', 1, @{$options{args} // []}]);
    my $client = $server->connect;
    $client->send($sent);
    $client->send("quit\r\n");
    $client->read_to_close;
    $client->close;
    stops_cleanly $server;
    my @lines = lines_of($server);
    # Larder->start has tried a connection of its own.
    shift @lines while @lines && $lines[0] ne 'N: Client using the ascii protocol';
    my @expected = ('N: Client using the ascii protocol', @$expected, '<N quit', '<N connection closed.');
    is_deeply \@lines, \@expected, $name or diag explain \@lines;
}

logs 'get and gets', "get a b\r\nset a 5 0 3\r\nabc\r\nget a b\r\nget a\r\nget b\ngets a b a\r\n", [
    '<N get a b', '>N END', '<N set a 5 0 3', '>N STORED', '<N get a b', '>N sending key a', '>N END', '<N get a', '>N sending key a', '>N END',
    '<N get b', '>N END', '<N gets a b a', '>N sending key a', '>N sending key a', '>N END',
];
logs 'one line each', "set n 0 0 1\r\n5\r\nincr n 2\r\ndelete n\r\ndelete n\r\ntouch n 1\r\nflush_all\r\nbogus\r\nmn\r\nstats reset\r\nincr n\tx 1\r\n", [
    '<N set n 0 0 1', '>N STORED', '<N incr n 2', '>N 7', '<N delete n', '>N DELETED', '<N delete n', '>N NOT_FOUND', '<N touch n 1', '>N NOT_FOUND',
    '<N flush_all', '>N OK', '<N bogus', '>N ERROR', '<N mn', '>N MN', '<N stats reset', '>N RESET', '<N incr n?x 1', '>N NOT_FOUND',
] if is_larder; # 1.6.18 says nothing of a line with a byte that is not printable
logs 'noreply', "set a 0 0 1 noreply\r\nx\r\nadd a 0 0 1 noreply\r\nx\r\nincr none 1 noreply\r\ndelete a noreply\r\n", [
    '<N set a 0 0 1 noreply', '>N NOREPLY STORED', '<N add a 0 0 1 noreply', '>N NOREPLY NOT_STORED', '<N incr none 1 noreply', '>N NOREPLY NOT_FOUND',
    '<N delete a noreply', '>N NOREPLY DELETED',
];
logs 'a value that is not whole', "set a 0 0 2000000\r\n" . "get b\r\n" x 285_714 . "xx\r\nset a 0 0 2\r\nxyz\r\n", [
    '<N set a 0 0 2000000', '>N SERVER_ERROR object too large for cache', '<N set a 0 0 2', '>N CLIENT_ERROR bad data chunk',
    is_larder ? ('<N ', '>N CLIENT_ERROR bad command line format') : ('<N ', '>N ERROR'),
];

if (!is_larder) { # the rest is larder's own
    done_testing;
    exit;
}

# Large values go into the store and out of it past the buffers of the session.
logs 'large values', "set a 0 0 500000\r\n" . "get b\r\n" x 71_428 . "xxxx\r\nget a c a\r\nmg a v s\r\nget c\r\nms a 200000 T0\r\n" . 'y' x 200_000 . "\r\n", [
    '<N set a 0 0 500000', '>N STORED', '<N get a c a', '>N sending key a', '>N sending key a', '>N END', '<N mg a v s', '>N VA 500000 s500000',
    '<N get c', '>N END', '<N ms a 200000 T0', '>N HD',
];
logs 'meta', "ms a 2\r\nhi\r\nmg a v\r\nmg b v\r\nmg b v q\r\nmd a q\r\nma n N0 v\r\n", [
    '<N ms a 2', '>N HD', '<N mg a v', '>N VA 2', '<N mg b v', '>N EN', '<N mg b v q', '<N md a q', '<N ma n N0 v', '>N VA 1',
];
logs 'of statistics and dumps the end', "stats reset\r\nstats settings\r\nstats detail dump\r\n", [
    '<N stats reset', '>N RESET', '<N stats settings', '>N END', '<N stats detail dump', '>N END',
];
my $long = 'get ' . join ' ', map { "k$_" } 1 .. 1000;
logs 'a long line is cut, and no byte is more than one', "$long\r\nget \0\x01\e[31m\xff\r\n",
    ['<N ' . substr($long, 0, 900) . '... (' . length($long) . ' bytes)', '>N END', '<N get ???[31m?', '>N END'];

{
    my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    open my $file, '>', "$directory/passwords" or die $!;
    print $file "alice:s3cret\n";
    close $file;
    my @secret = ('<N (not shown, as it may hold a password)');
    logs 'no password', "alice s3cret\r\nset x 0 0 2\r\nalice s3cret\r\nset x 0 0 12\r\nalice s3cret\r\nget a\r\n",
        [@secret, '>N CLIENT_ERROR unauthenticated', @secret, '>N CLIENT_ERROR bad command line termination', @secret, '>N STORED', '<N get a', '>N END'],
        args => ['-Y', "$directory/passwords"];
}

{
    # In pieces, and more at once than a turn allows: each request once, in order, and the clients have their turns.
    my $server = Larder->start(args => ['-t', 1, '-R', 3]);
    my $client = $server->connect;
    $client->converse("verbosity 2\r\n");
    my @requests = map { ("set k$_ 0 0 4\r\nget \r\n", "get k$_\r\n") } 1 .. 50;
    $client->send($_) for map { /(.{1,7})/gs } @requests;
    my $reply = $client->converse(join '', @requests);
    $client->converse("verbosity 0\r\nget unseen\r\n");
    $client->close;
    stops_cleanly $server;
    my @expected = map { ("<N set k$_ 0 0 4", '>N STORED', "<N get k$_", ">N sending key k$_", '>N END') } 1 .. 50;
    is_deeply [grep { / k\d|STORED|END/ } lines_of($server)], [@expected, @expected], 'in pieces and in turns' or diag explain [lines_of($server)];
    is scalar(grep { /unseen|connection closed/ } lines_of($server)), 0, 'verbosity 0 ends it';
    like $reply, qr/\A(?:STORED\r\nVALUE k\d+ 0 4\r\nget \r\nEND\r\n){100}\z/, 'and the replies are those of any other day';
}

done_testing;
