#!/usr/bin/perl
# The Debian package is built, lintian has nothing against it, and in a fresh Debian under its own systemd the five commands
# of doc/OPERATIONS.md, as written there, put larder in memcached's place; then it is removed without a trace.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $top = abs_path($ENV{top_srcdir} // '.');

# It builds larder once more and downloads a Debian: minutes, and a quarter of a gigabyte.
plan skip_all => 'LARDER_PACKAGE_TEST=1 asks for it' if !$ENV{LARDER_PACKAGE_TEST};
plan skip_all => 'a root directory of Debian needs root' if $> != 0;
for my $program (qw(dpkg-buildpackage dh lintian debootstrap unshare nsenter ip)) {
    plan skip_all => "no $program here" if system("command -v $program >/dev/null 2>&1") != 0;
}
plan skip_all => 'this release has no debian/' if !-d "$top/debian";

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $root = "$directory/root";
my $systemd; # its process, once it has booted

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
    return $text;
}

# A line of shell in the root: under its systemd, or in nothing but the directory.
sub inside {
    my ($line) = @_;
    return ('nsenter', '-t', $systemd, '-a', '/bin/bash', '-c', "cd /root; $line") if $systemd;
    return ('chroot', $root, '/bin/bash', '-c', "cd /root; $line");
}

sub write_file {
    my ($path, $text, $mode) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file;
    chmod $mode, $path if defined $mode;
}

# What the server on memcached's port says.
sub version {
    my ($status, $text) = run(inside('exec 3<>/dev/tcp/127.0.0.1/11211 && echo version >&3 && read -rt 10 line <&3 && echo "$line"'));
    return $text;
}

# ---- the package

mkdir "$directory/source";
succeeds('the source is copied', '/bin/sh', '-c',
    "tar -C '$top' --exclude=./.git --exclude='./build*' --exclude='./larder-*' -cf - . | tar -C '$directory/source' -xf -");
$ENV{DEB_BUILD_OPTIONS} = 'nocheck parallel=2';
succeeds('dpkg-buildpackage', '/bin/sh', '-c', "cd '$directory/source' && exec dpkg-buildpackage -b -us -uc");
my ($package) = glob "$directory/larder_*.deb";
BAIL_OUT('there is no package') if !defined $package;
my $list = succeeds('its list', 'dpkg-deb', '--contents', $package);
# What `make install` brings, and the documents.
my @content = glob join ' ', 'usr/bin/{larder-bench,larderd,lardertop}', 'etc/{larder.conf,larder/}', 'usr/lib/sysusers.d/larder.conf',
    'lib/systemd/system/{larderd.service,larderd@.service,larderd.socket}',
    'usr/share/man/{man1/{larder-bench,larderd,lardertop}.1,man5/larder.conf.5}.gz',
    'usr/share/{bash-completion/completions/,fish/vendor_completions.d/,zsh/vendor-completions/_}{larderd,lardertop}',
    'usr/share/doc/larder/{NEWS,README.md,SECURITY.md,OPERATIONS.md,examples/nutcracker.yml}';
is_deeply [grep { $list !~ m{ \./\Q$_\E} } @content], [], 'it holds all ' . @content;
my $complaints = succeeds('lintian', '/bin/sh', '-c', "lintian --allow-root '$directory'/*.changes");
is_deeply [grep { /^[EW]:/ } split /\n/, $complaints], [], 'lintian: no error, no warning';

# ---- a Debian with memcached

