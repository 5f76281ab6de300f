# Several clients that are ready in one round: all are read before the first is answered, and each gets its own replies.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-t', 1, '-m', 64]);
my $bystander = $server->connect;
$bystander->ask("set k$_ $_ 0 10", sprintf '%010d', $_) for 1 .. 60;

# While the server stands still, what all of them send comes together.
sub at_once {
    my ($actions) = @_;
    kill 'STOP', $server->pid;
    $_->() for @$actions;
    kill 'CONT', $server->pid;
}

# [what a client sends, what it is answered]; asked by as many clients as there are rows, and twice by each.
sub answer_all {
    my ($name, @rows) = @_;
    my @clients = map { $server->connect } @rows;
    $_->converse("get none\r\n") for @clients;
    for my $round (1, 2) {
        at_once([map { my $number = $_; sub { $clients[$number]->send($rows[$number][0]) } } 0 .. $#rows]);
        my $wrong = 0;
        for my $number (0 .. $#rows) {
            my ($sent, $expected) = @{$rows[$number]};
            my $got = $clients[$number]->read_exactly(length $expected) // '';
            next if $got eq $expected;
            diag escaped("$sent => $got") if ++$wrong <= 3;
        }
        is $wrong, 0, "$name, round $round";
    }
    is_deeply [map { scalar $_->converse("get none\r\n") } @clients], [map { "END\r\n" } @clients], "$name: nothing is left over";
    $_->close for @clients;
}

sub value_of { return "VALUE k$_[0] $_[0] 10\r\n" . sprintf("%010d\r\n", $_[0]) }

answer_all('60 gets', map { ["get k$_\r\n", value_of($_) . "END\r\n"] } 1 .. 60);
answer_all('16 of them', map { ["get k$_\r\n", value_of($_) . "END\r\n"] } 1 .. 16);
answer_all('one', ["get k1\r\n", value_of(1) . "END\r\n"]);
my $long = 'x' x 5000;
answer_all('requests of all kinds', map { @$_ } map { [
    ["get k$_ none k1\r\n", value_of($_) . value_of(1) . "END\r\n"], ["set own$_ 0 0 2\r\nab\r\n", "STORED\r\n"],
    ["bogus\r\n", "ERROR\r\n"], ["\r\n", "CLIENT_ERROR bad command line format\r\n"],
    ["get k$_\r\nmg k$_ v\r\nmn\r\n", value_of($_) . "END\r\nVA 10\r\n" . sprintf("%010d\r\nMN\r\n", $_)],
    ["set long$_ 0 0 5000\r\n$long\r\nget long$_\r\n", "STORED\r\nVALUE long$_ 0 5000\r\n$long\r\nEND\r\n"],
    ["get " . ('k' x 251) . "\r\n", "CLIENT_ERROR bad command line format\r\n"], ["get k$_\r\n" x 100, join '', (value_of($_) . "END\r\n") x 100],
    ["incr none$_ 1\r\n", "NOT_FOUND\r\n"], ["delete none$_\r\n", "NOT_FOUND\r\n"],
] } 1 .. 3);

# Those that have sent half a request wait, and hold up nobody.
my @halves = map { $server->connect } 1 .. 20;
$_->converse("get none\r\n") for @halves;
at_once([map { my $number = $_; sub { $halves[$number - 1]->send("get k$number") } } 1 .. 20]);
is $bystander->ask('get k7'), value_of(7) . "END\r\n", 'somebody else is answered';
at_once([map { my $client = $_; sub { $client->send("\r\n") } } @halves]);
is_deeply [map { $halves[$_ - 1]->read_until("END\r\n") } 1 .. 20], [map { value_of($_) . "END\r\n" } 1 .. 20], 'and then they are';

# Some leave, with or without a last request.
at_once([map { my $number = $_; sub {
    $halves[$number]->send("set gone$number 0 0 1\r\nx\r\n") if $number % 3;
    $number % 2 ? $halves[$number]->close : $halves[$number]->send("quit\r\n") if $number % 3 < 2;
} } 0 .. 19]);
ok wait_until(sub { $bystander->stats->{curr_connections} == 1 + grep { $_ % 3 == 2 } 0 .. 19 }), 'those that leave are gone';
is $bystander->ask("get gone$_"), crlf("VALUE gone$_ 0 1", 'x', 'END'), "what $_ had sent was done" for 1, 2, 4, 19;

# A stop that comes with the requests, and with a client that has just sent more than one read takes.
my @last = map { $server->connect } 1 .. 20;
$_->converse("get none\r\n") for @last;
my $new = $server->connect;
at_once([sub { $new->send("mn\r\n" x 16_385) }, (map { my $number = $_; sub { $last[$number - 1]->send("get k$number\r\n") } } 1 .. 20),
    sub { $server->signal('USR1') }]);
is_deeply [map { $_->read_to_close } @last], [map { value_of($_) . "END\r\n" } 1 .. 20], 'a graceful stop answers what has come';
ok $new->read_to_close eq "MN\r\n" x 16_385, 'all of it';
is $server->stop(0), 0, 'and ends with 0';
done_testing;
