# Slow readers: whoever asks for everything and reads nothing costs no memory beyond its bound, and no time of others.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Attack;

plan skip_all => 'a sanitizer is too slow for thousands of clients, and uses memory of its own' if is_sanitized;

my ($server, $other) = attacked(args => ['-c', 4000]);
my $letters = join '', map { chr(97 + $_ * 7 % 26) } 1 .. 10_240;
$other->converse(join '', map { "set k$_ 0 0 10240 noreply\r\n$letters\r\n" } 1 .. 4000);
$other->converse(join '', map { "set large$_ 0 0 500000 noreply\r\n" . 'L' x 500_000 . "\r\n" } 1 .. 20);

$other->ask('stats detail on');
$other->converse(join '', map { "delete prefix$_:key noreply\r\n" } 1 .. 10_000);
$other->ask('stats detail off');

# As much as the socket takes of it, from clients that never read.
sub never_reading {
    my ($count, $bytes) = @_;
    my @clients = map { $server->connect } 1 .. $count;
    $_->shrink_receive_buffer(4096) for @clients;
    $_->send_some($bytes) for @clients;
    return @clients;
}

sub leave {
    $_->close for @_;
    ok wait_until(sub { $other->stats->{curr_connections} <= 3 }), 'they leave, and are forgotten';
}

my $everything = 'get' . join('', map { " k$_" } 1 .. 4000) . "\r\n";
my %attack = (
    'multigets of everything' => [800, $everything],
    'meta gets in a pipeline' => [800, join '', map { "mg k$_ v k\r\n" } 1 .. 4000],
    'large values' => [200, "get large1 large2 large3\r\n" x 100],
    'a pipeline that never ends' => [20, "get none\r\n" x 20_000],
    'lists of keys, metadump' => [800, "lru_crawler metadump all\r\n"],
    'lists of keys, mgdump' => [800, "lru_crawler mgdump all\r\n"],
    'lists of keys, cachedump' => [100, "stats cachedump 1 0\r\n" x 20],
    # A text of its own for each, larger than the output buffer.
    'statistics by prefix' => [300, "stats detail dump\r\n"],
    'statistics of connections' => [300, "stats conns\r\n" x 10],
    'statistics' => [100, "stats\r\nstats settings\r\n" x 500],
);
for my $name (sort keys %attack) {
    my @clients = never_reading(@{$attack{$name}});
    others_are_served $server, $other, $name;
    # What they hold pinned is not in the way of what is stored now.
    # One after the other: the buffers that are left are for those who need little.
    my $stored = grep { $other->ask("set fresh$_ 0 0 10240", $letters) eq crlf('STORED') } 1 .. 200;
    is $stored, 200, "$name: and can store";
    stays_within $server, $name;
    leave(@clients);
}

# A list that is read at last is whole.
my ($reader) = never_reading(1, "lru_crawler metadump all\r\n");
my $items = $other->stats->{curr_items};
my $list = $reader->read_until("END\r\n");
cmp_ok scalar(() = $list =~ /^key=/mg), '>=', $items, 'a dump that was left lying comes whole when it is read';
$reader->close;

# A giant pipeline, whose sender reads only when it is through: the server stops to read it, and goes on.
my $giant = $server->connect;
my $requests = "get none\r\n" x 500_000;
my $taken = $giant->send_some($requests);
cmp_ok $taken, '<', length $requests, 'a giant pipeline is not swallowed whole';
others_are_served $server, $other, 'a giant pipeline';
stays_within $server, 'a giant pipeline';
$giant->send(substr $requests, $taken);
ok $giant->read_exactly(5 * 500_000) eq "END\r\n" x 500_000, 'each of its requests is answered';

stops_cleanly $server;
done_testing;
