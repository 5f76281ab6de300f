#!/usr/bin/perl
# Whichever call fails while the daemon starts: it ends with one line and a code, or it serves.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Faults;

Larder::Faults::needed;

# One conversation may be what has failed.
sub serves {
    my ($server) = @_;
    for (1 .. 2) {
        my $reply = eval { scalar $server->converse(['set k 0 0 1', 'x', 'get k']) } // '';
        return 1 if $reply eq "STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n";
    }
    return 0;
}

# What came of a start: 'served' well, 'refused' with one line and a code, or what was wrong.
sub outcome_of_start {
    my ($faults) = @_;
    my $server = eval { Larder->start(args => ['-t', 2], environment => $faults->environment) };
    return 'served' if $server && serves($server) && ($server->stop // 'killed') eq 0;
    my ($status, $log) = $server ? ($server->stop, $server->stderr) : $@ =~ /status (\d+):\n(.*)\z/s;
    return 'refused' if ($status // 0) > 0 && $status < 128 && $log =~ /\Alarderd: [^\n]+\n\z/;
    return 'status ' . ($status // 'none') . ', after: ' . ($log // $@);
}

for my $kind (qw(allocate thread descriptor read write)) {
    my $faults = Larder::Faults->new;
    my (%count, $number);
    for ($number = 1; $number == 1 || $faults->hits($kind) >= $number - 1; $number++) {
        $faults->arm($kind, $number);
        my $outcome = outcome_of_start($faults);
        $count{$outcome}++;
        diag "$kind call number $number failed: $outcome" if $outcome !~ /^(?:served|refused)$/;
        last if $number > 2000;
    }
    my @wrong = grep { !/^(?:served|refused)$/ } keys %count;
    is_deeply \@wrong, [], "one call in vain of $kind: " . join ', ', map { "$count{$_} $_" } sort keys %count;
    cmp_ok $faults->hits($kind), '>', 0, 'some calls failed';
}
done_testing;
