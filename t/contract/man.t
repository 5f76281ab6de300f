#!/usr/bin/perl
# The manual pages are made from their templates and the table of settings, and mandoc finds nothing wrong with them.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../../scripts";
use Test::More;

use SettingsTable;

my $top = $ENV{top_srcdir} // '.';
my $directory = tempdir(CLEANUP => 1);

for my $name ('larderd.1', 'larder.conf.5') {
    is system("$^X '$top/scripts/make-man' '$top/src/daemon/settings.def' '$top/doc/$name.in' >'$directory/$name'"), 0,
        "make-man: $name";
    unlike read_file("$directory/$name"), qr/\@[A-Z_]+\@/, "$name: every list is filled in";
}
my $page = read_file("$directory/larderd.1");
my @sections = ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'SIGNALS', 'ENVIRONMENT', 'FILES', 'EXIT STATUS', 'EXAMPLES',
    'DIFFERENCES FROM MEMCACHED', 'SEE ALSO');
is_deeply [$page =~ /^\.Sh (.*)$/mg], \@sections, 'the sections';
like $page, qr/^\.Sh DIFFERENCES FROM MEMCACHED\n\.Bl -bullet\n\.It\nThe default listen address is the loopback/m,
    'what differs begins with the address to listen on';

# The synopsis names every letter that does something.
my ($synopsis) = $page =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh /ms;
my $letters = join '', map { s/[| ]//gr } $synopsis =~ /Fl (\w+(?: \| \w)*)/g;
my @unnamed = grep { $_->{letter} ne '' && $_->{effect} eq 'WORKS' && index($letters, $_->{letter}) < 0 }
    rows(read_file("$top/src/daemon/settings.def"));
is_deeply [map { $_->{letter} } @unnamed], [], 'the synopsis has all letters';

# mandoc looks for the pages that others refer to among those installed.
my @pages = (glob("$directory/*.[1-8]"), glob("$top/doc/*.[1-8]"));
my %known = map { m{([^/]+)\.([1-8])$} ? ("$1 $2" => 1) : () } @pages;
SKIP: {
    skip 'no mandoc here', 1 if system('command -v mandoc >/dev/null 2>&1') != 0;
    for my $path (@pages) {
        my @complaints = grep { !/referenced manual not found: Xr (\S+ \d)/ || !$known{$1} } `mandoc -Tlint '$path' 2>&1`;
        is_deeply \@complaints, [], 'mandoc -Tlint is silent: ' . ($path =~ s{.*/}{}r);
    }
}
done_testing;
