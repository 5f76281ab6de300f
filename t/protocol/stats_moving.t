# Statistics: every line of `stats` that is not told to be constant moves in one of these scenes.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Tls;

larder_only('it reads the table of its statistics');

# Set by the command line or the build, or without counterpart in larder (host.c fills in no value).
my %constant = map { $_ => 1 } qw(
    pid version libevent pointer_size max_connections threads segment_size slab_reassign_last_busy_status
    response_obj_oom response_obj_count response_obj_bytes read_buf_count read_buf_bytes_free reserved_fds
);

my $top = $ENV{top_srcdir} // "$FindBin::Bin/../..";
open my $table, '<', "$top/src/proto/general_stats.def" or die "general_stats.def: $!";
my @moving = grep { !$constant{$_} } map { /^STAT_\w+\((\w+), (.*)\)$/ && $2 ne '0' ? $1 : () } <$table>;
cmp_ok @moving, '>', 60, 'the table was understood';

my %moved;

# What $scene does moves each of @names at once; further ones are noted too.
sub moves {
    my ($connection, $names, $scene) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $connection->stats;
    my @result = $scene->();
    my $after = $connection->stats;
    $moved{$_}++ for grep { $after->{$_} ne $before->{$_} } @moving;
    return is_deeply([grep { $after->{$_} eq $before->{$_} } @$names], [], "@$names");
}

# $scene, again and again, moves each of @names at some time.
sub moves_in_time {
    my ($connection, $names, $scene) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $connection->stats;
    my %waiting = map { $_ => 1 } @$names;
    wait_until(sub {
        $scene->();
        my $after = $connection->stats;
        $moved{$_}++, delete $waiting{$_} for grep { $after->{$_} ne $before->{$_} } @moving;
        return !%waiting;
    });
    return is_deeply([sort keys %waiting], [], "@$names");
}

sub sets {
    my ($exptime, $size, @keys) = @_;
    return join '', map { "set $_ 0 $exptime $size noreply\r\n" . 'x' x $size . "\r\n" } @keys;
}

# Commands, each with what it adds to.
{
    my $server = Larder->start(args => ['-t', 1, '-m', 64, '-c', 5, '-R', 3]);
    my $client = $server->connect;
    my $asks = sub { my @lines = @_; return sub { $client->ask(@lines) } };
    moves($client, [qw(cmd_set bytes curr_items total_items appended_bytes bytes_read bytes_written)],
        $asks->('set k 0 0 1', '1', 'set n 0 0 1', '1', 'set d 0 0 1', '1'));
    moves($client, [qw(cmd_get get_hits get_misses)], $asks->('get k none'));
    moves($client, [qw(cmd_touch touch_hits touch_misses)], $asks->('touch k 0', 'touch none 0'));
    moves($client, [qw(cmd_meta)], $asks->('mg k v'));
    moves($client, [qw(incr_hits incr_misses decr_hits decr_misses)],
        $asks->('incr n 1', 'incr none 1', 'decr n 1', 'decr none 1'));
    my ($unique) = $client->ask('gets k') =~ /^VALUE k 0 1 (\d+)/;
    moves($client, [qw(cas_hits cas_misses cas_badval)],
        $asks->("cas k 0 0 1 $unique", '1', 'cas none 0 0 1 1', '1', "cas k 0 0 1 $unique", '1'));
    moves($client, [qw(delete_hits delete_misses dead_bytes)], $asks->('delete d', 'delete d'));
    moves($client, [qw(get_expired expired_unfetched)], $asks->('set e 0 -1 1', '1', 'get e'));
    moves($client, [qw(cmd_flush get_flushed)], $asks->('flush_all', 'get k'));
    moves($client, [qw(store_too_large)], $asks->('set k 0 0 2000000', 'x' x 2_000_000));
    moves($client, [qw(set_already_expired)], $asks->('set e 0 2592001 1', '1'));
    moves($client, [qw(conn_yields)], $asks->(('version') x 20));
    moves($client, [qw(limit_maxbytes segments_max)], $asks->('cache_memlimit 65'));
    moves($client, [qw(time uptime oldest_age)], $asks->('set old 0 0 1', '1', 'debugtime 100'));
    moves_in_time($client, [qw(rusage_user rusage_system)], sub {
        $client->ask(('get k') x 1000);
        $client->ask('get k') for 1 .. 300;
    });
    my $half = $server->connect;
    moves_in_time($client, [qw(read_buf_bytes)], sub { $half->send('get a') if !$half->{sent}++ });
    my $long = $server->connect;
    moves_in_time($client, [qw(read_buf_oom)], sub { $long->send('get ' . 'k ' x 10_000_000) if !$long->{sent}++ });
    $client->ask('stats detail on');
    moves($client, [qw(prefix_overflows)], sub {
        $client->converse(join '', map { "get p$_:x\r\n" } $_ * 1000 .. $_ * 1000 + 999) for 0 .. 10;
    });
    $client->ask('stats detail off');
    my @more;
    moves($client, [qw(curr_connections total_connections connection_structures rejected_connections)], sub {
        @more = map { $server->connect } 1 .. 6;
        $_->send("get a\r\n") && $_->read_line for @more;
    });
    stops_cleanly $server;
}

