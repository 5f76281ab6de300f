# The requests that memtier_benchmark sends: sets and gets of memtier-N, gets of several keys, deep pipelines on many
# connections at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-t', 2]);

sub value { my ($number, $size) = @_; return substr "$number-" x $size, 0, $size }

sub hit { my ($number, $size) = @_; return "VALUE memtier-$number 0 $size\r\n" . value($number, $size) . "\r\n" }

# set KEY 0 EXPIRY LENGTH, as memtier writes it: flags are 0 always
converses $server, 'a set', ['set memtier-1 0 0 32', value(1, 32)], ['STORED'];
converses $server, 'with --expiry-range', ['set memtier-2 0 1000 32', value(2, 32)], ['STORED'];
converses $server, 'a get', ['get memtier-1'], hit(1, 32) . "END\r\n";
converses $server, 'a get that misses', ['get memtier-10000000'], ['END'];
converses $server, '--multi-key-get', ['get memtier-1 memtier-3 memtier-2 memtier-1'], hit(1, 32) . hit(2, 32) . hit(1, 32) . "END\r\n";
converses $server, '--data-size-range', [map { ("set memtier-$_ 0 0 $_", value($_, $_)) } 1, 10, 1000, 10_000, 100_000], [('STORED') x 5];
converses $server, 'and gets of them', [map { "get memtier-$_" } 1, 10, 1000, 10_000, 100_000],
    join '', map { hit($_, $_) . "END\r\n" } 1, 10, 1000, 10_000, 100_000;
converses $server, 'keys up to --key-maximum', ['set memtier-18446744073709551615 0 0 4', 'last', 'get memtier-18446744073709551615'],
    ['STORED', 'VALUE memtier-18446744073709551615 0 4', 'last', 'END'];

# --clients 50 --pipeline 200 --ratio 1:9: all have sent before the first reply is read.
my $pipeline = 200;
my @clients = map { $server->connect } 1 .. 50;
my @expected;
for my $i (0 .. $#clients) {
    my ($sent, $replies) = ('', '');
    for my $j (0 .. $pipeline - 1) {
        my $key = $i * 1000 + 200_000 + int($j / 10);
        if ($j % 10 == 0) {
            $sent .= "set memtier-$key 0 0 32\r\n" . value($key, 32) . "\r\n";
            $replies .= "STORED\r\n";
        } else {
            $sent .= "get memtier-$key\r\n";
            $replies .= hit($key, 32) . "END\r\n";
        }
    }
    $clients[$i]->send($sent);
    push @expected, $replies;
}
my @wrong = grep { $clients[$_]->read_exactly(length $expected[$_]) ne $expected[$_] } 0 .. $#clients;
is_deeply \@wrong, [], 'pipelines of 200 on 50 connections, each answered whole and in order';

# --key-pattern=P:P, which fills: sets only, in parallel ranges, then all of it read back.
for my $i (0 .. $#clients) {
    $clients[$i]->send(join '', map { "set memtier-$_ 0 0 200\r\n" . value($_, 200) . "\r\n" } $i * 100 + 1 .. $i * 100 + 100);
}
@wrong = grep { $clients[$_]->read_exactly(8 * 100) ne "STORED\r\n" x 100 } 0 .. $#clients;
is_deeply \@wrong, [], '5,000 sets in parallel';
my $found = $clients[0]->ask(map { 'get ' . join ' ', map { "memtier-$_" } $_ * 100 + 1 .. $_ * 100 + 100 } 0 .. 49);
ok $found eq join('', map { join('', map { hit($_, 200) } $_ * 100 + 1 .. $_ * 100 + 100) . "END\r\n" } 0 .. 49), 'all are there, by 100 keys a get';

my $stats = $server->stats;
is $stats->{cmd_set}, 2 + 5 + 1 + 50 * 20 + 5000, 'cmd_set counts them';
$_->close for @clients;
stops_cleanly $server;
done_testing;
