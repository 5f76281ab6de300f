# Adversarial mixtures of sizes: without -M no set that fits -I is ever refused.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached refuses sets when its slab classes have no page left');

my $seed = $ENV{SEED} // 20_240_611;
srand $seed;
note "SEED=$seed";

# Each is a way to make memory of the wrong shape: small after large, large after small, one size in every eighth
# of the range, overwrites that grow, holes everywhere.
my %pattern = (
    'small then large' => sub { $_[0] < 20_000 ? 20 : 500_000 },
    'large then small' => sub { $_[0] < 200 ? 900_000 : 10 },
    'doubling' => sub { 16 << ($_[0] % 16) },
    'random over all scales' => sub { int exp rand log 1_000_000 },
    'just around powers of two' => sub { (64 << int rand 14) - 60 + int rand 70 },
    'the largest again and again' => sub { 1_048_000 },
    'alternating tiny and huge' => sub { $_[0] % 2 ? 1 : 1_000_000 },
);
my %count = (
    'small then large' => 20_300, 'large then small' => 40_000, 'doubling' => 4000, 'random over all scales' => 4000,
    'just around powers of two' => 4000, 'the largest again and again' => 150, 'alternating tiny and huge' => 300,
);

my $letters = join '', map { chr(33 + $_ * 31 % 90) } 1 .. 1_048_576;

sub first_difference {
    my ($number, $got, $expected) = @_;
    my $at = 0;
    $at++ while $at < length $got && substr($got, $at, 1) eq substr $expected, $at, 1;
    my $from = $at < 40 ? 0 : $at - 40;
    return "in the batch up to set $number, after $at bytes\ngot "
        . escaped(substr $got, $from, 200) . "\nexpected " . escaped(substr $expected, $from, 200);
}

for my $memory (16, 64) {
    my $server = Larder->start(args => ['-m', $memory, '-t', 2]);
    my $connection;
    for my $name (sort keys %pattern) {
        $connection = $server->connect;
        my ($refused, $wrong, $sent, @expected) = (0, 0, '');
        my $first = '';
        for my $number (0 .. $count{$name} - 1) {
            my $size = $pattern{$name}->($number);
            my $value = substr $letters, 0, $size;
            # Keys come again, so that overwrites and deletes leave holes.
            my $key = 'k' . ($number % 3 ? $number : int rand 500);
            $sent .= "set $key 0 0 $size\r\n$value\r\n";
            push @expected, "STORED\r\n";
            if ($number % 17 == 0) {
                $sent .= "get $key\r\n";
                push @expected, "VALUE $key 0 $size\r\n$value\r\nEND\r\n";
            }
            $sent .= "delete k" . int(rand $number) . " noreply\r\n" if $number % 5 == 0;
            next if length $sent < 1_000_000 && $number < $count{$name} - 1;
            my $reply = eval { $connection->converse($sent) } // "no reply: $@";
            if ($reply ne join '', @expected) {
                $refused += () = $reply =~ /^SERVER_ERROR[^\r]*/mg;
                $first ||= first_difference($number, $reply, join '', @expected);
                $wrong++;
            }
            ($sent, @expected) = '';
        }
        is $refused, 0, "-m $memory, $name: no set is refused";
        is $wrong, 0, "-m $memory, $name: what was just set is there, whole" or diag $first;
    }
    cmp_ok $connection->stats->{evictions}, '>', 0, "-m $memory was full";
    cmp_ok $connection->stats->{bytes}, '<=', $memory << 20, "-m $memory: bytes stay within";
    is $connection->stats->{store_no_memory}, 0, "-m $memory: store_no_memory";
    stops_cleanly $server;
}

# Where memory is small, an item as large as -I may be, and workers share what is open.
sub random_mix {
    my ($item_size_max, $sets, @arguments) = @_;
    my $server = Larder->start(args => [@arguments, '-I', $item_size_max]);
    my @connections = map { $server->connect } 1 .. 4;
    my $most = $item_size_max - 200; # the item's head, and the longest key here
    my ($refused, $first) = (0, '');
    for my $round (1 .. $sets / 20) {
        my ($sent, @expected) = ('');
        for my $number (1 .. 20) {
            my $size = ($most, 1, int(exp rand log $most), int rand $most, 17)[($round + $number * rand 3) % 5];
            my $key = 'k' . int rand 60;
            $sent .= "set $key 0 0 $size\r\n" . substr($letters x 4, 0, $size) . "\r\n";
            push @expected, 'STORED';
            $sent .= 'delete k' . int(rand 60) . " noreply\r\n" if rand() < .2;
            $sent .= "flush_all noreply\r\n" if rand() < .01;
        }
        my @got = split /\r\n/, $connections[$round % @connections]->converse($sent);
        next if "@got" eq "@expected";
        $refused += grep { $_ ne 'STORED' } @got;
        $first ||= "@got";
    }
    my $name = "@arguments -I $item_size_max";
    is $refused, 0, "$name: no set is refused" or diag $first;
    is $connections[0]->stats->{store_no_memory}, 0, "$name: store_no_memory";
    stops_cleanly $server;
}

random_mix(4 << 20, 400, '-m', 16);
random_mix(4 << 20, 300, '-m', 8, '-t', 2);
random_mix(512 << 10, 1000, '-m', 1);
random_mix(1 << 20, 800, '-m', 2);
random_mix(1 << 20, 1000, '-m', 8, '-t', 32);

done_testing;
