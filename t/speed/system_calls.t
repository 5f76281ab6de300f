# A batch of requests costs one read and one send, however many requests it holds, and at most one wait. How many waits
# there are depends on when clients and worker get the processor; reads and sends do not. What else there is comes from
# the C library's allocator, and from the clock by which the store times its longer steps.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX qw(WNOHANG);
use Test::More;

use Larder;

larder_only('a budget of its own');
plan skip_all => 'a sanitizer makes calls of its own' if is_sanitized;
my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
plan skip_all => 'strace is not installed' if !$strace;

my $connections = 50;
my $rounds = 20;
my %setup = (get => crlf('set key 0 0 5', 'value'), set => '', mg => crlf('set key 0 0 5', 'value'));
my %request = (get => crlf('get key'), set => crlf('set key 0 0 5', 'value'), mg => crlf('mg key v'));
my %reply = (get => crlf('VALUE key 0 5', 'value', 'END'), set => crlf('STORED'), mg => crlf('VA 5', 'value'));

# Call => how often, from strace's table; undef if it could not attach.
sub count_calls {
    my ($server, $load) = @_;
    my $table = $server->directory . '/calls';
    my $said = $server->directory . '/strace';
    my $tracer = fork // die "fork: $!";
    if ($tracer == 0) {
        $SIG{INT} = 'DEFAULT';
        open STDERR, '>', $said or POSIX::_exit(126);
        exec $strace, '-f', '-c', '-o', $table, '-p', $server->pid or POSIX::_exit(127);
    }
    my $gone = 0;
    my $attached = wait_until(sub {
        $gone = waitpid($tracer, WNOHANG) == $tracer;
        return $gone || Larder::read_file($said) =~ /Process \d+ attached/;
    });
    if (!$attached || $gone) {
        kill 'KILL', $tracer if !$gone;
        waitpid $tracer, 0 if !$gone;
        return undef;
    }
    $load->();
    kill 'INT', $tracer;
    waitpid $tracer, 0;
    my %calls = map { /^\s*[\d.]+(?:\s+[\d.]+){2}\s+(\d+)\s+(?:\d+\s+)?(\w+)$/ && $2 ne 'total' ? ($2 => $1) : () }
        split /\n/, Larder::read_file($table);
    return \%calls;
}

for my $case (map { my $kind = $_; map { [$kind, $_] } 1, 16, 64 } qw(get set mg)) {
    my ($kind, $depth) = @$case;
    my $name = "$kind, pipeline of $depth";
    my $server = Larder->start(args => ['-t', 1]);
    my @clients = map { $server->connect } 1 .. $connections;
    $clients[0]->converse($setup{$kind}) if $setup{$kind};
    $_->converse($request{$kind}) for @clients;
    my $wrong = 0;
    my $calls = count_calls($server, sub {
        for (1 .. $rounds) {
            $_->send($request{$kind} x $depth) for @clients;
            $wrong += $_->read_exactly(length($reply{$kind}) * $depth) ne $reply{$kind} x $depth for @clients;
        }
    });
    if (!$calls) {
        note 'strace may not attach here';
        stops_cleanly $server;
        last;
    }
    is $wrong, 0, "$name: all are answered";
    my $batches = $rounds * $connections;
    my %count = (epoll_wait => 0, read => 0, sendto => 0, %$calls);
    my $sum = 0;
    $sum += $_ for values %count;
    note sprintf '%s: %.4f calls a request: %s', $name, $sum / $batches / $depth,
        join ', ', map { "$count{$_} $_" } sort keys %count;
    my $others = $sum - $count{read} - $count{sendto} - $count{epoll_wait};
    cmp_ok $count{read}, '<=', $batches * 1.02, "$name: a read for each batch";
    cmp_ok $count{sendto}, '<=', $batches * 1.02, "$name: a send for each batch";
    cmp_ok $count{read} + $count{sendto}, '>=', $batches * 1.9, "$name: both were seen";
    cmp_ok $count{epoll_wait}, '<=', $batches * 1.1, "$name: at most one wait for each batch";
    cmp_ok $others, '<=', $batches * 0.4, "$name: little else";
    stops_cleanly $server;
}

done_testing;
