#!/usr/bin/perl
# Every setting of the table is taken at its smallest and largest, refused one beyond, and told of by --help, the
# manual page and `stats settings`.
use strict;
use warnings;

use File::Temp qw(tempfile);
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open3;
use Test::More;

use Larder;

plan skip_all => 'only larder has this table' if !is_larder;

my $top = $ENV{top_srcdir} // '.';
my $table = read_file("$top/src/daemon/settings.def");
my $value = qr/"(?:[^"\\]|\\.)*"|'.'|\w+/;
my %columns = (
    SETTING => [qw(kind field start limits stat letter long extended effect help)],
    REFUSED => [qw(stat start letter long extended help)],
    CONSTANT => [qw(stat start)],
    SAME => [qw(stat field)],
);

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

sub rows {
    my ($text) = @_;
    $text =~ s{/\*.*?\*/}{}gs;
    my @rows;
    while ($text =~ /^(SETTING|REFUSED|CONSTANT|SAME)\(((?:$value|[\s,])*)\)$/gm) {
        my ($macro, $arguments) = ($1, $2);
        $arguments =~ s/"\s+"//g;
        my %row = (macro => $macro);
        @row{@{$columns{$macro}}} = map { /^["'](.*)["']$/s ? $1 : $_ } $arguments =~ /$value/g;
        $row{$_} = '' for grep { !defined $row{$_} || $row{$_} eq '0' && $_ eq 'letter' } qw(letter long extended kind help);
        push @rows, \%row;
    }
    return @rows;
}

# (status, standard error and output) of the daemon with these arguments.
sub run {
    my (@arguments) = @_;
    open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
    my $pid = open3('<&' . fileno $nothing, my $output, undef, server_path(), @arguments);
    my $text = do { local $/; <$output> } // '';
    waitpid $pid, 0;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $text);
}

# Every way to write the setting, each as a list of arguments; $text undef: without a value.
sub ways {
    my ($row, $text) = @_;
    my @ways;
    push @ways, ["-$row->{letter}", defined $text ? $text : ()] if $row->{letter} ne '';
    push @ways, ["--$row->{long}" . (defined $text ? "=$text" : '')] if $row->{long} ne '';
    push @ways, ['-o', $row->{extended} . (defined $text ? "=$text" : '')] if $row->{extended} ne '';
    return @ways;
}

# What must be said beside it, as memory and item sizes depend on each other.
sub beside {
    my ($row) = @_;
    return ('-I', '1k') if $row->{field} eq 'memory_size';
    return ('-o', 'ssl_chain_cert=x') if $row->{field} eq 'tls';
    return ('-m', '4096') if $row->{field} eq 'item_size_max';
    return ();
}

sub is_taken {
    my ($row, @arguments) = @_;
    my ($status, $text) = run(beside($row), @arguments, '--check-config');
    is "$status $text", "0 larderd: ok\n", "@arguments is taken";
}

sub is_refused {
    my ($row, @arguments) = @_;
    my ($status, $text) = run(beside($row), @arguments, '--check-config');
    is $status, 64, "@arguments is refused";
    like $text, qr/\Alarderd: [^\n]{10,}\n\z/, "@arguments: in one line";
}

my %unit = (k => 1 << 10, m => 1 << 20, g => 1 << 30);

# One below the smallest and one above the largest.
sub beyond {
    my ($row, $least, $most) = @_;
    return (sprintf('%.2f', $least - 0.01), sprintf('%.2f', $most + 0.01)) if $row->{kind} eq 'DECIMAL';
    return (sprintf('%o', oct($most) + 1)) if $row->{kind} eq 'OCTAL';
    ($least, $most) = map { /^(-?\d+)([kmg]?)$/ or die "$row->{field}: limits"; $1 * ($unit{$2} // 1) } $least, $most;
    return ($least - 1, $most + 1);
}

my %try = (FLAG => \&try_flag, COUNT => \&try_flag, LEVEL => \&try_level, CHOICE => \&try_choice, TEXT => \&try_text,
    LIST => \&try_list);

sub try_number {
    my ($row) = @_;
    my ($least, $most) = split /\.\./, $row->{limits};
    is_taken($row, @$_) for ways($row, $least), ways($row, $most);
    for my $wrong (beyond($row, $least, $most), 'fooble', '', '1x', '0x1') {
        is_refused($row, @$_) for ways($row, $wrong);
    }
}

sub try_level {
    my ($row) = @_;
    try_number($row);
    is_taken($row, '-o', $_) for $row->{extended}, "no_$row->{extended}";
}

sub try_flag {
    my ($row) = @_;
    is_taken($row, @$_) for ways($row);
    return if $row->{extended} eq '';
    is_taken($row, '-o', "no_$row->{extended}");
    is_refused($row, '-o', "$row->{extended}=1");
}

sub try_choice {
    my ($row) = @_;
    for my $word (map { s/=.*//r } split /\|/, $row->{limits}) {
        is_taken($row, @$_) for ways($row, $word);
    }
    is_refused($row, @$_) for ways($row, 'fooble'), ways($row, '');
}

sub try_text {
    my ($row) = @_;
    is_taken($row, @$_) for ways($row, $row->{field} eq 'config_path' ? '/dev/null' : 'x');
    is_refused($row, @$_) for ways($row, '');
}

sub try_list {
    my ($row) = @_;
    for my $address ('127.0.0.1', 'localhost:0', '[::1]:11311', '::1', '127.0.0.1,::1', 'proto[ascii]:127.0.0.1',
        'tag[abc]:notls:[::1]:0')
    {
        is_taken($row, @$_) for ways($row, $address);
    }
    for my $address ('', ',', ':11211', '[::1', '127.0.0.1:70000', '127.0.0.1:x', 'btls:127.0.0.1', 'mtls:127.0.0.1',
        'proto[binary]:127.0.0.1', 'tag[abc')
    {
        is_refused($row, @$_) for ways($row, $address);
    }
}

my @rows = rows($table);
cmp_ok scalar @rows, '>', 80, 'the table is read';
is scalar(@rows), scalar(() = $table =~ /^(?:SETTING|REFUSED|CONSTANT|SAME)\(/gm), 'all of it';

# What a build may lack is refused there.
my %built_in = (tls => 'TLS', drop_privileges => 'seccomp');

for my $row (@rows) {
    next if $row->{macro} =~ /CONSTANT|SAME/ || ($row->{field} // '') =~ /^show_/;
    my $part = $built_in{$row->{field} // ''};
    next if defined $part && (run('--version'))[1] !~ /, $part\b/;
    if ($row->{macro} eq 'REFUSED') {
        my ($first) = ways($row);
        is_refused({field => ''}, @$first);
    } else {
        ($try{$row->{kind}} // \&try_number)->($row);
    }
}

# Names are known once.
for my $column (qw(stat letter long extended field)) {
    my %seen;
    $seen{$_}++ for grep { defined && $_ ne '' } map { $_->{macro} eq 'SAME' && $column eq 'field' ? '' : $_->{$column} } @rows;
    is_deeply [grep { $seen{$_} > 1 } sort keys %seen], [], "no $column twice";
}

my %any = (field => '');
is_refused(\%any, '-I', '33m');
is_refused(\%any, '-m', '1');
is_refused(\%any, '--no-such-option');
is_refused(\%any, '--threds=2');
is_refused(\%any, '-@');
is_refused(\%any, 'surplus');
is_refused(\%any, '-o', 'modern,nosuch');
is_refused(\%any, '-o');
like((run('-o', 'idle_timout=3'))[1], qr/is idle_timeout meant/, 'the nearest -o name is suggested');
like((run('--threds=2'))[1], qr/is --threads meant/, 'the nearest option is suggested');

# --help, the manual page and stats settings.
my ($status, $help) = run('--help');
is $status, 0, '--help ends with 0';
my ($works, $accepted) = split /^Accepted without effect.*\n/m, $help;
my ($page_file, $page_path) = tempfile(UNLINK => 1);
print $page_file `$^X '$top/scripts/make-man' '$top/src/daemon/settings.def' '$top/doc/larderd.1.in'`;
close $page_file;
my $page = read_file($page_path);
my $file_page = `$^X '$top/scripts/make-man' '$top/src/daemon/settings.def' '$top/doc/larder.conf.5.in'`;
for my $row (grep { ($_->{effect} // '') =~ /^(?:WORKS|ACCEPTED)$/ } @rows) {
    like $file_page, qr/Cm \Q$_\E(?![\w-])/, "larder.conf(5) tells of $_" for grep { $_ ne '' } @$row{qw(long extended)};
}
for my $row (@rows) {
    for my $name (map { quotemeta($_->[0] eq '-o' ? $_->[1] : $_->[0]) } ways($row)) {
        my $told = qr/^\s*(?:-\w,? )?(?:\[no_\])?$name(?![\w-])/m;
        my $macro = $name =~ /^\\-\\-(.*)/ ? qr/Fl \\-$1/ : $name =~ /^\\-(.*)/ ? qr/Fl $1/ : qr/Cm $name/;
        like $page, qr/$macro(?![\w-])/, "the manual page tells of $row->{macro} $name";
        if ($row->{macro} eq 'REFUSED') {
            unlike $help, $told, "--help does not tell of $name";
        } else {
            like $row->{effect} eq 'ACCEPTED' ? $accepted : $works, $told, "--help tells of $name where it belongs";
        }
    }
}

my $license = (run('--license'))[1];
cmp_ok index($license, read_file("$top/LICENSE")), '>=', 0, '--license is LICENSE';
like((run('--version'))[1], qr/\Alarderd \d+\.\d+\.\d+ \(memcached 1\.6\.45 protocol\)\n/, '--version');

my $server = Larder->start(args => ['-o', 'slab_automove=0,hot_max_factor=0.5', '-f', '2'], no_extra => 1);
my @found = $server->converse("stats settings\r\n") =~ /^STAT (\S+) /gm;
is_deeply \@found, [grep { $_ ne '' } map { $_->{stat} } @rows], 'stats settings has the rows of the table, in order';
my $settings = $server->stats('settings');
is_deeply [@$settings{qw(slab_automove hot_max_factor growth_factor)}], [qw(0 0.50 2.00)],
    'and shows what was given, even if it has no effect';
stops_cleanly $server;
done_testing;
