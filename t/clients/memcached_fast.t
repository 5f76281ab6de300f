# Cache::Memcached::Fast: each command, many at once and without waiting for replies.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

eval { require Cache::Memcached::Fast; 1 } or plan skip_all => 'Cache::Memcached::Fast is not installed';

my $server = Larder->start(tcp => 1);
my $client = Cache::Memcached::Fast->new({
    servers => ['127.0.0.1:' . $server->port],
    connect_timeout => 10,
    io_timeout => deadline_seconds,
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
ok $client->set('object', {list => [1, 2, 3]}), 'a structure';
is_deeply $client->get('object'), {list => [1, 2, 3]}, 'comes back';

ok $client->set('number', 10), 'a number';
is $client->incr('number', 5), 15, 'incr';
is $client->decr('number', 20) + 0, 0, 'decr';
ok !$client->incr('absent'), 'incr of nothing';

my $pair = $client->gets('text');
ok $client->cas('text', $pair->[0], 'swapped'), 'cas';
ok !$client->cas('text', $pair->[0], 'lost'), 'cas with an old unique';
is $client->get('text'), 'swapped', 'leaves the value';

my @results = $client->set_multi(map { ["m$_", "value $_"] } 1 .. 500);
is scalar(grep { $_ } @results), 500, 'set_multi';
is scalar(keys %{$client->get_multi(map { "m$_" } 1 .. 600)}), 500, 'get_multi';
is scalar(grep { $_ } $client->delete_multi(map { "m$_" } 1 .. 500)), 500, 'delete_multi';
ok $client->touch('text', 1000), 'touch';
my $large = join '', map { chr $_ % 256 } 1 .. 800_000;
ok $client->set('large', $large), 'a large value';
ok $client->get('large') eq $large, 'comes back';

# In void context the client asks for no reply.
$client->set("n$_", $_) for 1 .. 1000;
$client->nowait_push;
is scalar(keys %{$client->get_multi(map { "n$_" } 1 .. 1000)}), 1000, 'sets with noreply';
ok $client->delete('text'), 'delete';
ok !$client->delete('text'), 'once';
like((values %{$client->server_versions})[0], qr/^1\.6/, 'version');
ok $client->flush_all && !defined $client->get('new'), 'flush_all';

stops_cleanly $server;
done_testing;
