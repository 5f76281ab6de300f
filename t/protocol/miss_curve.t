# stats mrc: what would miss with other memory limits is foretold, and costs memory only where it is on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('only larder has stats mrc');

my @times = qw(0.25 0.5 1 2 4);
my $server = Larder->start(args => ['-m', 8, '-I', '512k', '-t', 1]);
my $connection = $server->connect;
my $value = 'v' x 1000;

sub curve { return $connection->stats('mrc') }

# A client that reads through: what it misses it sets. 20,000 keys, two and a half times of what fits.
srand 7;
sub read_through {
    my ($count) = @_;
    for (1 .. $count / 500) {
        my @keys = map { 'key' . int rand 20_000 } 1 .. 500;
        my %found = map { $_ => 1 } $connection->converse("get @keys\r\n") =~ /^VALUE (\S+)/gm;
        $connection->converse(join '', map { "set $_ 0 0 1000 noreply\r\n$value\r\n" } grep { !$found{$_} } @keys);
    }
}

my $empty = curve();
is $empty->{state}, 'on', 'it is on';
is $empty->{memory_bytes}, int((8 << 20) / 100), 'in a hundredth of the memory';
is $server->stats('segments')->{curve_bytes}, $empty->{memory_bytes}, 'which counts in the limit';
is $empty->{gets}, 0, 'nothing was asked for yet';
is $empty->{'1:miss_ratio'}, '0.000000', 'so nothing missed';

read_through(60_000);
is $connection->ask('stats reset'), "RESET\r\n", 'stats reset';
is curve()->{$_}, 0, "$_ begins anew" for qw(sampled_gets gets lost);
read_through(60_000);

my $told = curve();
my $stats = $connection->stats;
is $told->{gets}, $stats->{get_hits} + $stats->{get_misses}, 'all gets count';
is $told->{'1:misses'}, $stats->{get_misses}, 'with the memory it has it misses what it missed';
is $told->{'1:miss_ratio'}, sprintf('%.6f', $stats->{get_misses} / 60_000), 'of all gets';
is $told->{"$_:limit_maxbytes"}, (8 << 20) * $_, "$_ times -m" for @times;
is $told->{keys_per_sample}, 64, 'one key in 64 is looked at';
cmp_ok $told->{sampled_gets}, '>', 300, 'that makes some hundred gets';
is_deeply [sort { $b <=> $a } map { $told->{"$_:miss_ratio"} } @times], [map { $told->{"$_:miss_ratio"} } @times],
    'more memory misses less';
cmp_ok $told->{'1:miss_ratio'}, '>', 0.4, 'most of the keys do not fit';
cmp_ok $told->{'4:miss_ratio'}, '<', 0.2, 'all of them would fit into four times as much';
cmp_ok $told->{'0.25:miss_ratio'}, '>', $told->{'1:miss_ratio'} + 0.1, 'and far fewer into a quarter';
cmp_ok $told->{'0.25:miss_ratio'}, '<=', 1, 'a share is never more than all';
stops_cleanly $server;

for my $off (['-o', 'no_mrc'], ['-m', 2, '-I', '512k']) {
    my $server = Larder->start(args => $off);
    $server->converse("get a\r\n" x 100);
    my $told = $server->stats('mrc');
    is $told->{state}, 'off', "off with @$off";
    is $told->{memory_bytes}, 0, 'then it takes no memory';
    is $told->{keys_per_sample}, 0, 'looks at no key';
    ok !exists $told->{'1:miss_ratio'}, 'and says nothing';
    stops_cleanly $server;
}

# Its memory stays as it was at the start, so a limit that leaves none for items beside it is refused.
$server = Larder->start(args => ['-m', 4096, '-t', 1]);
$connection = $server->connect;
my $large = 'v' x 1_000_000; # needs room anew each time
my %answers;
for my $lower (map { 256 - 8 * $_ } 0 .. 31) {
    my $answer = $connection->ask("cache_memlimit $lower") eq "OK\r\n" ? 'OK' : 'refused';
    $answers{$answer}++;
    for my $key (1 .. 4) {
        is $connection->ask("set $key 0 0 1000000\r\n$large"), "STORED\r\n", "set $key with $lower MiB, $answer";
    }
}
is_deeply [sort keys %answers], ['OK', 'refused'], 'of these limits some are too low';
stops_cleanly $server;
done_testing;
