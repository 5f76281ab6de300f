#!/usr/bin/perl
# doc/PROTOCOL.md has a heading for every command and a table row for every statistic, and no heading for another.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} // '.';

sub content {
    my ($path) = @_;
    open my $file, '<', "$top/$path" or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# The first argument of every use of a macro in a table; comments are left out.
sub names {
    my ($path, $macro) = @_;
    my $text = content($path) =~ s{/\*.*?\*/}{}gsr;
    return $text =~ /\b$macro\(\s*"?(\w+)"?\s*,/g;
}

my $doc = content('doc/PROTOCOL.md');
my %heading = map { $_ => 1 } $doc =~ /^### (\w+)$/mg;
my %row = map { $_ => 1 } $doc =~ /^\| `(\w+)` \|/mg;

my @commands = content('src/proto/commands.def') =~ /^COMMAND\(\w+, "(\w+)"/mg;
cmp_ok @commands, '>', 20, 'commands.def was understood';
ok $heading{$_}, "the command $_ has a heading" for @commands;

for my $table (['general_stats.def', 'STAT_\w+'], ['segment_stats.def', 'SEGMENT_STAT']) {
    my @names = names("src/proto/$table->[0]", $table->[1]);
    cmp_ok @names, '>', 20, "$table->[0] was understood";
    ok $row{$_}, "the statistic $_ has a row" for @names;
}

done_testing;
