# -c: so many clients are served, the next reads why it is not, and room that comes free is used.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached counts its own descriptors in -c');

my $limit = 10;
for my $threads (1, 4) {
    my $server = Larder->start(args => ['-c', $limit, '-t', $threads]);
    my $first = $server->connect;
    ok wait_until(sub { $first->stats->{curr_connections} == 1 }), "-t $threads: one client";
    my $rejected = $first->stats->{rejected_connections};

    my @clients = ($first, map { $server->connect } 2 .. $limit);
    is scalar(grep { $_->ask('get none') eq crlf('END') } @clients), $limit, "all $limit are served";

    for my $round (1 .. 3) {
        my $refused = $server->connect;
        is $refused->read_to_close, crlf('ERROR Too many open connections'), "one more is told and closed ($round)";
    }
    is $first->stats->{rejected_connections} - $rejected, 3, 'rejected_connections';
    is $first->stats->{curr_connections}, $limit, 'curr_connections';
    is scalar(grep { $_->ask('get none') eq crlf('END') } @clients), $limit, 'the others are served as before';

    (pop @clients)->close;
    ok wait_until(sub { $first->stats->{curr_connections} == $limit - 1 }), 'one leaves';
    my $next = $server->connect;
    is $next->ask('get none'), crlf('END'), 'and another comes in';
    stops_cleanly $server;
}

done_testing;
