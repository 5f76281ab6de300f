# Starts the daemon under test and speaks to it.
#
# The daemon is $LARDERD, or src/larderd beneath $top_builddir. When that program is named larderd it also gets
# the debug commands and whatever $LARDERD_ARGS holds; any other server (Debian's memcached, for one) gets
# neither, and is_larder() is false, so that a test can skip what only larder answers.
#
# Every wait is for a condition and ends at a deadline; nothing here sleeps for a fixed time.
package Larder;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use Fcntl qw(F_DUPFD);
use File::Temp qw(tempdir);
use IO::Handle;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time);

use Larder::Connection;

our @EXPORT = qw(
    closes converses crlf deadline_seconds escaped is_larder is_sanitized larder_only server_path
    starts_and_exits stops_cleanly wait_until
);

my @servers;
my $owner = $$;
my $signalled = 0;

# A test that is told to stop must still reach END, which ends the servers it started.
for my $name (qw(TERM INT HUP)) {
    $SIG{$name} = sub { $signalled = 1; exit 1 }
}
$SIG{PIPE} = 'IGNORE';

# In a forked child: from now on its own servers, and no others, are ended when it ends.
sub own_servers {
    @servers = ();
    $owner = $$;
}

sub server_path {
    my $path = $ENV{LARDERD};
    $path = ($ENV{top_builddir} // '.') . '/src/larderd' if !defined $path || $path eq '';
    return abs_path($path) // $path;
}

sub is_larder { return server_path() =~ m{larderd[^/]*\z} ? 1 : 0 }

# The sanitizers' own memory and speed say nothing about larder's.
sub is_sanitized {
    our $sanitized;
    return $sanitized if defined $sanitized;
    $sanitized = $ENV{LARDER_SANITIZED} ? 1 : 0;
    if (!$sanitized && open my $binary, '<:raw', server_path()) {
        local $/;
        my $image = <$binary>;
        $sanitized = $image =~ /__[at]san_init/ ? 1 : 0;
    }
    return $sanitized;
}

sub deadline_seconds { return ($ENV{LARDER_DEADLINE} // 30) * (is_sanitized() ? 4 : 1) }

sub larder_only {
    my ($why) = @_;
    plan skip_all => "only larder: $why" if !is_larder();
}

# Asks $condition again and again until it is true; its value, or undef when the deadline has passed.
sub wait_until {
    my ($condition, $seconds) = @_;
    my $end = time + ($seconds // deadline_seconds());
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return undef if time > $end;
        select undef, undef, undef, 0.01;
    }
}

# ---- bytes

sub crlf { return join '', map { "$_\r\n" } @_ }

sub bytes_of {
    my ($what) = @_;
    return ref $what eq 'ARRAY' ? crlf(@$what) : $what;
}

# Bytes as a test's output can show them; a long run of one byte becomes {x*N}.
sub escaped {
    my ($bytes) = @_;
    return '(none)' if !defined $bytes;
    $bytes =~ s/((.)\g2{63,30000})/'{' . $2 . '*' . length($1) . '}'/ges;
    $bytes =~ s/\r/\\r/g;
    $bytes =~ s/\n/\\n\n/g;
    $bytes =~ s/([^\x20-\x7e\n])/sprintf '\\x%02x', ord $1/ge;
    $bytes = substr($bytes, 0, 3000) . '...' . length $bytes if length $bytes > 4000;
    return $bytes;
}

# ---- a server

# Larder->start(args => [...], tcp => 1, sandbox => 'ulimit -n 40', environment => {...})
# By default it listens on a unix socket of its own; with tcp on a free port of 127.0.0.1. listen => [...] stands
# in for the arguments that say so; tcp => 'INET6' then makes clients connect to the port of ::1. sandbox is a shell
# command to run first, open_directory lets another user write the port file, inherited => [sockets] hands listening
# sockets over as systemd does. Dies when the server does not accept within the deadline.
sub start {
    my ($class, %options) = @_;
    my $self = bless {
        directory => tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1),
        options => \%options,
    }, $class;
    $self->prepare;
    $self->spawn;
    wait_until(sub { $self->is_accepting || $self->has_exited })
        or die "the server did not accept in time:\n" . $self->stderr;
    die 'the server ended at once with status ' . $self->status . ":\n" . $self->stderr
        if $self->has_exited;
    return $self;
}

sub prepare {
    my ($self) = @_;
    $self->{unix_path} = $self->{options}{unix_path} // "$self->{directory}/socket";
    $self->{error_path} = "$self->{directory}/stderr";
    $self->{port_path} = "$self->{directory}/ports";
    chmod 0777, $self->{directory} if $self->{options}{open_directory};
    push @servers, $self;
}

sub arguments {
    my ($self) = @_;
    my $options = $self->{options};
    my @listen = $options->{tcp} ? ('-l', '127.0.0.1', '-p', '-1') : ('-s', $self->{unix_path});
    @listen = @{$options->{listen}} if $options->{listen};
    my @arguments = (@listen, @{$options->{args} // []});
    unshift @arguments, '-u', 'root' if $> == 0 && !$options->{no_user};
    if (is_larder()) {
        push @arguments, '-o', 'debug_commands' if !$options->{no_debug};
        push @arguments, split ' ', $ENV{LARDERD_ARGS} // '' if !$options->{no_extra};
    }
    return @arguments;
}

sub spawn {
    my ($self) = @_;
    my @command = (server_path(), $self->arguments);
    my $sandbox = $self->{options}{sandbox};
    @command = ('/bin/sh', '-c', "$sandbox; exec \"\$@\"", 'sh', @command) if defined $sandbox;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{PIPE} = $SIG{TERM} = $SIG{INT} = $SIG{HUP} = 'DEFAULT';
        my %environment = (MEMCACHED_PORT_FILENAME => $self->{port_path},
            %{$self->{options}{environment} // {}});
        @ENV{keys %environment} = values %environment;
        delete $ENV{MEMCACHED_PORT_FILENAME} if !defined $ENV{MEMCACHED_PORT_FILENAME};
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>', "$self->{directory}/stdout" or POSIX::_exit(126);
        open STDERR, '>', $self->{error_path} or POSIX::_exit(126);
        hand_over(@{$self->{options}{inherited}}) if $self->{options}{inherited};
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
}

# They become descriptors from 3 on, for the process that this one is about to be.
sub hand_over {
    my (@sockets) = @_;
    my @copies = map { fcntl $_, F_DUPFD, 100 } @sockets;
    for my $i (0 .. $#copies) {
        POSIX::dup2($copies[$i], 3 + $i);
        POSIX::close($copies[$i]);
    }
    $ENV{LISTEN_FDS} = @copies;
    $ENV{LISTEN_PID} //= $$;
}

sub pid { return $_[0]{pid} }

sub directory { return $_[0]{directory} }

sub unix_path { return $_[0]{unix_path} }

sub port_path { return $_[0]{port_path} }

sub read_file {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub stderr { return read_file($_[0]{error_path}) }

sub stdout { return read_file("$_[0]{directory}/stdout") }

# The port that the server has written down for `TCP INET` or the kind given; 0 while there is none.
sub port {
    my ($self, $kind) = @_;
    $kind //= 'INET';
    return read_file($self->{port_path}) =~ /^TCP $kind: (\d+)$/m ? $1 : 0;
}

sub is_accepting {
    my ($self) = @_;
    my $connection = eval { $self->connect } or return 0;
    $connection->close;
    return 1;
}

sub has_exited {
    my ($self) = @_;
    return 1 if defined $self->{status};
    return 0 if waitpid($self->{pid}, WNOHANG) == 0;
    $self->{status} = $?;
    return 1;
}

# Exit code, or 128 and more for a signal.
sub status {
    my ($self) = @_;
    my $status = $self->{status} // return undef;
    return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

sub signal {
    my ($self, $name) = @_;
    return kill $name, $self->{pid};
}

# What a sanitizer has complained about, or nothing.
sub sanitizer_report {
    my ($self) = @_;
    my $log = $self->stderr;
    return $log =~ /(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:)/ ? $log : undef;
}

# Sends $signal (TERM; 0: none, it ends by itself) and waits for the end; the exit status as in status(), undef when it
# had to be killed. CONT is none to send: now and then the leak sanitizer, which traces its process, goes round for ever.
sub stop {
    my ($self, $signal) = @_;
    $self->signal($signal // 'TERM') if !$self->has_exited;
    if (!wait_until(sub { $self->has_exited })) {
        $self->signal('KILL');
        waitpid $self->{pid}, 0;
        $self->{status} = 9;
        return undef;
    }
    return $self->status;
}

# Larder::Connection to the server: by default the way it was started.
sub connect {
    my ($self, %to) = @_;
    return Larder::Connection->connect_tcp($to{host} // '127.0.0.1', $to{port})
        if defined $to{port};
    my $tcp = $self->{options}{tcp};
    return Larder::Connection->connect_unix($self->{unix_path}) if !$tcp;
    my $kind = $tcp eq 'INET6' ? 'INET6' : 'INET';
    my $port = $self->port($kind) or die "no port yet\n";
    return Larder::Connection->connect_tcp($kind eq 'INET6' ? '::1' : '127.0.0.1', $port);
}

# One conversation on a connection of its own: (reply, closed by the server).
sub converse {
    my ($self, $sent) = @_;
    my $connection = $self->connect;
    my @result = $connection->converse(bytes_of($sent));
    $connection->close;
    return wantarray ? @result : $result[0];
}

sub stats {
    my ($self, $what) = @_;
    my $connection = $self->connect;
    my $stats = $connection->stats($what);
    $connection->close;
    return $stats;
}

# Stops the server's clock at its first use, and moves it on to $seconds after that.
sub clock_at {
    my ($self, $seconds) = @_;
    my @commands = defined $self->{clock} ? () : 'debugtime p';
    push @commands, 'debugtime ' . ($seconds - ($self->{clock} // 0));
    $self->{clock} = $seconds;
    my $reply = $self->converse(\@commands);
    die "@commands: $reply" if $reply ne "OK\r\n" x @commands;
}

# Kilobytes of a line of /proc/PID/status: VmRSS, VmHWM.
sub memory_kib {
    my ($self, $name) = @_;
    return read_file("/proc/$self->{pid}/status") =~ /^\Q$name\E:\s+(\d+) kB/m ? $1 : undef;
}

# ---- assertions

# converses $server, 'what it proves', [lines] or bytes, [lines], bytes or regex;
# each conversation has its own connection, which must be in step and open at the end.
sub converses {
    my ($server, $name, $sent, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($reply, $closed) = eval { $server->converse($sent) };
    return fail("$name: $@") if $@;
    return fail("$name: closed after " . escaped($reply)) if $closed;
    return like($reply, $expected, $name) if ref $expected eq 'Regexp';
    return is(escaped($reply), escaped(bytes_of($expected)), $name);
}

# The server answers $expected (nothing, unless given) and closes.
sub closes {
    my ($server, $name, $sent, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $connection = $server->connect;
    $connection->send(bytes_of($sent));
    my $reply = eval { $connection->read_to_close };
    $connection->close;
    return fail("$name: $@") if !defined $reply;
    return is(escaped($reply), escaped(bytes_of($expected // '')), $name);
}

sub stops_cleanly {
    my ($server, $signal) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $signal //= 'TERM';
    my $status = $server->stop($signal);
    my $report = $server->sanitizer_report;
    $server->{checked} = 1;
    diag($report) if defined $report;
    ok(defined $status && $status == 0 && !defined $report, "$signal ends the server with exit 0")
        or diag('status ' . ($status // 'killed after the deadline') . "\n" . $server->stderr);
}

# Runs the server with @arguments alone and waits for its end: (status, stderr). A server that comes up instead
# of ending is killed, and its status is undef.
sub starts_and_exits {
    my (@arguments) = @_;
    my %options = ref $arguments[0] eq 'HASH' ? %{shift @arguments} : ();
    my $self = bless {
        directory => tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1),
        options => {%options, listen => \@arguments, no_debug => 1, no_extra => 1},
    }, __PACKAGE__;
    $self->prepare;
    $self->spawn;
    wait_until(sub { $self->has_exited || -s $self->{port_path} });
    if (!$self->has_exited) {
        $self->stop('KILL');
        $self->{status} = undef;
    }
    return ($self->status, $self->stderr, $self->stdout);
}

END {
    if ($$ == $owner) {
        my $code = $?;
        for my $server (@servers) {
            next if !defined $server->{pid};
            $server->stop if !defined $server->{status} && !$signalled;
            $server->signal('KILL') if !defined $server->{status} && $signalled;
            my $report = $server->{checked} ? undef : $server->sanitizer_report;
            next if !defined $report;
            diag($report);
            $code ||= 1;
        }
        $? = $code;
    }
}

1;
