#!/usr/bin/perl
# The manual page is made from its template and the table of settings, and mandoc finds nothing wrong with it.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $top = $ENV{top_srcdir} // '.';
my $path = tempdir(CLEANUP => 1) . '/larderd.1';
is system("$^X '$top/scripts/make-man' '$top/src/daemon/settings.def' '$top/doc/larderd.1.in' >'$path'"), 0, 'make-man';

open my $file, '<', $path or die "$path: $!";
my $page = do { local $/; <$file> };
unlike $page, qr/\@[A-Z]+\@/, 'every list is filled in';
my @sections = ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'SIGNALS', 'ENVIRONMENT', 'FILES', 'EXIT STATUS', 'EXAMPLES',
    'DIFFERENCES FROM MEMCACHED', 'SEE ALSO');
is_deeply [$page =~ /^\.Sh (.*)$/mg], \@sections, 'the sections';
like $page, qr/^\.Sh DIFFERENCES FROM MEMCACHED\n\.Bl -bullet\n\.It\nThe default listen address is the loopback/m,
    'what differs begins with the address to listen on';

SKIP: {
    skip 'no mandoc here', 1 if system('command -v mandoc >/dev/null 2>&1') != 0;
    is `mandoc -Tlint '$path' 2>&1`, '', 'mandoc -Tlint is silent';
}
done_testing;
