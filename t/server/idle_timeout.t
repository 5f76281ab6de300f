# idle_timeout: a silent connection is closed, a busy one is not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached closes idle connections only after many seconds');

my $server = Larder->start(args => ['-o', 'idle_timeout=1']);
my $busy = $server->connect;
my @silent = map { $server->connect } 1 .. 5;
$silent[0]->ask('get none');
$silent[1]->send("set k 0 0 100\r\nhalf a value");
$silent[2]->send('get no');

my ($asked, $open) = (0, scalar @silent);
wait_until(sub {
    $busy->ask('get none');
    $asked++;
    $_->fill for grep { !$_->{ended} } @silent;
    $open = grep { !$_->{ended} } @silent;
    return $open == 0;
});
is $open, 0, 'silent connections are closed, whatever they were at';
cmp_ok $asked, '>', 2, 'the busy one was served all the while';
is $busy->ask('get k'), crlf('END'), 'and goes on; the half value was not stored';
is $busy->stats->{curr_connections}, 1, 'it is the only one left';
ok wait_until(sub { $busy->fill; $busy->{ended} }), 'silent now, it is closed too';

stops_cleanly $server;
done_testing;
