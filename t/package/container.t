#!/usr/bin/perl
# The Containerfile does what it says: its instructions are followed in root directories of Debian, as an engine would in
# images, and what comes of them runs as its user, is found healthy, serves every address and stops at a TERM.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP qw(decode_json);
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Larder;

my $top = abs_path($ENV{top_srcdir} // '.');

# It downloads a Debian and a compiler: minutes, and half a gigabyte.
plan skip_all => 'LARDER_PACKAGE_TEST=1 asks for it' if !$ENV{LARDER_PACKAGE_TEST};
plan skip_all => 'a root directory of Debian needs root' if $> != 0;
for my $program (qw(debootstrap chroot setpriv unshare nsenter ip)) {
    plan skip_all => "no $program here" if system("command -v $program >/dev/null 2>&1") != 0;
}

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# (status, output of both kinds)
sub run {
    my (@command) = @_;
    my $pid = open(my $output, '-|') // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        @ENV{qw(DEBIAN_FRONTEND LC_ALL)} = ('noninteractive', 'C.UTF-8');
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    my $text = do { local $/; <$output> } // '';
    close $output;
    return ($? >> 8, $text);
}

sub succeeds {
    my ($name, @command) = @_;
    my ($status, $text) = run(@command);
    is $status, 0, $name or diag $text;
    return $status == 0;
}

# ---- the instructions

my $text = Larder::read_file("$top/Containerfile");
$text =~ s/^#.*\n//mg;
$text =~ s/\\\n\s*/ /g;
my @instructions = map { [split ' ', $_, 2] } grep { /\S/ } split /\n/, $text;
is $instructions[0][0], 'FROM', 'it begins with an image';

# An engine's debian:12-slim is a minbase without documentation.
my $base = "$directory/base";
succeeds('a Debian 12', 'debootstrap', '--variant=minbase', 'bookworm', $base,
    $ENV{LARDER_DEBIAN_MIRROR} // 'http://deb.debian.org/debian')
    or BAIL_OUT('no Debian');
run('cp', '/etc/resolv.conf', "$base/etc/resolv.conf");

my (%stages, %setting, $root);
my %follow = (
    FROM => sub {
        my ($image, $name) = $_[0] =~ /^(\S+)(?: AS (\S+))?$/ or die "FROM $_[0]";
        is $image, 'debian:12-slim', "FROM $image";
        %setting = ();
        $root = "$directory/stage" . scalar keys %stages;
        $stages{$name // 'last'} = $root;
        run('cp', '-a', $base, $root);
    },
    RUN => sub {
        succeeds('RUN ' . substr($_[0], 0, 60), 'unshare', '--mount', '/bin/sh', '-c',
            'mount -t proc proc "$1/proc" && exec chroot "$1" /bin/sh -c "$2"', 'sh', $root, $_[0])
            or BAIL_OUT('the image can not be built');
    },
    COPY => sub {
        my ($stage, $from, $to) = $_[0] =~ /^(?:--from=(\S+) )?(\S+) (\S+)$/ or die "COPY $_[0]";
        if (defined $stage) {
            succeeds("COPY $_[0]", 'cp', "$stages{$stage}$from", "$root$to");
        } else {
            mkdir "$root$to";
            succeeds("COPY $_[0]", '/bin/sh', '-c',
                "tar -C '$top/$from' --exclude=./.git --exclude='./build*' --exclude='./larder-*' -cf - . | tar -C '$root$to' -xf -");
        }
    },
    map {; my $name = $_; $name => sub { $setting{$name} = $_[0] } } qw(USER EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT),
);
for my $instruction (@instructions) {
    my ($name, $rest) = @$instruction;
    die "$name is not known to this test\n" if !$follow{$name};
    $follow{$name}->($rest);
}
ok !-e "$root/usr/bin/gcc", 'the compiler is not in what is delivered';

# ---- the container

my @command = (@{decode_json($setting{ENTRYPOINT})}, '-m', '64');
my ($uid, $gid) = split /:/, $setting{USER};
my $holder = fork // die "fork: $!";
if ($holder == 0) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$directory/log";
    open STDERR, '>&', \*STDOUT;
    exec 'unshare', '--net', '--mount', '/bin/sh', '-c',
        'ip link set lo up && mount -t proc proc "$1/proc" && root=$1 && shift && '
        . "exec chroot \"\$root\" setpriv --reuid=$uid --regid=$gid --clear-groups --no-new-privs \"\$@\"", 'sh', $root, @command
        or POSIX::_exit(127);
}
END { kill 'KILL', $holder if $holder }

# As an engine does it: beside the server, in its namespaces.
sub inside {
    my (@what) = @_;
    return run('nsenter', '-t', $holder, '-n', '-m', 'chroot', $root, @what);
}

my ($how, $check) = $setting{HEALTHCHECK} =~ /^(CMD) (.*)$/;
is $how, 'CMD', 'the check of health is a command';
my @check = @{decode_json($check)};
ok wait_until(sub { (inside(@check))[0] == 0 }), 'it is healthy' or diag Larder::read_file("$directory/log");
like Larder::read_file("/proc/$holder/status"), qr/^Uid:\s+$uid\s+$uid\s/m, "it runs as $uid";
is Larder::read_file("/proc/$holder/comm"), "larderd\n", 'itself, and not in a shell';
my ($port) = $setting{EXPOSE} =~ /^(\d+)$/;
run('nsenter', '-t', $holder, '-n', 'ip', 'address', 'add', '10.77.0.1/24', 'dev', 'lo');
my $conversation = "exec 3<>/dev/tcp/10.77.0.1/$port && printf 'set k 0 0 1\\r\\nx\\r\\nget k\\r\\n' >&3 && "
    . 'for i in 1 2 3 4; do read -rt 10 line <&3 && echo "${line%?}"; done';
is((inside('bash', '-c', $conversation))[1], "STORED\nVALUE k 0 1\nx\nEND\n", 'other addresses than the loopback are served');
like((inside('lardertop', '--once', '127.0.0.1:' . $port))[1], qr/^memory +limit 64\.0M/m, 'and lardertop shows it');
kill $setting{STOPSIGNAL} =~ s/^SIG//r, $holder;
ok wait_until(sub { waitpid($holder, POSIX::WNOHANG) == $holder }), "$setting{STOPSIGNAL} stops it";
is $?, 0, 'with exit 0';
$holder = 0;
isnt((run('chroot', $root, @check))[0], 0, 'and then it is not healthy any more');
done_testing;
