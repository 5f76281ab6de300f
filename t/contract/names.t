#!/usr/bin/perl
# File names are unique and say something, files stay readable in length, and no work is left as a note.
use strict;
use warnings;
use File::Basename;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
chdir $top or die "$top: $!";
my @sources = sort glob '{src/*,t/faults,t/fuzz,t/unit}/*.{c,h,def}';
my @scripts = sort glob 'configure.ac Makefile.am scripts/* t/*/*.{t,pm,pl,py,sh} t/lib/*/*.pm';
ok(@sources > 0, 'there are sources');

my %places;
push @{$places{basename($_)}}, $_ for @sources;
is_deeply([map { "@$_" } grep { @$_ > 1 } values %places], [], 'no two sources have the same name');
is_deeply([grep { /\b(?:util|utils|misc|common|helper|helpers)\.(?:c|h|def)$/ } @sources], [],
    'no source is called util, misc, common or helper');

my $note = join '|', map { "$_->[0]$_->[1]" } [qw(TO DO)], [qw(FIX ME)], [qw(XX X)];
my (@long, @notes, @guards);
for my $path (@sources, grep { -f } @scripts) {
    open my $file, '<', $path or die "$path: $!";
    my $text = do { local $/; <$file> };
    my $lines = $text =~ tr/\n//;
    push @long, "$path: $lines lines" if $lines > 700;
    push @notes, $path if $text =~ /\b(?:$note)\b/;
    next unless $path =~ m{^src/\w+/([\w]+)\.h$};
    my $guard = 'LARDER_' . uc($1) . '_H';
    push @guards, "$path: $guard" unless $text =~ /^#ifndef \Q$guard\E$/m;
}
is_deeply(\@long, [], 'no file has more than 700 lines');
is_deeply(\@notes, [], 'no notes of work left to do');
is_deeply(\@guards, [], 'header guards are named after their file');
done_testing;
