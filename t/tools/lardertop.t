# lardertop: its options, its reports for scripts, and the console itself in tmux: figures, keys, servers that hang, die
# and come back, hostile servers, other sizes, and the terminal afterwards.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use IO::Socket::IP;
use JSON::PP;
use POSIX ();
use Socket qw(SOCK_STREAM SOMAXCONN);
use Test::More;

use Larder;
use Larder::Client;
use Larder::Tls;

larder_only('lardertop is made for what larderd tells, and is run against memcached below');
my $top = $ENV{top_srcdir} // "$FindBin::Bin/../..";
my $program = ($ENV{top_builddir} // '.') . '/src/lardertop';
plan skip_all => "$program is not built" if !-x $program;
$program = POSIX::getcwd() . "/$program" if $program !~ m{^/};
my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub lardertop { return run_client(undef, $program, @_) }

# One report of two readings, as data.
sub json_once {
    my ($expected, $name, @arguments) = @_;
    my ($status, $output) = lardertop('--once', '--json', '-d', 0.1, '-t', 30, @arguments);
    is $status, $expected, $name or diag $output;
    my $report = eval { decode_json($output) };
    return $report ? $report->{servers} : fail("$name: JSON: $@");
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file;
    return $path;
}

# A server in a child: each client's readings are answered with $answer, once they have been read, until the client
# closes. Its port.
my @fakes;

sub fake_server {
    my ($answer) = @_;
    my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => SOMAXCONN, Type => SOCK_STREAM)
        or die "listen: $@";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        while (my $client = $listener->accept) {
            my $asked = '';
            while (sysread $client, $asked, 4096, length $asked) {
                syswrite $client, $answer while $asked =~ s/\A.*?stats hotkeys\r\n//s;
            }
            close $client;
        }
        POSIX::_exit(0);
    }
    push @fakes, $pid;
    return $listener->sockport;
}

# ---- options

for my $case (
    ['--delay 0', '--delay 0: wants 0.1 to 3600 seconds (from one reading to the next (1))'],
    ['-t x', qr/^lardertop: --timeout x: wants 0.1 to 3600 seconds/],
    ['--sort size', qr/^lardertop: --sort size: wants name, requests_per_second, .* or get_p50_us\n\z/],
    ['--speed', '--speed: no such option, or several begin so; --help lists them all'],
    ['-z', '-z: no such option; --help lists them all'],
    ['-d', '--delay wants SECONDS behind it (from one reading to the next (1))'],
    ['--once=1', '--once takes no value'],
    ['a:1,b:1', 'a:1,b:1: wants one server; several stand apart, with spaces between'],
    ['[::1', '[::1: wants HOST:PORT, [ADDRESS]:PORT, or the path of a unix socket'],
    ['/' . 'x' x 200, qr/x: the path of a unix socket is too long\n\z/],
    ['--tls-skip-verify', 'options that begin with --tls- want --tls too'],
    ['', 'standard input and output want to be a terminal; --once and --json do without'],
    [join(' ', ('1:1') x 65), '65 servers: wants 64 or fewer'],
) {
    my ($options, $line) = @$case;
    my ($status, $output) = lardertop(split ' ', $options);
    is $status, 64, 'exit 64: ' . substr $options, 0, 40;
    ref $line ? like $output, $line, 'and a line' : is $output, "lardertop: $line\n", 'and the line';
}
for my $case ([undef, qr/: No such file or directory$/], ["nobody\n", qr/: wants a line USER:PASSWORD$/], ['', qr/: wants a line/]) {
    my $path = defined $case->[0] ? write_file("$directory/auth", $case->[0]) : "$directory/none";
    my ($status, $output) = lardertop('--once', '-Y', $path);
    is $status, 66, 'no credentials: exit 66';
    like $output, qr/^lardertop: --auth-file \Q$path\E$case->[1]/m, 'and the line';
}
my ($status, $help) = lardertop('--help');
is $status, 0, '--help';
my $page = Larder::read_file("$top/doc/lardertop.1");
is_deeply [grep { $page !~ /^\.It(?: Fl \w ,)? Fl \\-\Q$_\E(?: |$)/m } $help =~ /^  .{4}--([\w-]+)/mg], [], 'the manual has every option';
is_deeply [grep { $page !~ /^\.It \Q$_\E$/m } $help =~ m{^  ([A-Z0-9/%]+) +\w}mg], [], 'and every column';
like((lardertop('--version'))[1], qr/^lardertop \d[\d.]*\n\z/, '--version');

