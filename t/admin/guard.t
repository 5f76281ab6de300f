# The admin endpoint is read-only, talks to who asks for it by its own name, and bounds what a client may take.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Http;

larder_only('only larder has an admin endpoint');

my $server = Larder->start(tcp => 1, args => ['-o', 'admin=127.0.0.1:0,admin_host=cache.example', '-t', 1]);
my $http = Larder::Http->of($server);

# Methods: nothing but reading.
for my $method (qw(POST PUT DELETE OPTIONS PATCH TRACE CONNECT BREW)) {
    my $reply = eval { $http->ask($method, '/healthz') };
    cmp_ok $reply ? $reply->{status} : 400, '>=', 400, "$method is refused";
}

# Names: a page elsewhere can lead a name of its own here, but then Host tells it.
is $http->get('/healthz', "Host: $_")->{status}, 200, "Host: $_"
    for 'localhost', 'localhost:1', '127.0.0.1:5', '[::1]:8', '10.1.2.3', 'cache.example', 'cache.example:80';
is $http->get('/healthz', "Host: $_")->{status}, 403, "Host: $_ is refused"
    for 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'cache.example.evil', '127.1.1.1x', '';
is $http->get('/healthz', 'Host:')->{status}, 403, 'so is none';
like $http->get('/healthz', 'Host: evil.example')->{body}, qr{<H1>Forbidden: Host must be .* -o admin_host</H1>}, 'and told why';

# HTTP on the cache's own port ends the connection, whatever the verb.
for my $verb (qw(GET POST PUT OPTIONS HEAD)) {
    closes $server, "$verb on the cache port", "$verb / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nset k 0 0 1\r\nx\r\n";
}
converses $server, 'and none of it was obeyed', "get k\r\n", "END\r\n";

# Sizes.
my $huge = eval { $http->get('/healthz', 'X-Long: ' . 'x' x 20_000) };
cmp_ok $huge ? $huge->{status} : 400, '>=', 400, 'a request with 20 kB of headers is refused';
my $body = $http->connect;
$body->send($http->request_bytes('GET', '/healthz', 'Content-Length: 100000') . 'x' x 100_000);
like $body->read_until("\r\n"), qr{^HTTP/1.1 (?:200|4\d\d)}, 'a body is not waited for';
$body->close;
is $http->get('/healthz')->{status}, 200, 'it goes on';
is $http->get('/' . 'x' x 4000)->{status}, 404, 'a long path is only a path';
is $http->get('/keys?' . '%' x 50)->{status}, 400, 'and an odd query a bad one';

# Connections: 32 at a time; more wait, and are served when others have gone.
{
    my @idle = map { $http->connect } 1 .. 40;
    $_->send($http->request_bytes('GET', '/healthz')) for @idle;
    my $served = 0;
    for my $connection (@idle) {
        last if $served == 32;
        $http->read_reply($connection, 1);
        $served++;
    }
    is $served, 32, 'thirty-two are served at once';
    my $bits = '';
    vec($bits, fileno($_->socket), 1) = 1 for @idle[32 .. 39];
    is select(my $ready = $bits, undef, undef, 0), 0, 'the others wait';
    $_->close for @idle[0 .. 31];
    is $http->read_reply($_, 1)->{status}, 200, 'until there is room' for @idle[32 .. 39];
    $_->close for @idle;
}

# Rate: a flood is refused in part, and passes.
{
    my $flood = $http->connect;
    my %statuses;
    for my $round (1 .. 300) {
        $flood = $http->connect if !$flood;
        $flood->send($http->request_bytes('GET', '/healthz'));
        my $status = $http->read_reply($flood, 1)->{status};
        $statuses{$status}++;
        ($flood->close, undef $flood) if $status != 200;
        last if $status == 429;
    }
    ok $statuses{429}, 'a flood of requests is refused';
    ok wait_until(sub { $http->get('/healthz')->{status} == 200 }), 'for a while';
}

# The cache itself heard nothing of all that.
converses $server, 'the cache answers', "mn\r\n", "MN\r\n";
stops_cleanly $server;
done_testing;
