# Runs other people's client programs against a server: found or skipped, bounded in time, output kept.
package Larder::Client;

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use Larder;

our @EXPORT = qw(program_or_skip run_client);

sub find_program {
    my ($name) = @_;
    return (grep { -x } map { "$_/$name" } split /:/, $ENV{PATH})[0];
}

sub program_or_skip {
    my ($name, $check) = @_;
    my $path = $name =~ m{/} ? (-x $name ? $name : undef) : find_program($name);
    plan skip_all => "$name is not installed" if !defined $path;
    plan skip_all => "$name lacks what the test needs: $check"
        if defined $check && system("$path $check >/dev/null 2>&1") != 0;
    return $path;
}

# (exit status, output with errors). The client is killed when the deadline passes, and its status is 124.
sub run_client {
    my ($input, @command) = @_;
    my $pid = open(my $output, '-|') // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        open STDIN, '<', defined $input ? $input : '/dev/null' or POSIX::_exit(126);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    my $text = '';
    my $done = eval {
        local $SIG{ALRM} = sub { die "deadline\n" };
        alarm deadline_seconds() * 2;
        local $/;
        $text = <$output> // '';
        alarm 0;
        1;
    };
    if (!$done) {
        alarm 0;
        kill 'KILL', $pid;
        close $output;
        return (124, $text);
    }
    close $output;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $text);
}

1;