# ---- reports

my $one = Larder->start(args => ['-t', 1, '-m', 64]);
my $two = Larder->start(tcp => 1, args => ['-t', 1, '-m', 64, '-o', 'hot_keys_interval=1,latency_interval=1']);
my ($one_at, $two_at) = ($one->unix_path, '127.0.0.1:' . $two->port);
my $to_two = $two->connect;
$to_two->ask('set user:1%/x 0 0 5', 'value');

my $servers = json_once(0, 'two servers', $one_at, $two_at);
is_deeply [map { $_->{server} } @$servers], [$one_at, $two_at], 'both are there, as they were named';
my $stats = $two->stats;
is $servers->[1]{stats}{$_}, $stats->{$_}, "$_ is the server's" for qw(pid curr_items cmd_set limit_maxbytes threads bytes);
is $servers->[1]{version}, $stats->{version}, 'the version';
is $servers->[1]{items}, 1, 'items';
is $servers->[1]{memory_ratio}, sprintf('%.6f', $stats->{bytes} / $stats->{limit_maxbytes}) + 0, 'memory';
is $servers->[1]{sets_per_second}, 0, 'nothing was set meanwhile';
is $servers->[1]{hit_ratio}, undef, 'and nothing asked for, so that no ratio is known';
is_deeply $servers->[1]{hot_keys}, [{key => 'user%3A1%25%2Fx', requests => 1, error => 0}], 'the hot key';
is_deeply $servers->[0]{hot_keys}, [], 'none of the other';

# A line for each reading; in each second one of two keys is there.
my $pid = open(my $lines, '-|', $program, '--json', '-d', 0.2, '-t', 30, '--sort', 'gets_per_second', $one_at, $two_at) // die "lardertop: $!";
my $seen = wait_until(sub {
    $to_two->ask('get user:1%/x missing') for 1 .. 20;
    my $report = decode_json(scalar <$lines>);
    my $first = $report->{servers}[0];
    return ($first->{hit_ratio} // -1) == 0.5 && $first;
});
ok $seen, 'the hit ratio since the last reading';
is $seen->{server}, $two_at, 'the busiest is the first';
cmp_ok $seen->{gets_per_second}, '>', 0, 'and its gets';
is $seen->{requests_per_second}, $seen->{gets_per_second}, 'are all that was asked';
kill 'TERM', $pid;
1 while <$lines>; # else it may end of a pipe that nobody reads
close $lines;
is $? & 127, 15, 'TERM ends it';

($status, my $report) = lardertop('--once', '-d', 0.1, '-t', 30, '--sort', 'name', '--reverse', $one_at, $two_at);
is $status, 0, 'a report for people';
my ($titles, @rows) = split /\n/, $report;
like $titles, qr{^ SERVER +REQ/S +HIT% +MEM% +P99 +GET/S +SET/S +EVICT/S +ITEMS +CONNS +CPU% +IN/S +OUT/S +P50$}, 'all columns';
like $rows[0], qr{^ (?:~|\Q$two_at\E|\Q$one_at\E).* 0 }, 'a server';
like $rows[2], qr{^ total +0 +- +[\d.]+ +- +0 +0 +0 +1 +\d+ }, 'the sum';
like $report, qr/^\Q$two_at\E  version \Q$stats->{version}\E  process @{[$two->pid]}  up \d+ s  1 threads$/m, 'its details';
like $report, qr/^memory   limit 64\.0M  items \d+  dead 0  expired 0  unused /m, 'where memory goes';
like $report, qr{^set  +\d[\d.]*(?:us|ms|s) .* 1$}m, 'times';
like $report, qr{^ +\d+ +[\d.]+ +0\.0  user:1%25/x$}m, 'and the hot key, decoded but for the percent sign';
unlike $report, qr/[^\x20-\x7e\n]/, 'in plain text';

my $nobody = "$directory/nobody";
$servers = json_once(69, 'one of two is not there: exit 69', $nobody, $two_at);
is $servers->[0]{state}, 'up', 'the other is shown, and first';
is $servers->[1]{state}, 'down', 'and the one that is not there';
is $servers->[1]{problem}, 'No such file or directory', 'with the reason';
# Its clients are taken by the kernel, and that is all.
my $hanging = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 64, Type => SOCK_STREAM) or die "listen: $@";
my $hanging_at = '127.0.0.1:' . $hanging->sockport;
$servers = json_once(69, 'one hangs', '-t', 0.3, $hanging_at);
is $servers->[0]{problem}, 'no answer in 0.3 s', 'and is told';
for my $case (["HTTP/1.1 400 Bad Request\r\n\r\n", 'it does not answer as memcached does'],
    ["CLIENT_ERROR \e[31mno\r\n", "its answer to stats: CLIENT_ERROR \e[31mno"])
{
    $servers = json_once(69, 'an answer that is none', '127.0.0.1:' . fake_server($case->[0]));
    is $servers->[0]{problem}, $case->[1], 'is told';
}

