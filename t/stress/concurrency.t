# No reader ever sees a torn, mixed or older-than-acknowledged value, while many threads write, delete, touch, flush
# and evict. The driver is torture.c beside this file, built by make check.
#
#   TORTURE_SECONDS   of each round (5)
#   SEED              of its random numbers; printed
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Larder;
use Larder::Client;

my $driver = $ENV{TORTURE} // ($ENV{top_builddir} // '.') . '/t/stress/torture';
plan skip_all => "$driver is not built (make check builds it)" if !-x $driver;
my $seconds = $ENV{TORTURE_SECONDS} // 5;
my $seed = $ENV{SEED} // (time * 1000) % 1_000_000_007;
diag "SEED=$seed TORTURE_SECONDS=$seconds";

# Memory for a part of what is written, or for all of it; few keys that collide, or many that are evicted.
for my $case ([16, 4, 3, 3, 64], [16, 4, 4, 4, 4000], [64, 2, 2, 6, 500]) {
    my ($memory, $threads, $writers, $readers, $keys) = @$case;
    my $name = "-m $memory -t $threads, $writers writers, $readers readers, $keys keys";
    my $server = Larder->start(args => ['-m', $memory, '-t', $threads]);
    local $ENV{LARDER_DEADLINE} = $seconds + deadline_seconds;
    my ($status, $text) = run_client(undef, $driver, $server->unix_path, $seconds, $writers, $readers, $keys, $seed);
    is $status, 0, "$name: nothing was wrong" or diag $text;
    my %count = $text =~ /(\w+)=(\d+)/g;
    cmp_ok $count{$_} // 0, '>', 100, "$name: $_" for qw(sets hits misses others);
    note $text;
    my $stats = $server->stats;
    cmp_ok $stats->{evictions}, '>', 0, "$name: eviction ran" if $memory == 16 && $seconds >= 5 && !is_sanitized;
    cmp_ok $stats->{cmd_flush}, '>', 0, "$name: flush_all ran" if !is_sanitized;
    stops_cleanly $server;
}

done_testing;
