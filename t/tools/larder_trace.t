# larder-trace: its requests are always the same, and what it counts as missed is what a cache without a limit misses.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

larder_only('the clock is moved by debugtime');
my $top = $ENV{top_srcdir} // "$FindBin::Bin/../..";
my $program = ($ENV{top_builddir} // '.') . '/src/larder-trace';
plan skip_all => "$program is not built" if !-x $program;

sub trace { return run_client(undef, $program, @_) }

# ---- options

for my $case (
    [[], qr/^usage: /],
    [['c53'], qr/^larder-trace: c53: no such family; -l lists them$/],
    [['-n', 0, 'c52'], qr/^larder-trace: 0: wants a number, 1 or more$/],
    [['c52', 'one', 'two'], qr/^usage: /],
    [['c52', '127.0.0.1:1,x'], qr/^larder-trace: 127.0.0.1:1: wants the server's process number after the comma$/],
) {
    my ($arguments, $line) = @$case;
    my ($status, $output) = trace(@$arguments);
    is $status, 64, "@$arguments: exit 64";
    like $output, $line, 'and why';
}
my @families = (trace('-l'))[1] =~ /^(\w+) +\S/mg;
is "@families", 'c52 c45 c12 c40 scan c44', 'the families';

# ---- requests

my $c52 = (trace('-n', 20_000, 'c52'))[1];
is +(split /\n/, $c52)[0], '0,130799339062696190,20,50,get,86400', 'the first request of c52';
is +(trace('-n', 20_000, 'c52'))[1], $c52, 'the same each time';
isnt +(trace('-n', 20_000, '-s', 2, 'c52'))[1], $c52, 'another with another seed';

sub requests_of {
    my ($family, $count) = @_;
    my @names = qw(second key key_size value_size operation exptime);
    return map { my %request; @request{@names} = split /,/; \%request } split /\n/, (trace('-n', $count, $family))[1];
}

# What a cache without a limit misses in the second half. Its clock moves in steps, if it moves at all.
sub misses_without_limit {
    my ($step, @requests) = @_;
    my (%until, %score);
    for my $i (0 .. $#requests) {
        my ($request, $key) = ($requests[$i], $requests[$i]{key});
        my $now = $step ? int($request->{second} / $step) * $step : 0;
        my $there = exists $until{$key} && (!$step || $now < $until{$key});
        my $reads = $request->{operation} =~ /get|cas/;
        if ($reads && $i >= int(@requests / 2)) {
            $score{reads}++;
            $score{misses} += !$there;
        }
        $until{$key} = $now + $request->{exptime}
            if !$there || $request->{operation} eq 'set' || $request->{operation} eq 'cas';
    }
    return \%score;
}

# ---- replay

for my $case (['c52', 30_000, 0], ['c40', 30_000, 0], ['c12', 300_000, 5]) {
    my ($family, $count, $step) = @$case;
    my $server = Larder->start(args => ['-t', 1, '-m', 512]);
    my ($status, $output) = trace('-n', $count, $step ? () : '-C', $family, $server->unix_path);
    is $status, 0, "$family: replayed";
    my %result = $output =~ /^(\w+) (\S+)$/mg;
    my $expected = misses_without_limit($step, requests_of($family, $count));
    is $result{reads}, $expected->{reads}, 'all reads of the second half were counted';
    is $result{misses}, $expected->{misses}, 'and those that missed';
    cmp_ok abs($result{miss_ratio} - $result{misses} / $result{reads}), '<', 1e-5, 'the share';
    is $result{errors}, 0, 'no errors';
    cmp_ok $result{dead_share}, '<=', $result{dead_share_max}, 'the dead share was read';
    cmp_ok $result{dead_share}, '>', 0, 'of what was overwritten or has expired';
    cmp_ok $result{rss_max_kb}, '>=', $result{rss_kb}, 'and its memory';
    stops_cleanly $server;
}

my $other = Larder->start(no_debug => 1);
my ($status, $output) = trace('-n', 10, 'c52', $other->unix_path);
is $status, 69, 'without debugtime: exit 69';
is $output, "larder-trace: the server has no debugtime: start larderd with -o debug_commands, or use -C\n", 'and what to do';
stops_cleanly $other;

# ---- the table

SKIP: {
    skip 'a sanitizer uses memory of its own', 2 if is_sanitized;
    local $ENV{LARDERD} = server_path();
    local $ENV{LARDER_TRACE} = $program;
    my $table = `'$top/scripts/compare-misses' -n 150000 --budget 12000 -s 2 c40 2>&1`;
    my ($megabytes, $resident) = $table =~ /^c40 +2 +(\d+) +(\d+) +12000 +0\.\d{5} /m or diag $table;
    cmp_ok $resident // 99_999, '<=', 12_000, 'compare-misses stays within the budget';
    cmp_ok $megabytes // 0, '>=', 6, 'and does not give away more than it must';
}

done_testing;