SKIP: {
    my $six = eval { Larder->start(tcp => 'INET6', listen => ['-l', '::1', '-p', '-1']) } or skip 'no IPv6 here', 2;
    $servers = json_once(0, 'IPv6', '[::1]:' . $six->port('INET6'));
    is $servers->[0]{stats}{pid}, $six->pid, 'is the server';
    stops_cleanly $six;
}

SKIP: {
    my $path = Larder::Client::find_program('memcached') or skip 'no memcached here', 1;
    local $ENV{LARDERD} = $path;
    my $other = Larder->start;
    $other->converse("set k 0 0 1\r\nv\r\n");
    $servers = json_once(0, 'memcached', $other->unix_path);
    is $servers->[0]{stats}{pid}, $other->pid, 'is read';
    is $servers->[0]{items}, 1, 'with what it has';
    is $servers->[0]{get_p99_us}, undef, 'and without what it has not';
    is $servers->[0]{hot_keys}, undef, 'no hot keys';
    like +(lardertop('--once', '-d', 0.1, '-t', 30, $other->unix_path))[1], qr/^ \S+ +0 +- +0\.0 +- +0 +0 +0 +1 /m, 'as for people';
    stops_cleanly $other;
}

# ---- credentials and TLS

my $users = write_file("$directory/users", "someone:secret word\n");
my $guarded = Larder->start(args => ['-Y', $users, '-t', 1]);
$servers = json_once(0, 'with credentials', '-Y', $users, $guarded->unix_path);
is $servers->[0]{stats}{pid}, $guarded->pid, 'it is let in';
$servers = json_once(69, 'with wrong ones', '-Y', write_file("$directory/auth", "someone:wrong\n"), $guarded->unix_path);
is $servers->[0]{problem}, 'it refuses the user or the password', 'it is told';
$servers = json_once(69, 'without', $guarded->unix_path);
is $servers->[0]{problem}, 'its answer to stats: CLIENT_ERROR unauthenticated', 'too';
stops_cleanly $guarded;

