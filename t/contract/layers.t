#!/usr/bin/perl
# A source file includes only its own folder, src/base/ and the doors of the folders to its left.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
my @layers = qw(base store proto net admin daemon);
my %rank = map { $layers[$_] => $_ } 0 .. $#layers;
$rank{tools} = 2; # beside the daemon: programs of their own, which see base/ and the store's door

for my $path (sort map { glob "$top/src/$_/*.{c,h,def}" } keys %rank) {
    my ($folder) = $path =~ m{src/(\w+)/[^/]+$};
    open my $file, '<', $path or die "$path: $!";
    my @wrong;
    while (<$file>) {
        next unless /^\s*#\s*include\s*"([^"]+)"/ and $1 ne 'config.h';
        my ($from, $name) = $1 =~ m{^(\w+)/([\w.]+)$};
        next if defined $from and ($from eq $folder or $from eq 'base');
        next if defined $from and exists $rank{$from} and $rank{$from} < $rank{$folder}
            and ($name eq "$from.h" or $name =~ /\.def$/);
        push @wrong, "line $.: $1";
    }
    is("@wrong", '', $path =~ s{^\Q$top\E/}{}r);
}
done_testing;
