#!/usr/bin/perl
# The protocol's tests once more: by a daemon whose reads give one byte each, or few, and by one whose writes take few.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Faults;

Larder::Faults::needed;

# A program that the tests take for the daemon.
my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $faults = Larder::Faults->new;
my %environment = %{$faults->environment};
open my $script, '>', "$directory/larderd" or die "$directory/larderd: $!";
print $script "#!/bin/sh\n", map({ "export $_='$environment{$_}'\n" } sort keys %environment), "exec '", server_path(), "' \"\$@\"\n";
close $script;
chmod 0755, "$directory/larderd";

sub passes {
    my ($what, @tests) = @_;
    my $calls = $faults->calls('read');
    local $ENV{LARDERD} = "$directory/larderd";
    local $ENV{HARNESS_OPTIONS};
    my $report = `prove -I $FindBin::Bin/../lib @tests 2>&1`;
    ok $? == 0, "t/protocol by a daemon of $what" or diag $report;
    cmp_ok $faults->calls('read'), '>', $calls + 1000, 'whose calls were caught';
}

# memtier.t drives a benchmark, which says nothing new here.
my @all = grep { !m{/memtier\.t$} } glob "$FindBin::Bin/../protocol/*.t";

$faults->limit_bytes(0, 100);
passes('writes of 100 bytes', @all);

# A line that has come whole may be longer than one that is still open: lines.t asks for that.
$faults->limit_bytes(1000, 0);
passes('reads of 1000 bytes', grep { !m{/lines\.t$} } @all);

# Those that send neither megabytes nor what must come together.
$faults->limit_bytes(1, 0);
passes('reads of 1 byte', grep { m{/(?:cas|cut|delete|expiry|flush_all|meta|meta_recache|noreply|touch|version)\.t$} } @all);
done_testing;
