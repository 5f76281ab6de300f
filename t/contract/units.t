#!/usr/bin/perl
# systemd understands the units, and finds that they leave a service little to attack.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $top = $ENV{top_srcdir} // '.';
plan skip_all => 'no systemd-analyze here' if system('command -v systemd-analyze >/dev/null 2>&1') != 0;

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
symlink server_path(), "$directory/larderd" or die "larderd: $!";

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# As `make` does it.
for my $path (glob "$top/dist/systemd/larderd*") {
    my $text = read_file($path);
    $text =~ s{\@bindir\@}{$directory}g;
    $text =~ s{\@sysconfdir\@}{/etc}g;
    unlike $text, qr/\@\w+dir\@/, "$path: all places are filled in";
    my $name = $path =~ s{.*/|\.in$}{}gr;
    open my $file, '>', "$directory/$name" or die "$name: $!";
    print $file $text;
    close $file;
}

is_deeply [sort map { s{.*/}{}r } glob "$directory/*.s*"], ['larderd.service', 'larderd.socket', 'larderd@.service'], 'the units';
for my $unit ('larderd.service', 'larderd@one.service', 'larderd.socket') {
    is `systemd-analyze verify --man=no '$directory/$unit' 2>&1`, '', "$unit: nothing to complain of";
    next if $unit !~ /service$/;
    my $report = `systemd-analyze security --offline=true --threshold=20 '$directory/$unit' 2>&1`;
    is $?, 0, "$unit: its exposure is below 2.0" or diag $report;
    like $report, qr/Overall exposure level for \Q$unit\E: [01]\.\d/, "$unit: as told";
}

# A start that must fail is not tried for ever.
for my $unit ('larderd.service', 'larderd@.service') {
    my $text = read_file("$directory/$unit");
    my ($head, $service) = $text =~ /^\[Unit\]\n(.*?)^\[Service\]\n(.*?)^\[Install\]/ms;
    my ($span, $times) = map { $head =~ /^StartLimit$_=(\d+)$/m ? $1 : 0 } 'IntervalSec', 'Burst';
    my ($pause) = $service =~ /^RestartSec=(\d+)$/m;
    cmp_ok $times * ($pause // 0), '<', $span, "$unit: the limit is reached before it lapses";
    cmp_ok $times, '>', 0, "$unit: and is one";
    like $service, qr/^RestartPreventExitStatus=64 67 78$/m, "$unit: a wrong configuration is not tried again";
}

# One is made for many, and else the same.
my ($one, $many) = map { read_file("$directory/$_") =~ s/^#.*\n//mgr } 'larderd.service', 'larderd@.service';
my %changes = ('larder cache daemon (%i)' => 'larder cache daemon', '/larder/%i.conf' => '/larder.conf',
    'larderd-%i' => 'larderd', 'larderd/%i' => 'larderd');
$many =~ s/\Q$_\E/$changes{$_}/ for keys %changes;
is $many, $one, 'larderd@.service is larderd.service with a name';
done_testing;
