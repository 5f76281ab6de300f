# Cache::Memcached, the client that many Perl programs still use: each command, many keys, large and compressed values.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

eval { require Cache::Memcached; 1 } or plan skip_all => 'Cache::Memcached is not installed';

my $server = Larder->start(tcp => 1);
my $client = Cache::Memcached->new({
    servers => ['127.0.0.1:' . $server->port],
    compress_threshold => 10_000,
    connect_timeout => 10,
    select_timeout => deadline_seconds,
});

ok $client->set('text', 'one'), 'set';
is $client->get('text'), 'one', 'get';
is $client->get('none'), undef, 'a miss';
ok !$client->add('text', 'two'), 'add of what is there';
ok $client->add('new', 'two'), 'add';
ok !$client->replace('absent', 'x'), 'replace of what is not';
ok $client->replace('new', 'three'), 'replace';
ok $client->append('new', '>') && $client->prepend('new', '<'), 'append and prepend';
is $client->get('new'), '<three>', 'join';
ok $client->set('bytes', "\0\r\nEND\r\n\xff"), 'bytes that look like a reply';
is $client->get('bytes'), "\0\r\nEND\r\n\xff", 'come back';
ok $client->set('object', {list => [1, 2, 3]}), 'a structure';
is_deeply $client->get('object'), {list => [1, 2, 3]}, 'comes back';

ok $client->set('number', 10), 'a number';
is $client->incr('number', 5), 15, 'incr';
is $client->decr('number', 20) + 0, 0, 'decr';
ok !$client->incr('absent'), 'incr of nothing';

ok $client->set("m$_", "value $_"), "set m$_" for 1 .. 30;
my $many = $client->get_multi(map { "m$_" } 1 .. 40);
is_deeply $many, {map { ("m$_" => "value $_") } 1 .. 30}, 'get_multi';

my $state = 1;
my $noise = join '', map { $state = ($state * 1_103_515_245 + 12_345) & 0x7fff_ffff; chr(($state >> 16) & 255) } 1 .. 900_000;
ok $client->set('large', $noise), 'a large value';
ok $client->get('large') eq $noise, 'comes back';
SKIP: {
    skip 'Compress::Zlib is not installed', 3 if !eval { require Compress::Zlib; 1 };
    my $text = 'again and again ' x 100_000;
    ok $client->set('compressed', $text), 'a value that compresses, too large for -I as it is';
    ok $client->get('compressed') eq $text, 'comes back';
    like $server->converse("mg compressed s f\r\n"), qr/^HD s\d{4} f2\r\n\z/, 'and is small in the cache';
}

$server->clock_at(0);
ok $client->set('short', 'lived', 30), 'with a time to live';
$server->clock_at(29);
is $client->get('short'), 'lived', 'until its time has passed';
$server->clock_at(31);
is $client->get('short'), undef, 'and no longer';

ok $client->delete('text'), 'delete';
ok !$client->delete('text'), 'once';
my $stats = $client->stats(['misc', 'items', 'slabs']);
my ($host) = values %{$stats->{hosts}};
like $host->{misc}{version}, qr/^1\.6/, 'stats';
is $host->{misc}{cmd_get} + 0, $server->stats->{cmd_get} + 0, 'are read as they are';
ok $client->flush_all, 'flush_all';
is $client->get('large'), undef, 'flushes';

$client->disconnect_all;
stops_cleanly $server;
done_testing;
