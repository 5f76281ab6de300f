#!/usr/bin/perl
# What an intruder would find: no system call beyond those that serving takes (-o drop_privileges), and no password in
# memory but those that are in use.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

larder_only('its filter and its memory');
my $directory = tempdir(CLEANUP => 1);

sub write_file {
    my ($path, $content) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $content;
    close $file or die "$path: $!";
}

# ---- system calls

my $version = do { my $path = server_path(); `'$path' --version` };
SKIP: {
    skip 'built without seccomp', 1 if $version !~ /, seccomp/;
    skip 'a sanitizer makes system calls of its own', 1 if is_sanitized;

    my $auth = "$directory/passwords";
    write_file($auth, "foo:bar\n");
    my $pid_file = "$directory/pid";
    my $server = Larder->start(args => ['-o', 'drop_privileges', '-Y', $auth, '-P', $pid_file]);
    my @tasks = glob '/proc/' . $server->pid . '/task/*/status';
    my $is_filtered = sub { Larder::read_file($_[0]) =~ /^Seccomp:\s2$/m };
    ok wait_until(sub { @tasks == grep { $is_filtered->($_) } @tasks }), 'every thread is filtered';
    like $server->converse("set x 0 0 7\r\nfoo bar\r\nset k 0 0 1\r\nx\r\nget k\r\n"), qr/VALUE k/, 'it serves';
    write_file($auth, "foo:new\n");
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /passwords read again/ }), 'it reads files';
    stops_cleanly $server;
    ok !-e $pid_file && !-e $server->unix_path, 'and removes its own at the end';

    # A library that makes the call when a client asks for statistics.
    skip 'no C compiler', 1 if system('cc --version >/dev/null 2>&1') != 0;
    my %evil = (
        'a program' => 'char *a[] = {"true", 0}; execve("/bin/true", a, 0);',
        'a process' => 'syscall(SYS_clone, 17, 0, 0, 0, 0);',
        'a connection' => 'socket(AF_INET, SOCK_STREAM, 0);',
        'a file to write' => "open(\"$directory/made\", O_CREAT | O_WRONLY, 0600);",
        'executable memory' => 'mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);',
        'a signal to another' => 'syscall(SYS_tgkill, getppid(), getppid(), 0);',
    );
    my $compiled = sub {
        my ($name, $source) = @_;
        write_file("$directory/$name.c", $source);
        my ($status, $said) = run_client(undef, 'cc', '-w', '-shared', '-fPIC', '-o', "$directory/$name.so", "$directory/$name.c");
        is $status, 0, "$name: compiled" or diag($said);
        return {LD_PRELOAD => "$directory/$name.so"};
    };
    for my $what (sort keys %evil) {
        my $environment = $compiled->($what =~ s/\W/-/gr, <<"END");
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int getrusage(int who, struct rusage *usage) { (void)who; (void)usage; $evil{$what} return 0; }
END
        my $is_harmless = $what ne 'a program' && $what ne 'a process';
        for my $filter (('no_drop_privileges') x $is_harmless, 'drop_privileges') {
            my $victim = Larder->start(args => ['-o', $filter], no_extra => 1, environment => $environment);
            wait_until(sub { $is_filtered->('/proc/' . $victim->pid . '/status') }) if $filter eq 'drop_privileges';
            my $connection = $victim->connect;
            $connection->send("stats\r\n");
            if ($filter eq 'drop_privileges') {
                is $connection->read_to_close, '', "$what: the daemon ends";
                ok wait_until(sub { $victim->has_exited }), 'at once';
                is $victim->status, 128 + 31, 'by SIGSYS';
                like $victim->stderr, qr/^larderd: bug: system call \d+ is not allowed by -o drop_privileges; please report this\n\z/m,
                    'and says why';
            } else {
                like $connection->read_until("END\r\n"), qr/^STAT pid/, "$what: without the filter it can be had";
            }
        }
    }
    ok -e "$directory/made", 'the unfiltered daemon did make the file';

    # A system that takes no filter.
    my $environment = $compiled->('refuse', 'int seccomp_load(void *filter) { (void)filter; return -22; }');
    my ($status, $log) = starts_and_exits({environment => $environment}, '-s', "$directory/none", '-o', 'drop_privileges');
    is $status, 71, 'larderd does not start where the system takes no filter';
    is $log, "larderd: -o drop_privileges: the system takes no filter of system calls: Invalid argument\n", 'and says nothing else';
}

# ---- secrets

# How often the text is in what the process can write to; undef: nobody may look.
sub count_in_memory {
    my ($pid, $text) = @_;
    open my $memory, '<:raw', "/proc/$pid/mem" or return undef;
    my $count = 0;
    for my $line (split /\n/, Larder::read_file("/proc/$pid/maps")) {
        my ($from, $to) = $line =~ /^(\w+)-(\w+) rw/ or next;
        no warnings 'portable';
        my ($at, $end, $bytes) = (hex $from, hex $to);
        while ($at < $end) {
            my $size = $end - $at < 1 << 24 ? $end - $at : 1 << 24;
            sysseek $memory, $at, 0 or last;
            my $read = sysread $memory, $bytes, $size;
            last if !$read;
            $count += () = $bytes =~ /\Q$text\E/g;
            $at += $read;
        }
    }
    return $count;
}

SKIP: {
    skip 'a sanitizer keeps what was freed', 1 if is_sanitized;
    my $auth = "$directory/secrets";
    write_file($auth, "someone:first-Secret-4711\n");
    my $server = Larder->start(args => ['-Y', $auth, '-t', 1, '-m', 16], no_extra => 1);
    skip 'the memory of another process is not to be seen', 1 if !defined count_in_memory($server->pid, 'x');
    my $attempt = sub { sprintf "set x 0 0 %d\r\n%s\r\n", length $_[0], $_[0] };
    my $cut = $server->connect;
    $cut->send(substr $attempt->('someone slowly-Guessed-99'), 0, 30);
    $cut->wait_consumed;
    like $server->converse($attempt->('someone wrongly-Guessed-42')), qr/failure/, 'a wrong password';
    like $server->converse($attempt->('someone first-Secret-4711')), qr/STORED/, 'the right one';
    $cut->send(substr $attempt->('someone slowly-Guessed-99'), 30);
    like $cut->read_line, qr/failure/, 'and one that comes in two pieces';
    is count_in_memory($server->pid, 'rongly-Guessed-42'), 0, 'what was guessed is gone from memory';
    is count_in_memory($server->pid, 'lowly-Guessed-99'), 0, 'in pieces too';
    is count_in_memory($server->pid, 'irst-Secret-4711'), 1, 'what is right is there once';
    write_file($auth, "someone:second-Secret-0815\n");
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /passwords read again/ }), 'other passwords';
    is count_in_memory($server->pid, 'irst-Secret-4711'), 0, 'what was right is gone';
    is count_in_memory($server->pid, 'econd-Secret-0815'), 1, 'what is right now is there once';
    stops_cleanly $server;
}
done_testing;
