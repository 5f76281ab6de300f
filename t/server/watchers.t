# Watchers as connections: who comes and goes, how many may watch, and that slow ones hold up nobody and take no
# memory beyond their buffers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;

use Larder;

larder_only('memcached tells its watchers late, and drops lines that larder keeps');

# The only client: the one that start tried the server with has gone.
sub lone_client {
    my ($server) = @_;
    my $client = $server->connect;
    wait_until(sub { $client->stats->{curr_connections} == 1 }) or die "a client that nobody knows\n";
    return $client;
}

sub watcher {
    my ($server, $kinds) = @_;
    return watch($server->connect, $kinds);
}

sub watch {
    my ($connection, $kinds) = @_;
    $connection->send("watch $kinds\r\n");
    my $answer = $connection->read_line;
    die "watch $kinds: $answer" if $answer ne "OK\r\n";
    return $connection;
}

sub next_line {
    my ($watcher) = @_;
    my $line = $watcher->read_until("\n");
    $line =~ s/\Ats=\S+ gid=\d+ //;
    chomp $line;
    return $line;
}

# A client comes, goes by what $leave does, and is told of so.
sub goes {
    my ($server, $watcher, $peer, $reason, $leave) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $client = $server->connect;
    my $new = next_line($watcher);
    like $new, qr/\Atype=conn_new $peer cfd=\d+\z/, "$reason: conn_new";
    my ($descriptor) = $new =~ /cfd=(\d+)/;
    $leave->($client);
    return like next_line($watcher), qr/\Atype=conn_close $peer reason=$reason cfd=$descriptor\z/, "$reason: conn_close";
}

my $tcp = qr/rip=127\.0\.0\.1 rport=\d+ transport=tcp/;
{
    my $server = Larder->start(args => ['-t', 1, '-o', 'idle_timeout=100'], tcp => 1);
    my $watcher = watch(lone_client($server), 'connevents');
    goes($server, $watcher, $tcp, 'normal', sub { $_[0]->close });
    goes($server, $watcher, $tcp, 'normal', sub { $_[0]->send("quit\r\n"); $_[0]->read_to_close });
    goes($server, $watcher, $tcp, 'error', sub { $_[0]->send("GET / HTTP/1.0\r\n"); $_[0]->read_to_close });
    goes($server, $watcher, $tcp, 'error', sub { $_[0]->send('x' x 5000); $_[0]->read_to_close });
    {
        my $client = $server->connect;
        next_line($watcher);
        setsockopt $client->socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        $client->close;
        like next_line($watcher), qr/\Atype=conn_close rip=unknown rport=0 transport=tcp reason=error cfd=\d+\z/, 'reset';
    }
    my $other = watcher($server, 'fetchers');
    like next_line($watcher), qr/conn_new/, 'a watcher comes';
    $other->close;
    like next_line($watcher), qr/\Atype=conn_close $tcp reason=normal cfd=\d+\z/, 'a watcher goes';
    my $idle = $server->connect;
    $idle->ask('get a');
    my ($descriptor) = next_line($watcher) =~ /conn_new .*cfd=(\d+)/;
    $server->converse(['debugtime 200']);
    my @lines = map { next_line($watcher) } 1 .. 3;
    is scalar(grep { /\Atype=conn_close $tcp reason=idle_timeout cfd=$descriptor\z/ } @lines), 1, 'idle_timeout'
        or diag(@lines);
    is $server->stats->{idle_kicks}, 1, 'idle_kicks';
    next_line($watcher) for 1 .. 2;
    my $last = $server->connect;
    $last->ask('get a');
    like next_line($watcher), qr/conn_new/, 'one that stays';
    $server->signal('TERM');
    like next_line($watcher), qr/\Atype=conn_close $tcp reason=shutdown cfd=\d+\z/, 'shutdown';
    is $watcher->read_to_close, '', 'then the watcher is closed';
    stops_cleanly $server;
}
{
    my $server = Larder->start(args => ['-t', 1]);
    my $watcher = watch(lone_client($server), 'connevents');
    goes($server, $watcher, qr/rip=unix rport=0 transport=local/, 'normal', sub { $_[0]->close });
    stops_cleanly $server;
    my $six = eval { Larder->start(args => ['-t', 1], tcp => 'INET6', listen => ['-l', '::1', '-p', '-1']) };
    SKIP: {
        skip 'no IPv6 here', 3 if !defined $six;
        my $watcher6 = watch(lone_client($six), 'connevents');
        goes($six, $watcher6, qr/rip=::1 rport=\d+ transport=tcp/, 'normal', sub { $_[0]->close });
        stops_cleanly $six;
    }
}

