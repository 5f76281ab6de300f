# The process: pid file, daemon, user, core dumps, locked memory.
use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

sub status_line {
    my ($pid, $name) = @_;
    return Larder::read_file("/proc/$pid/status") =~ /^\Q$name\E:\s+(.*)$/m ? $1 : undef;
}

sub is_running {
    my ($pid) = @_;
    my $state = status_line($pid, 'State');
    return defined $state && $state !~ /^[ZX]/;
}

{
    my $path = Larder::tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/pid';
    my $server = Larder->start(args => ['-P', $path]);
    ok wait_until(sub { Larder::read_file($path) eq $server->pid . "\n" }), '-P writes the pid';
    stops_cleanly $server;
    ok !-e $path, 'and the end removes it' if is_larder;
}

# Whoever may write to the folder can't have another file overwritten, nor keep the start waiting.
if (is_larder) {
    my $directory = Larder::tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my %lure = (
        'a hard link' => sub { link "$directory/precious", $_[0] or die "link: $!" },
        'a symbolic link' => sub { symlink "$directory/precious", $_[0] or die "symlink: $!" },
        'a fifo' => sub { POSIX::mkfifo($_[0], 0600) or die "mkfifo: $!" },
    );
    open my $precious, '>', "$directory/precious" or die "precious: $!";
    print $precious "123\n";
    close $precious;
    for my $what (sort keys %lure) {
        for my $place ('pid', 'pid.tmp') {
            unlink "$directory/pid", "$directory/pid.tmp";
            $lure{$what}->("$directory/$place");
            my $server = Larder->start(args => ['-P', "$directory/pid"]);
            # It listens before it writes the file.
            ok wait_until(sub { -f "$directory/pid" && Larder::read_file("$directory/pid") eq $server->pid . "\n" }),
                "-P in the place of $what ($place)";
            ok -f "$directory/pid" && !-l "$directory/pid" && !-e "$directory/pid.tmp", 'is a file of its own';
            is Larder::read_file("$directory/precious"), "123\n", 'and what was led to is as it was';
            stops_cleanly $server;
        }
    }
}

# A start whose pid or ports can't be written, as on a full disk, says so and ends.
if (is_larder) {
    my $socket = Larder::tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/socket';
    my ($status, $error) = starts_and_exits('-s', $socket, '-P', '/proc/larderd.pid');
    is $status, 73, 'a pid file that can not be written';
    like $error, qr{\Alarderd: /proc/larderd\.pid can't be written: [^\n]+\n\z}, 'is told in one line';
}

{
    my $directory = Larder::tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my ($pid_path, $socket_path) = ("$directory/pid", "$directory/socket");
    my ($status) = starts_and_exits('-d', '-P', $pid_path, '-s', $socket_path);
    is $status, 0, '-d ends the first process with 0';
    my $pid = wait_until(sub { Larder::read_file($pid_path) =~ /^(\d+)\n/ ? $1 : 0 });
    ok $pid && is_running($pid), 'and another one runs';
    my $connection = wait_until(sub { eval { Larder::Connection->connect_unix($socket_path) } });
    is $connection->ask('set k 0 0 1', 'x', 'get k'), crlf('STORED', 'VALUE k 0 1', 'x', 'END'), 'that serves';
    my ($session) = Larder::read_file("/proc/$pid/stat") =~ /\) \S \d+ \d+ (\d+)/;
    isnt $session, getpgrp(0), 'in a session of its own';
    kill 'TERM', $pid;
    ok wait_until(sub { !is_running($pid) }), 'TERM ends it';
    ok !-e $pid_path, 'and its pid file is gone';
    kill 'KILL', $pid if is_running($pid);
}

SKIP: {
    skip 'only root changes its user', 1 if $> != 0;
    if (is_larder) {
        my ($status, $error) = starts_and_exits({no_user => 1}, '-l', '127.0.0.1', '-p', '-1');
        ok $status, 'root must say -u';
        like $error, qr/-u/, 'and is told so';
        is scalar(() = $error =~ /\n/g), 1, 'in one line';
    }
    my ($status, $error) = starts_and_exits({no_user => 1}, '-u', 'no-such-user-here', '-l', '127.0.0.1', '-p', '-1');
    ok $status, 'an unknown user ends the start';
    like $error, qr/no-such-user-here/, 'and is named';

    my $server = Larder->start(no_user => 1, tcp => 1, open_directory => 1, args => ['-u', 'nobody']);
    my $uid = getpwnam 'nobody';
    is status_line($server->pid, 'Uid'), join("\t", ($uid) x 4), '-u nobody is nobody';
    is status_line($server->pid, 'Groups') =~ s/\s+$//r, '' . (getpwnam 'nobody')[3], 'with no group of root'
        if is_larder && status_line($server->pid, 'Groups') =~ /\d/;
    converses $server, 'nobody serves', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];
    stops_cleanly $server;

    my $locked = Larder->start(args => ['-k', '-m', 16]);
    converses $locked, '-k serves', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];
    # The sanitizers make mlockall do nothing.
    cmp_ok $locked->memory_kib('VmLck'), '>', 0, '-k locks memory' if !is_sanitized;
    stops_cleanly $locked;
}

{
    my $server = Larder->start(args => ['-r'], sandbox => 'ulimit -S -c 0');
    like Larder::read_file('/proc/' . $server->pid . '/limits'), qr/^Max core file size\s+(?!0\s)\S+/m,
        '-r raises the limit of core files';
    stops_cleanly $server;
}

done_testing;