SKIP: {
    skip 'no TLS, or no openssl command', 1 if !can_speak_tls;
    my $files = certificates;
    my $secret = Larder->start(
        listen => ['-l', 'notls:127.0.0.1:0,127.0.0.1:0'],
        tcp => 1,
        args => ['-t', 1, '-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key"],
    );
    my $at = '127.0.0.1:' . tls_port($secret);
    $servers = json_once(0, 'TLS', '--tls', '--tls-ca', "$files/ca.pem", $at);
    is $servers->[0]{stats}{pid}, $secret->pid, 'is spoken';
    $servers = json_once(69, 'a certificate of others', '--tls', '--tls-ca', "$files/other.pem", $at);
    like $servers->[0]{problem}, qr/certificate verify failed/, 'is refused';
    my ($code, $said) = lardertop('--once', '--tls', '--tls-ca', $nobody, $at);
    is $code, 64, 'no such file: exit 64';
    like $said, qr/^lardertop: --tls: --tls-ca \Q$nobody\E: /, 'and the line';
    stops_cleanly $secret;
}

# ---- the console

SKIP: {
    my ($tmux, $bash) = map { Larder::Client::find_program($_) } qw(tmux bash);
    skip 'no tmux here: the console is not tested', 1 if !$tmux;
    skip 'no bash here: the console is not tested', 1 if !$bash;
    console($tmux, $bash);
}
stops_cleanly $_ for $one, $two;
done_testing;

# ---- in tmux

my @tmux;

sub tmux {
    my ($status, $output) = run_client(undef, @tmux, @_);
    die "tmux @_: $output" if $status != 0;
    return $output;
}

sub screen { return tmux('capture-pane', '-p') }

# Waits until the screen looks so, in all that is asked for at once: a busy machine may make a server late meanwhile.
sub shows {
    my ($name, $patterns, $meanwhile) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @wanted = ref $patterns eq 'ARRAY' ? @$patterns : $patterns;
    my ($last, @missing) = '';
    my $found = wait_until(sub {
        $meanwhile->() if $meanwhile;
        $last = screen();
        @missing = grep { $last !~ $_ } @wanted;
        return !@missing;
    });
    ok $found, $name or diag "the screen:\n$last\nlacks: @missing";
}

sub type { tmux('send-keys', @_) }

# What the terminal was sent, up to the mark that is printed now.
sub bytes_until_mark {
    my ($path, $mark) = @_;
    type('-l', "printf '%s-%s\\n' $mark mark");
    type('Enter');
    my $bytes = wait_until(sub { my $bytes = Larder::read_file($path); return $bytes =~ /$mark-mark/ && $bytes });
    return $bytes // '';
}

# An interactive shell gives each command a process group of its own, as ^Z wants it.
sub console {
    my ($path, $bash) = @_;
    my $rc = write_file("$directory/rc", "PS1='ready> '\nexport TERM=screen\nunset NO_COLOR PROMPT_COMMAND\nstty -a >$directory/before\n");
    local $ENV{SHELL} = '/bin/sh';
    @tmux = ($path, '-S', "$directory/tmux", '-f', '/dev/null');
    tmux('new-session', '-d', '-x', 80, '-y', 24, "cd '$directory' && exec $bash --noprofile --rcfile $rc -i");
    shows('a shell', qr/^ready> $|^ready>$/m);
    tmux('pipe-pane', "exec cat >$directory/bytes");
    my $run = sub {
        type('-l', "stty -a >before; $program @_");
        type('Enter');
    };
    my $ended = sub {
        my ($name, $status) = @_;
        shows("$name: the user's screen is back", qr/\Aready> .*^ready> ?\s*\z/ms);
        type('-l', 'echo status=$?; stty -a >after');
        type('Enter');
        shows("$name: exit $status", qr/^status=$status$/m);
        ok wait_until(sub { Larder::read_file("$directory/after") eq Larder::read_file("$directory/before") }),
            "$name: the terminal's modes are as before";
        unlink "$directory/after";
        type('C-l');
        shows('a clear screen', qr/\A\s*ready> ?\s*\z/);
    };

    # Figures, in the order that is asked for.
    my $load = sub { $to_two->ask('get user:1%/x missing') for 1 .. 50 };
    my $port = $two->port;
    my $quiet = Larder->start(unix_path => "$directory/quiet", args => ['-t', 1]);
    $run->('-d 0.2 -t 2', './quiet', $port);
    shows('the load is seen', [
        qr{\Alardertop  2 servers  by REQ/S  every 0\.2 s  h: help\n},
        qr{^ SERVER +REQ/S +HIT% +MEM% +P99 +GET/S +SET/S EVICT/S   ITEMS\n}m,
        qr{^ \Q$port\E +[1-9][\d.]*k? +50\.0 .*\n>\./quiet +0 .*\n total +[1-9]}m,
    ], $load);
    shows('the load has ended', qr/^.\Q$port\E +0 +- /m);
    type('r');
    shows('r: the smallest first', qr{by REQ/S, reversed.*^>\./quiet +0 .*^ \Q$port\E +[1-9]}ms, $load);
    type('r');
    shows('r: and back', qr{by REQ/S  .*^ \Q$port\E +[1-9].*^>\./quiet +0 }ms, $load);
    type('>');
    shows('>: by the next column', qr/by HIT%  /);
    type('Left');
    shows('an arrow: back', qr{by REQ/S  });
    type('n');
    shows('n: by name', qr{by name  .*^.\./quiet.*^.\Q$port\E}ms);
    type('j');
    shows('j: details of the next one, its times and its hot key',
        [qr/^>\Q$port\E.*^\Q$port\E  version/ms, qr/^get +\d/m, qr{^ +[\d.]+k? +[\d.]+ +[\d.]+  user:1%25/x$}m]);
    type('Up');
    shows('an arrow: of the one before', qr/^>\.\/quiet.*^\.\/quiet  version/ms);
    type('h');
    shows('h: help', qr/^q +quit$/m);
    type('?');
    shows('?: back', qr/^>\.\/quiet/m);

    # Other sizes.
    tmux('resize-window', '-x', 40, '-y', 10);
    shows('a narrow terminal is filled from the top',
        [qr{\Alardertop  2 servers.*\n SERVER +REQ/S    HIT%    MEM%\n>\./quiet +0 +- }, qr/[^\n]\n\z/]);
    tmux('resize-window', '-x', 10, '-y', 3);
    shows('a tiny one', qr/\Alardertop\n SERVER\n>\.\/quiet/);
    tmux('resize-window', '-x', 140, '-y', 30);
    shows('a wide one', qr{^ SERVER +REQ/S .* OUT/S     P50$}m);
    tmux('resize-window', '-x', 80, '-y', 24);
    shows('as before', qr{^ SERVER +REQ/S .*   ITEMS$}m);

    # Stopped and continued.
    type('C-z');
    shows('^Z: the shell', qr/Stopped.*^ready>/ms);
    type('-l', 'stty -a >stopped; fg');
    type('Enter');
    shows('fg: the console', qr/\Alardertop  2 servers.*^>\.\/quiet/ms);
    is Larder::read_file("$directory/stopped"), Larder::read_file("$directory/before"), 'the shell had the terminal as it was';
    type('q');
    $ended->('q', 0);

    # One dies and comes back; another hangs all the time, and holds up nobody.
    my ($hanging_port, $hostile_port) = ($hanging->sockport, fake_server(hostile()));
    $run->('-d 0.2 -t 2 --sort name', './quiet', $port, $hanging_port, $hostile_port);
    shows('one hangs', qr/^ \Q$hanging_port\E +down: no answer in 2 s$/m);
    shows('the others go on', qr/^ \Q$port\E +[1-9][\d.]*k? +50\.0 /m, $load);
    $quiet->stop('KILL');
    $quiet->{checked} = 1;
    shows('one dies', qr/\Alardertop  4 servers, 2 down .*^>\.\/quiet +down: Connection refused$/ms);
    $quiet = Larder->start(unix_path => "$directory/quiet", args => ['-t', 1]);
    shows('and comes back', qr/^>\.\/quiet +0 +- .*^\.\/quiet  version /ms);
    stops_cleanly $quiet;

    # What a server says cannot steer the terminal.
    shows('its line', qr/^ \Q$hostile_port\E +/m);
    type('j') for grep { $_ lt $hostile_port } './quiet', $port, $hanging_port;
    shows('its details, and its keys, decoded no further than is safe',
        [qr/^\Q$hostile_port\E  version \?\[2J/m, qr/  \?\]0;owned\?\?\[31m\?x$/m, qr/  %1B\]0;%07$/m]);
    type('q');
    $ended->('q again', 0);

    # However it ends.
    for my $signal (qw(INT TERM HUP)) {
        my $number = {INT => 2, TERM => 15, HUP => 1}->{$signal};
        unlink "$directory/pid";
        type('-l', "stty -a >before; sh -c 'echo \$\$ >pid; exec $program $port'");
        type('Enter');
        shows('it runs', qr/\Alardertop  1 server .*^ \Q$port\E +\d/ms);
        kill $signal, Larder::read_file("$directory/pid") + 0;
        $ended->($signal, 128 + $number);
    }

    # All that it has written.
    my $bytes = bytes_until_mark("$directory/bytes", 'first');
    like $bytes, qr/\e\[31m/, 'colour where there may be some';
    unlike $bytes, qr/owned\x07|\x9b|\e\]0;owned/, 'and nothing of the hostile server';
    type('-l', 'export NO_COLOR=1');
    type('Enter');
    tmux('pipe-pane', "exec cat >$directory/plain-bytes");
    $run->($port, './nobody');
    shows('without colour', qr/^ \.\/nobody +down: /m);
    type('q');
    $ended->('q in the end', 0);
    $bytes = bytes_until_mark("$directory/plain-bytes", 'second');
    like $bytes, qr/\e\[7m/, 'NO_COLOR: what is no colour is there';
    unlike $bytes, qr/\e\[3\dm/, 'and no colour';
    type('-l', "TERM=dumb $program $port; echo status=\$?");
    type('Enter');
    shows('a terminal without a cursor', qr/^lardertop: this terminal.*^status=64$/ms);
    tmux('kill-server');
    @tmux = ();
}

sub hostile {
    my @general = ("pid 1", "uptime 1", "version \e[2J\x9b31m\x07", "cmd_get \e[5m", "curr_items 1");
    my @hot = ('seconds 1', 'requests 3', "1:key \e]0;owned\x07\e[31m\x9bx", '1:requests 2', '1:error 0', '2:key %1B%5D0%3B%07',
        '2:requests 1', '2:error 0');
    return join '', map({ "STAT $_\r\n" } @general), "END\r\nERROR\r\nERROR\r\n", map({ "STAT $_\r\n" } @hot), "END\r\n";
}

END {
    local $?;
    run_client(undef, @tmux, 'kill-server') if @tmux;
    for my $pid (@fakes) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}
