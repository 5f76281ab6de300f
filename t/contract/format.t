#!/usr/bin/perl
# Every source is laid out as clang-format does it, by the version that Debian 12 has.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
chdir $top or die "$top: $!";
my ($version) = (`clang-format --version 2>&1` // '') =~ /version (\d+)/;
plan skip_all => 'clang-format 14 is not here' if ($version // 0) != 14;

for my $path (sort glob '{src/*,t/faults,t/fuzz,t/unit}/*.{c,h}') {
    my $report = `clang-format --dry-run $path 2>&1`;
    my ($first) = $report =~ /^([^\n]*:\d+:\d+): /;
    is($first // '', '', $path);
}
done_testing;
