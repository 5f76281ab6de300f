# Memory: the process stays within -m and 4 MiB at every moment, while it is filled several times over.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached keeps its hash table outside -m');
plan skip_all => 'a sanitizer uses memory of its own' if is_sanitized;

my $letters = join '', map { chr(33 + $_ * 31 % 90) } 1 .. 1_048_576;

# How much of the sent bytes, and of which sizes, for each shape of traffic.
my %shape = (
    'tiny values' => sub { 1 + int rand 30 },
    'mixed sizes' => sub { int exp rand log 200_000 },
    'large values' => sub { 100_000 + int rand 800_000 },
);
srand($ENV{SEED} // 7);

for my $memory (16, 64) {
    for my $name (sort keys %shape) {
        my $server = Larder->start(args => ['-m', $memory, '-t', 4]);
        my @clients = map { $server->connect } 1 .. 4;
        my $bound = ($memory + 4) * 1024;
        cmp_ok $server->memory_kib('VmHWM'), '<=', $bound, "-m $memory, $name: at the start";
        my ($total, $number, $factor) = (0, 0, $name eq 'tiny values' ? 1.5 : 3);
        while ($total < $factor * $memory << 20) {
            for my $client (@clients) {
                my $sent = '';
                while (length $sent < 300_000) {
                    my $size = $shape{$name}->();
                    my $ttl = $number % 4 ? 0 : 1000;
                    $sent .= 'set key:' . $number++ . " 0 $ttl $size noreply\r\n" . substr($letters, 0, $size) . "\r\n";
                    $sent .= 'get key:' . int(rand $number) . "\r\n" if $number % 50 == 0;
                }
                $total += length $sent;
                $client->converse($sent);
            }
        }
        my $stats = $clients[0]->stats;
        cmp_ok $stats->{evictions}, '>', 0, 'it was full' if $name ne 'tiny values';
        cmp_ok $stats->{bytes}, '<=', $memory << 20, 'bytes';
        cmp_ok $server->memory_kib('VmHWM'), '<=', $bound, "-m $memory, $name: VmHWM after $number sets";
        note "VmHWM " . $server->memory_kib('VmHWM') . " kB, items $stats->{curr_items}, evictions $stats->{evictions}";
        stops_cleanly $server;
    }
}

# Many connections, and replies that nobody reads yet.
{
    my $server = Larder->start(args => ['-m', 64, '-t', 4]);
    my @clients = map { $server->connect } 1 .. 200;
    $clients[0]->ask("set k$_ 0 0 10240", substr $letters, 0, 10_240) for 1 .. 100;
    my $many = 'get' . join('', map { " k$_" } 1 .. 100) . "\r\n";
    $_->send_some($many) for @clients;
    $_->wait_consumed for @clients;
    my $wrong = 0;
    my $expected = join('', map { crlf("VALUE k$_ 0 10240", substr $letters, 0, 10_240) } 1 .. 100) . "END\r\n";
    for my $client (@clients) {
        $wrong++ if $client->read_exactly(length $expected) ne $expected;
    }
    is $wrong, 0, '200 connections read 100 values of 10 KiB each';
    cmp_ok $server->memory_kib('VmHWM'), '<=', 68 * 1024, 'within -m 64 and 4 MiB';
    stops_cleanly $server;
}

done_testing;
