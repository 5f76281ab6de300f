# The same random requests to larder and to Debian's memcached, and the same replies, counters and keys in the end.
#
#   SEED                    of the stream (random; printed)
#   DIFFERENTIAL_COMMANDS   how many requests (a million)
#   DIFFERENTIAL_PROCESSES  that share them (2)
#   DIFFERENTIAL_REPLAY     a file with a script that a failure has printed: plays that alone, and makes it shorter still
#   ORACLE                  the other server (/usr/bin/memcached)
#
# The stream is cut into scripts of 2000 requests, each for two fresh servers. A script's batches are pipelined, cut at
# random places, spread over connections, and put inside each other (lib/Larder/Differential/Commands.pm). The first
# script that fails is shrunk, and printed.
#
# 1.6.18 is older than the version that larder matches, and has no clock to be moved: whatever would need one
# (expiry, a flush that comes later) is left to t/protocol; here times are long or past.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Larder;
use Larder::Differential::Commands;
use Larder::Differential::Side;

my $oracle_path = $ENV{ORACLE} // '/usr/bin/memcached';
plan skip_all => "no $oracle_path to compare with" if !-x $oracle_path;

my $seed = $ENV{SEED} // (time * 1000) % 1_000_000_007;
my $commands = $ENV{DIFFERENTIAL_COMMANDS} // (is_sanitized ? 30_000 : 1_000_000);
my $commands_per_script = 2000;
my $shrink_seconds = 180;

# ---- what the two versions answer differently

