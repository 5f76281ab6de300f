#!/usr/bin/perl
# bash, zsh and fish complete larderd's options as the table of settings has them, and lardertop's as its own has them.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);

use lib "$FindBin::Bin/../../scripts";
use SettingsTable;

for my $shell (qw(bash zsh fish)) {
    is system("$^X '$top/scripts/make-completion' $shell '$top/src/daemon/settings.def' >'$directory/$shell'"), 0, "made for $shell";
}
for my $shell (qw(bash zsh fish)) {
    is system("$^X '$top/scripts/make-completion' $shell '$top/src/tools/top_options.def' >'$directory/top-$shell'"), 0, "lardertop: $shell";
}
my @rows = grep { $_->{effect} ne 'REFUSED' } rows(read_file("$top/src/daemon/settings.def"));
my @long = map { $_->{long} } grep { $_->{long} ne '' } @rows;
my @extended = map { $_->{extended} } grep { $_->{extended} ne '' } @rows;

sub has { return system("command -v $_[0] >/dev/null 2>&1") == 0 }

# The words that are offered where the line ends, sorted.
sub bash_offers {
    my ($line) = @_;
    return bash_prints('. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _larderd; printf "%s\n" "${COMPREPLY[@]}"', "$directory/bash", $line);
}

sub bash_offers_for_top {
    return bash_prints('. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _lardertop; printf "%s\n" "${COMPREPLY[@]}"',
        "$directory/top-bash", 'lardertop', @_);
}

sub bash_prints {
    my ($script, @arguments) = @_;
    open my $shell, '-|', 'bash', '-c', $script, 'bash', @arguments or die "bash: $!";
    chomp(my @words = <$shell>);
    return [sort grep { $_ ne '' } @words];
}

sub fish_offers {
    my ($line, $file) = @_;
    $file //= "$directory/fish";
    local $ENV{HOME} = $directory;
    open my $shell, '-|', 'fish', '-c', 'source $argv[1]; complete -C $argv[2]', $file, $line or die "fish: $!";
    chomp(my @words = <$shell>);
    my %seen = map { s/=?\t.*//r => 1 } @words; # some versions show an option with = and without
    return [sort keys %seen];
}

my $top_table = read_file("$top/src/tools/top_options.def");
my @top_options = $top_table =~ /^TOP_OPTION\([^"]+"([\w-]+)"/mg;
cmp_ok @top_options, '>', 10, 'the table of lardertop was understood';

# Options with = where a value follows.
my @all = map { "--$_->{long}" . (takes_value($_) ? '=' : '') } grep { $_->{long} ne '' } @rows;

SKIP: {
    skip 'no bash here', 17 if !has('bash');
    is_deeply bash_offers('larderd --'), [sort @all, '--extended='], 'bash: all long options';
    is_deeply bash_offers('larderd -d --thr'), ['--threads='], 'one';
    is_deeply bash_offers("larderd $_"), ['ascii', 'auto'], "the words of a choice: $_" for '-B ', '--protocol=', '-v -B a';
    is_deeply bash_offers('larderd -o dispatch='), ['in_turn', 'least'], 'of an -o name';
    is_deeply bash_offers('larderd -o idle_timeout=5,disp'), ['5,dispatch='], 'in a list, behind what bash splits off';
    is_deeply bash_offers('larderd --extended=modern,no_slab_r'), ['modern,no_slab_reassign'], 'with its head';
    is_deeply bash_offers("larderd -Y $directory/ba"), ["$directory/bash"], 'files';
    is_deeply bash_offers('larderd -m '), [], 'nothing for a number';
    is_deeply [grep { !@{bash_offers("larderd -o $_")} } @extended], [], 'every name of -o';
    is_deeply bash_offers('larderd --enable-sa'), [], 'and nothing that is refused';
    is_deeply bash_offers_for_top('--'), [sort map { "--$_" } @top_options], 'lardertop: all options';
    is_deeply bash_offers_for_top('-s', 'get'), ['get_p50_us', 'get_p99_us', 'gets_per_second'], 'a column';
    is_deeply bash_offers_for_top('--sort', '=', 'na'), ['name'], 'behind an equals sign';
    is_deeply bash_offers_for_top('-d', ''), [], 'nothing for a number';
    is_deeply bash_offers_for_top('-1', "$directory/top-b"), ["$directory/top-bash"], 'a unix socket';
}

SKIP: {
    skip 'no fish here', 7 if !has('fish');
    is_deeply fish_offers('larderd --thr'), ['--threads'], 'fish: an option';
    is_deeply fish_offers('larderd -B a'), ['ascii', 'auto'], 'the words of a choice';
    is_deeply fish_offers('larderd -o modern,disp'), ['modern,dispatch=in_turn', 'modern,dispatch=least'], 'a list';
    my %known = map { s/^--|=$//gr => 1 } @{fish_offers('larderd --')};
    is_deeply [grep { !$known{$_} } @long], [], 'all long options';
    %known = map { s/=.*//r => 1 } @{fish_offers('larderd -o ')};
    is_deeply [grep { !$known{s/^-o//r} && !$known{"-o$_"} } @extended], [], 'every name of -o';
    is_deeply fish_offers('lardertop --', "$directory/top-fish"), [sort map { "--$_" } @top_options], 'lardertop: all options';
    is_deeply fish_offers('lardertop -s na', "$directory/top-fish"), ['name'], 'a column';
}

SKIP: {
    skip 'no zsh here', 5 if !has('zsh');
    # What it hands to zsh's own machinery, one a line.
    my $specs = `zsh -fc '_arguments() { print -rl -- "\$@" }; _values() { print -rl -- "\$@" }; . "\$1"; _larderd_extended' zsh '$directory/zsh'`;
    is_deeply [grep { $specs !~ /--\Q$_\E[=\[]/ } @long], [], 'zsh: all long options';
    is_deeply [grep { $specs !~ /^\Q$_\E\[/m } @extended], [], 'every name of -o';
    my $top_specs = `zsh -fc '_arguments() { print -rl -- "\$@" }; . "\$1"' zsh '$directory/top-zsh'`;
    is_deeply [grep { $top_specs !~ /--\Q$_\E=?\[/ } @top_options], [], 'lardertop: all options';
    like $top_specs, qr/^\(-s --sort\)--sort=\[[^]]+\]:column:\(name requests_per_second .* get_p50_us\)$/m, 'its columns';
    like $specs, qr/^\(-B --protocol\)--protocol=\[[^]]+\]:word:\(auto ascii\)$/m, 'the words of a choice';
}
done_testing;
