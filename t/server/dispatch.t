# Sixty-four connections over one worker and over four, dealt either way, on each of libevent's backends.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my @cases = (['-t', 1], ['-t', 4]);
push @cases, ['-t', 4, '-o', 'dispatch=least'], ['-t', 3, '-o', 'dispatch=least'] if is_larder;
push @cases, map { ['-t', 2, '-o', "event_method=$_"] } qw(epoll poll select) if is_larder;

for my $arguments (@cases) {
    my $name = "@$arguments";
    my $server = Larder->start(args => $arguments);
    my @clients = map { $server->connect } 1 .. 64;
    my $wrong = 0;
    for my $round (1 .. 20) {
        $clients[$_]->send("set k$_ 0 0 4\r\n" . sprintf('%04d', $round) . "\r\nget k$_\r\n") for 0 .. $#clients;
        for my $number (0 .. $#clients) {
            my $expected = crlf('STORED', "VALUE k$number 0 4", sprintf('%04d', $round), 'END');
            $wrong++ if $clients[$number]->read_exactly(length $expected) ne $expected;
        }
        # Some leave and others come, so that workers' loads differ.
        for my $number (map { ($round * 7 + $_ * 5) % 64 } 1 .. 8) {
            $clients[$number]->close;
            $clients[$number] = $server->connect;
        }
    }
    is $wrong, 0, "$name: every client is answered";
    my $large = $clients[0]->converse("set l 0 0 900000\r\n" . ('l' x 900_000) . "\r\n" . "get l\r\n" x 10);
    ok $large eq "STORED\r\n" . crlf('VALUE l 0 900000', 'l' x 900_000, 'END') x 10, "$name: large replies";
    is $clients[0]->stats->{curr_items}, 65, "$name: one cache for all";
    stops_cleanly $server;
}

done_testing;