my $bad = qr/CLIENT_ERROR bad command line format\r\n/;
my $error = qr/ERROR\r\n/;
my $storage = qr/(?:set|add|replace|append|prepend|cas)/;
my $word = qr/[^ \r\n]+/;
# [which requests, what larder answers, what memcached 1.6.18 answers, why]. Such requests travel alone.
my @explained = (
    [qr/^(?: ?\r| {0,2})\n/, $bad, $error, 'a line under four bytes is a bad line since 1.6.45'],
    [qr/^(?:get|gets|gat|gats|touch|incr|decr|delete|mg|ms|me|verbosity|$storage) *\r?\n/, $bad, qr/$error|$bad/, 'too few arguments'],
    [qr/^gats? $word *\r?\n/, $bad, qr/END\r\n/, 'a time without a key was an empty list of keys'],
    [qr/^(?:touch|incr|decr) (?!noreply)$word *\r?\n/, $bad, $error, 'too few arguments'],
    [qr/^$storage(?: (?!noreply)$word){1,3} *\r?\n/, $bad, $error, 'too few arguments'],
    [qr/^cas(?: $word){4} *\r\nzz/, $bad, qr/$error$error/, 'a cas without its unique has its body swallowed'],
    [qr/^$storage $word (?!\d+ -?\d+ )$word $word \d+.*\r\nzz/, $bad, qr/$bad$error/, 'a body behind a bad line is swallowed'],
    [qr/^cas $word \d+ \d+ \d+ (?:-1|abc|\d{20})\r\nzz/, $bad, qr/$bad$error/, 'the same for a bad unique'],
    [qr/^(?:$storage|ms) [^ \r\n]{251}.*\r\nzz/, $bad, qr/$bad$error/, 'the same for a long key'],
    [qr/^bogus.* noreply\r?\n/, qr//, $error, 'noreply hides the error of an unknown command'],
    [qr/^version\r/, qr/VERSION 1\.6\.45-larder\S+\r\n/, qr/VERSION 1\.6\.18\r\n/, 'another version'],
    [qr/^shutdown/, qr/SERVER_ERROR: shutdown not enabled\r\n/, qr/ERROR: shutdown not enabled\r\n/, 'since 1.6.45 so'],
    [qr/^slabs automove window /, qr/OK\r\n|CLIENT_ERROR automove window too low or too high\r\n/, $bad, 'the window came after 1.6.18'],
    [qr/^ms .* M(?:[^ \r\n]{2,}|[ \r])/, qr/CLIENT_ERROR invalid mode for ms M token\r\n/, qr/CLIENT_ERROR incorrect length for M token\r\n/,
        'only the first letter of a mode counts since 1.6.45'],
    [qr/^ma .* M(?:[^ \r\n]{2,}|[ \r])/, qr/CLIENT_ERROR invalid mode for ma M token\r\n/, qr/CLIENT_ERROR invalid or duplicate flag\r\n/,
        'the same for ma'],
    [qr/^lru (?:temp_ttl 61|mode segmented|tune 10 20 0.1 2.0)\r/, qr/OK\r\n/, qr/OK\r\n|$error/, "memcached's maintainer is off here"],
    [qr/^ma L{251}/, qr/CLIENT_ERROR invalid or duplicate flag\r\n/, $bad, 'ma has one error since 1.6.45'],
    [qr/^ma n\d C999999999/, qr/EX\r\n/, qr/CLIENT_ERROR cannot increment or decrement non-numeric value\r\n/,
        'memcached looks for an empty value before it looks at the unique'],
    [qr/^md \S+ (?:Cabc|[ez]|s s)/, qr/CLIENT_ERROR (?:bad token in command line format|invalid flag|duplicate flag)\r\n/,
        qr/CLIENT_ERROR invalid or duplicate flag\r\n/, 'md tells what is wrong since 1.6.45'],
    [qr/^m\w(?: $word){18}/, qr/CLIENT_ERROR (?:invalid flag|invalid or duplicate flag|options flags are too long)\r\n/,
        qr/CLIENT_ERROR options flags (?:are )?too long\r\n/, 'more flags are allowed since 1.6.45, so others errors are found first'],
    [qr/^lru_crawler enable\r/, qr/OK\r\n/, qr/(?:OK|ERROR failed to start lru crawler thread)\r\n/,
        'larder has no thread of that kind that could be running already'],
);
# Statistics that count something else, or what larder has none of; the others of 1.6.18 are compared.
my %explained_statistics = (
    general => {
        (map { $_ => 'the moment, the process or the machine' } qw(pid uptime time version libevent rusage_user rusage_system)),
        (map { $_ => 'memcached counts its listeners' } qw(connection_structures total_connections)),
        (map { $_ => 'read before or behind the request for statistics, as the pieces come' } qw(bytes_read bytes_written conn_yields)),
        (map { $_ => 'how memory is laid out' } qw(hash_power_level hash_bytes hash_is_expanding bytes slab_global_page_pool
            response_obj_bytes response_obj_count read_buf_bytes read_buf_bytes_free read_buf_count reserved_fds)),
        (map { $_ => "work of memcached's crawler and its LRU queues" } qw(lru_crawler_running lru_crawler_starts lru_maintainer_juggles
            crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm moves_within_lru lru_bumps_dropped)),
        total_items => 'memcached counts a number that incr or decr makes longer',
        curr_items => 'memcached drops expired items at moments of its own',
        (map { $_ => 'memcached counts them when it takes memory back only' } qw(expired_unfetched reclaimed)),
        (map { $_ => 'memcached counts those that a write meets as well' } qw(get_expired get_flushed)),
        cmd_meta => '1.6.18 counts me only',
        slab_reassign_evictions_nomem => 'gone since 1.6.45',
    },
    settings => {
        domain_socket => 'each has its own',
        oldest => 'larder forgets when the last flush was',
        (map { $_ => 'larder shows what it was started with, since there is nothing to tune' } qw(slab_automove slab_automove_ratio
            slab_automove_window slab_automove_freeratio lru_crawler lru_crawler_sleep lru_crawler_tocrawl lru_segmented
            hot_lru_pct warm_lru_pct hot_max_factor warm_max_factor temp_lru temporary_ttl)),
        num_napi_ids => 'since 1.6.45 a number',
    },
);

sub explanation {
    my ($command) = @_;
    for my $row (@explained) {
        return $row if $command =~ $row->[0];
    }
    return undef;
}

# 1.6.18 counts a set for `stats detail` when its line has come, larder when its value has.
sub travels_alone { return $_[0] =~ /\bL{251}|^(?:quit|GET|stats detail)\b/ || defined explanation($_[0]) }

sub agree {
    my ($batch, $ours, $theirs) = @_;
    return 0 if "$ours$theirs" =~ /^no answer/m;
    return 1 if $ours eq $theirs;
    my $row = @{$batch->{commands}} == 1 && !$batch->{inside} ? explanation($batch->{commands}[0]) : undef;
    return defined $row && $ours =~ /\A$row->[1]\z/ && $theirs =~ /\A$row->[2]\z/;
}

# Names of 1.6.18's statistics without those that are explained.
my %compared;
{
    local $ENV{LARDERD} = $oracle_path;
    my $oracle = Larder->start(args => [SIDE_ARGUMENTS]);
    for my $kind ('general', 'settings') {
        my $stats = $oracle->stats($kind eq 'general' ? '' : $kind);
        $compared{$kind} = {map { $explained_statistics{$kind}{$_} ? () : ($_ => 1) } keys %$stats};
    }
    $oracle->stop;
}

# ---- playing a script, and making it shorter

# Runs a script on two fresh servers: nothing, or [batch number, our reply, theirs] of the first mismatch.
sub play {
    my @script = @_;
    my $us = Larder::Differential::Side->open(server_path(), %compared);
    my $them = Larder::Differential::Side->open($oracle_path, %compared);
    my @ends = map { {connection => 0, cuts => [], commands => [$_]} } map { "$_\r\n" } 'gets ' . join(' ', all_keys()), 'stats';
    my $found;
    for my $number (0 .. @script + $#ends) {
        my $batch = $script[$number] // $ends[$number - @script];
        my ($ours, $theirs) = map { $_->exchange($batch) } $us, $them;
        next if agree($batch, $ours, $theirs);
        $found = [$number, $ours, $theirs];
        last;
    }
    my ($ours, $theirs) = $found ? () : map { $_->keys_left } $us, $them;
    $found = [scalar @script, "the keys left: $ours", $theirs] if !$found && $ours ne $theirs;
    $them->close;
    my $status = $us->close // 'no answer';
    $found ||= [scalar @script, "the daemon ended with $status\n" . $us->{server}->stderr, 'exit 0'] if $status ne '0';
    return $found;
}

# Leaves out of a list whatever may be left out with the failure staying: large parts first. $fails is asked about what
# would remain.
sub reduced {
    my ($end, $fails, @list) = @_;
    for (my $step = int((@list + 1) / 2); $step >= 1; $step = $step == 1 ? 0 : int(($step + 1) / 2)) {
        for (my $at = 0; $at < @list && time < $end;) {
            my @less = @list;
            splice @less, $at, $step;
            if ($fails->(@less)) { @list = @less }
            else { $at += $step }
        }
    }
    return @list;
}

sub shrink {
    my ($seconds, @script) = @_;
    my $end = time + $seconds;
    my @flat = map { ({%$_, inside => undef}, $_->{inside} // ()) } @script;
    @script = @flat if play(@flat);
    @script = reduced($end, sub { @_ && play(@_) }, @script);
    for my $index (0 .. $#script) {
        my $original = $script[$index];
        my $with = sub { my @changed = @script; $changed[$index] = {%{$script[$index]}, @_}; return @changed };
        @script = $with->(inside => undef) if $original->{inside} && play($with->(inside => undef));
        for my $part ('commands', 'cuts') {
            my @kept = reduced($end, sub { ($part eq 'cuts' || @_) && play($with->($part => [@_])) }, @{$original->{$part}});
            @script = $with->($part => \@kept);
        }
    }
    return @script;
}

# The lines of each text that the other has not.
sub differing {
    my @lines = map { [split /(?<=\n)/] } @_;
    my @has = map { {map { $_ => 1 } @$_} } @lines;
    return map { my $side = $_; escaped(join '', grep { !$has[1 - $side]{$_} } @{$lines[$side]}) } 0, 1;
}

# What is to be printed of a script that fails as found.
sub shortest {
    my ($found, @script) = @_;
    $#script = $found->[0] if $found->[0] < $#script;
    @script = shrink($shrink_seconds, @script);
    my ($ours, $theirs) = differing(@{play(@script) // $found}[1, 2]);
    return join "\n", 'the shortest script that shows it, for DIFFERENTIAL_REPLAY:', text_of_script(@script),
        'larder:', $ours, 'memcached:', $theirs;
}

# ---- the run

if (defined $ENV{DIFFERENTIAL_REPLAY}) {
    my @script = script_from_text(split /\n/, Larder::read_file($ENV{DIFFERENTIAL_REPLAY}));
    my $found = play(@script);
    ok !$found, scalar(@script) . ' batches, the same replies' or diag shortest($found, @script);
    done_testing;
    exit;
}

my $processes = $ENV{DIFFERENTIAL_PROCESSES} // 2;
my $scripts = POSIX::ceil($commands / $commands_per_script);
diag "SEED=$seed DIFFERENTIAL_COMMANDS=$commands DIFFERENTIAL_PROCESSES=$processes";
expanded('');

# The scripts of one process: every $processes-th, each with a seed of its own, until one fails.
sub run_share {
    my ($first) = @_;
    for (my $number = $first; $number < $scripts; $number += $processes) {
        srand $seed + $number;
        my @script = next_script($commands_per_script, \&travels_alone);
        my $found = play(@script) or next;
        return "script $number of SEED=$seed\n" . shortest($found, @script);
    }
    return '';
}

# A process for each share; its report, or nothing, comes through a pipe.
my @shares = map { start_share($_) } 0 .. $processes - 1;
END { kill 'TERM', map { $_->{pid} } grep { !$_->{done} } @shares }

sub start_share {
    my ($first) = @_;
    my $pid = open(my $pipe, '-|') // die "fork: $!";
    return {pid => $pid, pipe => $pipe} if $pid;
    @shares = ();
    Larder::own_servers();
    my $report = eval { run_share($first) } // "no end: $@";
    print $report;
    exit 0;
}

for my $share (@shares) {
    local $/;
    my $report = readline($share->{pipe}) // '';
    close $share->{pipe};
    $share->{done} = 1;
    ok $? == 0 && $report eq '', 'the same replies' or diag $report;
}
note "$commands requests";

done_testing;