# Ways to lose a connection.
{
    my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    open my $file, '>', "$directory/passwords" or die "passwords: $!";
    print $file "user:password\n";
    close $file;
    my $server = Larder->start(args => ['-t', 1, '-o', 'idle_timeout=100', '-Y', "$directory/passwords"]);
    my $client = $server->connect;
    $client->send("set x 0 0 13\r\nuser password\r\n");
    is $client->read_line, crlf('STORED'), 'admitted';
    moves($client, [qw(auth_cmds auth_errors)], sub {
        my $other = $server->connect;
        $other->send("set x 0 0 10\r\nuser wrong\r\n");
        $other->read_line;
    });
    my $idle = $server->connect;
    $idle->send("set x 0 0 13\r\nuser password\r\n");
    $idle->read_line;
    $client->ask('debugtime 200');
    moves_in_time($client, [qw(idle_kicks)], sub { });
    stops_cleanly $server;
}

# Descriptors run out.
SKIP: {
    my $prlimit = (grep { -x } map { "$_/prlimit" } split /:/, $ENV{PATH})[0];
    my @names = qw(accepting_conns listen_disabled_num time_in_listen_disabled_us);
    $moved{$_}++, skip 'no prlimit here', 1 for defined $prlimit ? () : @names;
    my $server = Larder->start(tcp => 1, args => ['-t', 1, '-c', 500]);
    my $client = $server->connect;
    $client->ask('get a');
    my $used = () = glob '/proc/' . $server->pid . '/fd/*';
    my $most = $used + 10;
    system $prlimit, '--pid', $server->pid, "--nofile=$most:$most";
    my @waiting;
    moves_in_time($client, \@names, sub {
        @waiting = map { Larder::Connection->connect_tcp('127.0.0.1', $server->port, 1) } 1 .. 20 if !@waiting;
    });
    $_->close for @waiting;
    stops_cleanly $server;
}

# Watchers: of one that reads nothing, and of one whose worker has room for a few lines.
{
    my $server = Larder->start(args => ['-t', 1, '-o', 'worker_logbuf_size=16,watcher_logbuf_size=1']);
    my $client = $server->connect;
    my $watcher = $server->connect;
    moves_in_time($client, [qw(log_watchers log_worker_written log_worker_dropped log_watcher_sent log_watcher_skipped)],
        sub {
            $watcher->send("watch fetchers\r\n") && $watcher->read_line if !$watcher->{sent}++;
            $client->converse("get a\r\n" x 2000);
        });
    stops_cleanly $server;
}