succeeds('debootstrap', 'debootstrap', '--variant=minbase', '--include=systemd,systemd-sysv,iproute2', 'bookworm', $root,
    $ENV{LARDER_DEBIAN_MIRROR} // 'http://deb.debian.org/debian');
run('cp', '/etc/resolv.conf', "$root/etc/resolv.conf");
run('cp', $package, "$root/root/");
write_file("$root/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0755);
succeeds('memcached is installed', inside('apt-get -q update && apt-get -q -y --no-install-recommends install memcached'));
succeeds('what the package needs is fetched', inside('apt-get -q -y --download-only install ./larder_*.deb'));
unlink "$root/usr/sbin/policy-rc.d";

my $boot = fork // die "fork: $!";
if ($boot == 0) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$directory/boot.log";
    open STDERR, '>&', \*STDOUT;
    exec qw(unshare --fork --pid --mount --ipc --uts --net --cgroup --kill-child sh), "$FindBin::Bin/boot_root.sh", $root;
}
END { kill 'KILL', $boot if $boot }

# unshare's only child.
sub first_process {
    my ($pid) = Larder::read_file("/proc/$boot/task/$boot/children") =~ /(\d+)/ or return undef;
    return Larder::read_file("/proc/$pid/comm") eq "systemd\n" ? $pid : undef;
}
$systemd = wait_until(\&first_process, 20);
my $booted = $systemd && wait_until(sub { (run(inside('systemctl is-active memcached')))[1] =~ /^active/ });
$systemd = undef if !$booted;
diag 'no systemd runs here: ' . Larder::read_file("$directory/boot.log") if !$booted;

# ---- the five commands

my ($commands) = Larder::read_file("$top/doc/OPERATIONS.md") =~ /^## Replacing memcached on Debian\n.*?^```\n(.*?)^```/ms;
my @commands = split /\n/, $commands // '';
is scalar @commands, 5, 'there are five commands';
ok wait_until(sub { version() =~ /^VERSION 1\.6\.\d+\r?\n/ }), 'memcached serves' if $booted;
succeeds("as written: $_", inside($_)) for @commands;

SKIP: {
    skip 'no systemd runs here', 10 if !$booted;
    like version(), qr/^VERSION \S+-larder-/, 'larder serves in its place';
    is scalar((run(inside('systemctl is-enabled larderd memcached')))[1]), "enabled\ndisabled\n", 'and will after a boot';
    my $journal = (run(inside('journalctl -q -u larderd -p warning -o cat')))[1];
    like $journal, qr/memcached\.pid: the service manager knows the process/, 'what the file of memcached asks in vain is told';
    succeeds('reload', inside('systemctl reload larderd'));
    like succeeds('status', inside('systemctl --no-pager status larderd')), qr/Status: "serving"/, 'it serves on';
    like succeeds('the exposure', inside('systemd-analyze --no-pager security larderd')), qr/level for larderd\.service: [01]\./,
        'is below 2.0';
    succeeds('socket activation', inside('systemctl stop larderd && systemctl start larderd.socket'));
    like version(), qr/-larder-/, 'the first client starts it';
    succeeds('several', inside('sed "s/11211/11311/" /etc/larder.conf >/etc/larder/two.conf && systemctl start larderd@two'));
    run(inside('echo nonsense >>/etc/larder/two.conf; systemctl restart larderd@two'));
    is scalar((run(inside('systemctl show -p NRestarts -p ActiveState larderd@two | sort')))[1]), "ActiveState=failed\nNRestarts=0\n",
        'what can not start is not tried again';
}

is scalar((run(inside('id -un larder')))[1]), "larder\n", 'the user is there';
like succeeds('the manual pages', inside('ls /usr/share/man/man1/larderd.1.gz /usr/share/man/man5/larder.conf.5.gz')), qr/larderd/, 'too';
succeeds('stop', inside('systemctl stop larderd.socket larderd larderd@two'));
succeeds('purge', inside('apt-get -q -y purge larder'));
my $rest = (run(inside('find / -xdev \( -path /proc -o -path /sys -o -path /root \) -prune -o -name "*larder*" -print')))[1];
is_deeply [grep { !m{^/(?:var/(?:log|cache)|etc/larder|run|tmp|old-root|var/lib)/?} } split /\n/, $rest], [], 'nothing of it is left';
ok !-e "$root/etc/larder.conf", 'not even its configuration';
done_testing;