# Twenty watch, and count among the clients.
{
    my $server = Larder->start(args => ['-c', 22, '-t', 2]);
    my $client = lone_client($server);
    my @watchers = map { watcher($server, 'mutations') } 1 .. 20;
    is $client->ask('watch'), crlf('WATCHER_TOO_MANY log watcher limit reached'), 'one too many';
    is $client->ask('get a'), crlf('END'), 'which stays a client';
    my $stats = $client->stats;
    is $stats->{log_watchers}, 20, 'log_watchers';
    is $stats->{curr_connections}, 21, 'watchers are clients';
    my $full = $server->connect;
    $full->ask('get a');
    my $refused = $server->connect;
    is $refused->read_to_close, crlf('ERROR Too many open connections'), 'and count for -c';
    (pop @watchers)->close for 1 .. 5;
    ok wait_until(sub { $client->stats->{log_watchers} == 15 }), 'five leave';
    ok wait_until(sub { $client->stats->{curr_connections} == 17 }), 'and are no clients any more';
    push @watchers, watcher($server, 'mutations') for 1 .. 5;
    $client->ask('set k 0 0 1', 'x');
    like next_line($_), qr/\Atype=item_store key=k /, 'told' for @watchers;
    is $client->stats->{log_watcher_sent}, 20, 'log_watcher_sent';
    is $client->stats->{log_worker_written}, 1, 'log_worker_written';
    $client->ask('get a');
    is $client->stats->{log_worker_written}, 1, 'what nobody watches is not told';
    is $client->ask('stats reset'), crlf('RESET'), 'reset';
    is $client->stats->{$_}, 0, "$_ after reset" for qw(log_watcher_sent log_worker_written);
    is $client->stats->{log_watchers}, 20, 'log_watchers after reset';
    stops_cleanly $server;
}

# Those that never read: everything goes on, lines are skipped, and memory stays where it was.
{
    my $server = Larder->start(args => ['-t', 2, '-m', 64, '-o', 'watcher_logbuf_size=64,worker_logbuf_size=64']);
    my @slow = map { watcher($server, 'fetchers mutations') } 1 .. 19;
    my $quick = watcher($server, 'deletions');
    my $client = $server->connect;
    my $long = 'k' x 250;
    my $requests = "get $long\r\n" x 1000;
    my $answered = 0;
    my $rounds = 0;
    while ($rounds < 30 || $client->stats->{log_watcher_skipped} == 0) {
        $answered++ if $client->converse($requests) eq "END\r\n" x 1000;
        last if ++$rounds > 3000;
    }
    is $answered, $rounds, 'requests are answered';
    cmp_ok $client->stats->{log_watcher_skipped}, '>', 0, 'log_watcher_skipped';
    # While the logger has had no turn yet, the worker's ring may still be full.
    wait_until(sub { $client->ask('set d 0 0 1', 'x', 'delete d'); $quick->fill; return $quick->pending });
    like next_line($quick), qr/\Atype=deleted key=d /, 'a watcher that reads is told at once';
    my $before = $server->memory_kib('VmRSS');
    for (1 .. 100) { $client->converse($requests) }
    SKIP: {
        skip 'a sanitizer uses memory of its own', 2 if is_sanitized;
        cmp_ok $server->memory_kib('VmRSS') - $before, '<', 1024, '100000 lines more take no memory';
        cmp_ok $server->memory_kib('VmHWM'), '<', 68 * 1024, 'within -m 64 and 4 MiB';
    }
    # Once the oldest lines are read there is room again, and what is missing is told.
    my ($told, $reader) = (0, $slow[0]);
    for (my $asked = 0; !$told && $asked < 20_000; $asked++) {
        $reader->read_until("\n") while !$told && $reader->pending > 1000;
        $client->ask('get again');
        $reader->fill;
        $told = $reader->{buffer} =~ /\nskipped=(\d+)\nts=\d+/ ? $1 : 0;
    }
    cmp_ok $told, '>', 1000, 'skipped=N stands where lines are missing';
    $_->close for @slow;
    ok wait_until(sub { $client->stats->{log_watchers} == 1 }), 'they leave';
    stops_cleanly $server;
}

# A worker's buffer of one KiB takes a few lines of a burst, and no more.
{
    my $server = Larder->start(args => ['-t', 1, '-R', 1000, '-o', 'worker_logbuf_size=1']);
    my $watcher = watcher($server, 'fetchers');
    my $client = $server->connect;
    $client->converse("get a\r\n" x 2000);
    my $stats = $client->stats;
    cmp_ok $stats->{log_worker_dropped}, '>', 0, 'log_worker_dropped';
    is $stats->{log_worker_dropped} + $stats->{log_worker_written}, 2000, 'each line is written or dropped';
    ok wait_until(sub { $client->stats->{log_watcher_sent} == $stats->{log_worker_written} }), 'what was written is sent';
    next_line($watcher) for 1 .. $stats->{log_worker_written};
    is $watcher->pending, 0, 'and no more';
    stops_cleanly $server;
}

# Many threads, watchers that come and go: every line is whole, and each gid comes once.
{
    my $server = Larder->start(args => ['-t', 4, '-o', 'worker_logbuf_size=1024,watcher_logbuf_size=1024']);
    my $watcher = watcher($server, 'fetchers');
    my @clients = map { $server->connect } 1 .. 8;
    my $sent = 0;
    for my $round (1 .. 20) {
        my $passing = watcher($server, 'fetchers connevents');
        for my $number (0 .. $#clients) {
            $clients[$number]->send(join '', map { "get key$number.$_\r\n" } 1 .. 20);
            $sent += 20;
        }
        $_->read_exactly(20 * 5) for @clients;
        $passing->close;
    }
    my (%seen, $wrong, %last);
    $wrong = 0;
    for (1 .. $sent) {
        my $line = $watcher->read_until("\n");
        if ($line !~ /\Ats=\d+\.\d{6} gid=(\d+) type=item_get key=(key\d)\.\d+ status=not_found clsid=0 cfd=\d+ size=0\n\z/) {
            $wrong++;
            diag $line;
            next;
        }
        $wrong++ if $seen{$1}++ || $1 < ($last{$2} // 0);
        $last{$2} = $1;
    }
    is $wrong, 0, "$sent lines of four workers";
    is $server->stats->{log_worker_dropped}, 0, 'none was dropped';
    stops_cleanly $server;
}

done_testing;
