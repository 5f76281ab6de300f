#!/usr/bin/perl
# The protocol's tests once more: by a daemon whose reads give one byte each, or few, and by one whose writes take few.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Faults;

Larder::Faults::needed;

my $faults = Larder::Faults->new;

sub passes {
    my ($what, @tests) = @_;
    $faults->pass_tests($what, sub { $faults->calls('read') }, @tests);
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