# Making room, with items of every fate: unread, read, with a time-to-live, expired.
{
    my $server = Larder->start(args => ['-t', 1, '-m', 8]);
    my $client = $server->connect;
    my $number = 0;
    $client->converse(sets(50, 500, map { "expiring$_" } 1 .. 3000));
    $client->ask('debugtime 100');
    moves_in_time($client, [qw(
        evictions evicted_unfetched evicted_nonzero reclaimed segments_reclaimed moved_items moved_bytes
        segments_used segments_free slab_global_page_pool
    )], sub {
        my @keys = map { 'k' . $number++ } 1 .. 500;
        $client->converse(sets(1000, 500, @keys));
        $client->converse(join '', map { "get $_\r\n" x 3 } grep { /[0-4]$/ } @keys);
    });
    # Large items take more room than a step of making it wins, and are worth less than small ones that are read as often.
    moves_in_time($client, [qw(room_waits evicted_active)], sub {
        my @keys = map { 'k' . $number++ } 1 .. 500;
        my @large = map { 'large' . $number++ } 1 .. 50;
        $client->converse(sets(0, 500, @keys) . sets(0, 15_000, @large) . sets(0, 400_000, 'huge' . $number++));
        $client->converse(join '', map { "get $_\r\n" } @keys, @large);
    });
    # A large value on its way to somebody who does not read it keeps its segments, though it is gone.
    $client->converse(sets(0, 500_000, 'pinned'));
    my $slow = $server->connect;
    $slow->send_some("get pinned\r\n");
    $slow->wait_consumed;
    $client->ask('delete pinned');
    moves_in_time($client, [qw(segments_waiting)], sub { $client->converse(sets(0, 500, map { 'k' . $number++ } 1 .. 500)) });
    $slow->close;
    stops_cleanly $server;
}

# The index grows with the number of items.
{
    my $server = Larder->start(args => ['-t', 1, '-m', 64]);
    my $client = $server->connect;
    my $number = 0;
    moves_in_time($client, [qw(index_steps hash_bytes hash_power_level hash_is_expanding)],
        sub { $client->converse(sets(0, 1, map { 'k' . $number++ } 1 .. 1000)) });
    stops_cleanly $server;
}

# Without eviction memory is full in the end.
{
    my $server = Larder->start(args => ['-t', 1, '-m', 8, '-M']);
    my $client = $server->connect;
    my $number = 0;
    moves_in_time($client, [qw(store_no_memory outofmemory)],
        sub { $client->converse(sets(0, 10_000, map { 'k' . $number++ } 1 .. 100)) });
    stops_cleanly $server;
}

# A log that can't be written; HUP has a line in it.
{
    my $server = Larder->start(sandbox => 'exec 2>/dev/full');
    moves_in_time($server->connect, [qw(log_lines_lost)], sub { $server->signal('HUP') });
    stops_cleanly $server;
}

# TLS, where it is built in.
SKIP: {
    my @names = qw(ssl_new_sessions ssl_resumed_sessions ssl_handshake_errors time_since_server_cert_refresh);
    if (!can_speak_tls) {
        $moved{$_}++ for @names;
        skip 'no TLS, or no openssl command', 1;
    }
    my $files = certificates;
    my $server = Larder->start(
        listen => ['-l', 'notls:127.0.0.1:0,127.0.0.1:0'],
        tcp => 1,
        args => ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key,ssl_session_cache"],
    );
    my $client = $server->connect;
    my $session = $server->directory . '/session';
    moves_in_time($client, \@names, sub {
        $server->clock_at(10);
        tls_session(tls_port($server), "version\r\nquit\r\n", '-sess_out', $session);
        tls_session(tls_port($server), "version\r\nquit\r\n", '-sess_in', $session);
        my $plain = $server->connect(port => tls_port($server));
        $plain->send("version\r\n" x 20);
        $plain->read_to_close;
    });
    stops_cleanly $server;
}

is_deeply [grep { !$moved{$_} } @moving], [], 'nothing is left that does not move';

done_testing;
