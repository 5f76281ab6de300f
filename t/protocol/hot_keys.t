# stats hotkeys: the keys asked for most come first, with bounds that hold, whatever the rest of the traffic is.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('only larder has stats hotkeys');

# A server whose clock stands still in the middle of a window.
sub start {
    my (@arguments) = @_;
    my $server = Larder->start(args => ['-t', 1, @arguments]);
    $server->clock_at(0);
    $server->clock_at(90 - $server->stats->{time} % 60);
    return $server;
}

# ([key, requests, error], ...) in the order told, and the rest.
sub hot_keys {
    my ($server) = @_;
    my $stats = $server->stats('hotkeys');
    my @keys;
    while (defined(my $key = $stats->{(@keys + 1) . ':key'})) {
        my $rank = @keys + 1;
        push @keys, [$key, map { $stats->{"$rank:$_"} } qw(requests error)];
    }
    return (\@keys, $stats);
}

my $every = start('-o', 'hot_keys_interval=1');
my ($none) = hot_keys($every);
is_deeply $none, [], 'nobody is hot before the first request';
my $connection = $every->connect;
$connection->ask('set five 0 0 1', '1');
$connection->ask('get five four five');
$connection->ask('mg four v');
$connection->ask('incr five 1');
$connection->ask('touch four 0');
$connection->ask('delete five');
$connection->ask('ms four 1', 'x');
$connection->ask('mg AP8g/w== b v');
my ($keys, $stats) = hot_keys($every);
is_deeply $keys, [['five', 5, 0], ['four', 4, 0], ['%00%FF%20%FF', 1, 0]], 'every command that names a key counts'
    or diag explain $keys;
is $stats->{requests}, 10, 'requests is their sum';
is $stats->{unlisted}, 0, 'and no key is missing';

# 20 hot keys, 300 to 2200 times each, in a crowd of 20,000 that come once.
my %truth;
my @lines;
for my $hot (1 .. 20) {
    push @lines, ("hot$hot") x ($truth{"hot$hot"} = 200 + 100 * $hot);
}
push @lines, map { "cold$_" } 1 .. 20_000;
srand 7;
for my $i (reverse 1 .. $#lines) {
    my $j = int rand($i + 1);
    @lines[$i, $j] = @lines[$j, $i];
}
$truth{$_} //= 1 for @lines;
$every->clock_at(1000 - 1000 % 60);
$connection->converse(join('', map { "get $_\r\n" } splice @lines, 0, 1000)) while @lines;
($keys, $stats) = hot_keys($every);
is $stats->{requests}, 20_000 + 25_000, 'the window before last is forgotten';
cmp_ok scalar(@$keys), '==', 64, 'sixty-four keys are told';
my @wrong = grep { my ($key, $requests, $error) = @$_;
    $requests < $truth{$key} || $requests - $error > $truth{$key} } @$keys;
is_deeply \@wrong, [], 'no count is too low, none too high by more than its error';
cmp_ok $stats->{unlisted}, '<=', 45_000 / 64, 'the bound of what is not told';
my %told = map { $_->[0] => 1 } @$keys;
is_deeply [grep { $truth{$_} > $stats->{unlisted} && !$told{$_} } keys %truth], [], 'nobody above it is missing';
is_deeply [sort { $b <=> $a } map { $_->[1] } @$keys], [map { $_->[1] } @$keys], 'the hottest come first';
stops_cleanly $every;

my $sampled = start('-o', 'hot_keys_interval=10');
$connection = $sampled->connect;
$connection->converse("get a b\r\n" x 1000) for 1 .. 10;
($keys, $stats) = hot_keys($sampled);
cmp_ok abs($keys->[$_][1] - 10_000), '<', 3000, 'what is sampled is estimated' for 0, 1;
$sampled->clock_at(60);
is scalar(@{(hot_keys($sampled))[0]}), 2, 'the last window is still told';
$sampled->clock_at(180);
is scalar(@{(hot_keys($sampled))[0]}), 0, 'then it is forgotten';
stops_cleanly $sampled;

for my $off (['-o', 'hot_keys_interval=0'], ['-X', '-o', 'hot_keys_interval=1']) {
    my $server = start(@$off);
    $server->converse("get a\r\n");
    ($keys, $stats) = hot_keys($server);
    is_deeply [$keys, $stats->{requests_per_sample}], [[], 0], "@$off counts no keys";
    stops_cleanly $server;
}
done_testing;
