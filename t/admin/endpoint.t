# The admin endpoint answers its paths to those who may ask, and changes and hands out nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;

use Larder;
use Larder::Http;

larder_only('only larder has an admin endpoint');

my $off = Larder->start;
unlike $off->stderr, qr/admin page/, 'there is none unless it is asked for';
stops_cleanly $off;

my $server = Larder->start(args => ['-o', 'admin=127.0.0.1:0,hot_keys_interval=1', '-t', 2]);
my $http = Larder::Http->of($server);
$server->converse([map {; "set key$_ 0 0 5", 'value' } 1 .. 50]);
$server->converse("get key1 key2 nobody\r\n");

# Paths.
is $http->get('/healthz')->{body}, "ok\n", '/healthz';
is $http->get('/readyz')->{status}, 200, '/readyz';
my $page = $http->get('/');
is $page->{status}, 200, 'the page';
like $page->{headers}{'content-type'}, qr{^text/html}, 'is HTML';
like $page->{headers}{'content-security-policy'},
    qr/^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; connect-src 'self'/,
    'and may run its own script and style only';
unlike $page->{body}, qr{(?:src|href)\s*=\s*["']?(?:https?:)?//}, 'and names nothing elsewhere';
is $http->get('/nowhere')->{status}, 404, 'what is not there';
is $http->get('/../../etc/passwd')->{status}, 404, 'nor outside';
for my $path (qw(/ /metrics /stats.json /healthz /keys /nowhere)) {
    my $reply = $http->get($path);
    is $reply->{headers}{'x-content-type-options'}, 'nosniff', "$path: nosniff";
    like $reply->{headers}{'content-security-policy'}, qr/^default-src 'none'/, "$path: a policy";
    is $reply->{headers}{'cache-control'}, 'no-store', "$path: not to be kept";
    unlike $reply->{body}, qr/\bvalue\b(?!=)/, "$path: no values" if $path ne '/';
}
my $head = $http->ask('HEAD', '/metrics');
is $head->{status}, 200, 'HEAD';

# /stats.json holds every section of stats.
my $stats = decode_json($http->get('/stats.json')->{body});
for my $section (qw(settings items slabs segments latency hotkeys mrc)) {
    my $told = $server->stats($section);
    is_deeply [sort keys %{$stats->{$section}}], [sort keys %$told], "/stats.json has stats $section";
}
is $stats->{general}{curr_items}, 50, 'with its figures';
is $stats->{general}{get_misses}, 1, 'as numbers';
is $stats->{settings}{num_threads}, 2, 'settings too';
cmp_ok scalar(keys %{$stats->{conns}}), '>=', 1, 'and connections';
is scalar(@{$stats->{workers}}), 2, 'and each worker';
is $stats->{hotkeys}{'1:requests'}, 2, 'and hot keys';

# /history.json has points after the one that is named.
my $first = wait_until(sub {
    select undef, undef, undef, 0.1; # not at the rate that is refused
    my $history = decode_json($http->get('/history.json')->{body});
    return @{$history->{points}} && $history;
});
ok $first, 'a point comes within the deadline';
is scalar(@{$first->{points}[0]}), scalar(@{$first->{columns}}), 'a value for each column';
my $none = decode_json($http->get("/history.json?after=$first->{last}")->{body});
cmp_ok scalar(@{$none->{points}}), '<=', 1, 'only newer points are told';
is $http->get('/history.json?after=x')->{status}, 400, 'after must be a number';
my $restarted = decode_json($http->get('/history.json?after=999999')->{body});
cmp_ok scalar(@{$restarted->{points}}), '>=', 1, 'a number of another run starts anew';

# Keys are told only if that was allowed.
is $http->get('/keys')->{status}, 403, '/keys is off';
stops_cleanly $server;

my $open = Larder->start(args => ['-o', 'admin=127.0.0.1:0,admin_keys', '-t', 1]);
$http = Larder::Http->of($open);
$open->converse([map {; "set key$_ 0 0 5", 'value' } 1 .. 500]);
$open->converse(qq{set <b>"&' 0 0 1\r\nx\r\nms AP8K 1 b\r\nx\r\n});
my $list = $http->get('/keys?prefix=%3Cb')->{body};
unlike $list, qr/[<>&]/, 'no key can be taken for markup';
is decode_json($list)->{keys}[0]{key}, q{<b>"&'}, 'a key as it is';
is decode_json($http->get('/keys?prefix=%3Cb')->{body})->{keys}[0]{bytes}, 1, 'and its size';
my (%seen, $rounds);
my $cursor = 0;
while (defined $cursor) {
    my $part = decode_json($http->get("/keys?prefix=key&limit=50&cursor=$cursor")->{body});
    cmp_ok scalar(@{$part->{keys}}), '<', 50 + 64, 'the limit is about kept' if @{$part->{keys}} > 50;
    $seen{$_->{key}}++ for @{$part->{keys}};
    $cursor = $part->{cursor};
    last if ++$rounds > 100;
}
is scalar(keys %seen), 500, 'page by page every key is told';
is $http->get("/keys?$_")->{status}, 400, "$_ is refused" for qw(limit=1001 limit=-1 limit=x cursor=x);
my ($binary) = grep { length $_->{key} == 3 } @{decode_json($http->get('/keys')->{body})->{keys}},
    map { @{decode_json($http->get("/keys?limit=1000")->{body})->{keys}} } 1;
is $binary->{key}, "\x00\xff\x0a", 'bytes beyond ASCII are characters of that number';
stops_cleanly $open;

my $private = Larder->start(args => ['-X', '-o', 'admin=127.0.0.1:0,admin_keys']);
is(Larder::Http->of($private)->get('/keys')->{status}, 403, '-X refuses keys here too');
stops_cleanly $private;

# The filter of system calls lets the endpoint do its work.
SKIP: {
    skip 'a sanitizer makes system calls of its own', 1 if is_sanitized;
    my $filtered = Larder->start(args => ['-o', 'admin=127.0.0.1:0,drop_privileges']);
    $http = Larder::Http->of($filtered);
    is $http->get($_)->{status}, 200, "$_ behind the filter" for qw(/ /metrics /stats.json /history.json);
    stops_cleanly $filtered;
}

# Starting.
my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', '-u', 'root', '-o', 'admin=nonsense');
isnt $status, 0, 'an address that is none ends the start';
like $error, qr/-o admin=nonsense: wants an address and a port/, 'and says so';
my $taken = Larder->start(args => ['-o', 'admin=127.0.0.1:0']);
my $port = Larder::Http->of($taken)->port;
($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', '-u', 'root', '-o', "admin=127.0.0.1:$port");
isnt $status, 0, 'so does a port that is taken';
like $error, qr/-o admin=127.0.0.1:$port: Address already in use/, 'and says that';

# Stopping, by a signal and by a client: from the line in the log on it is not ready, though it still lives, since
# somebody takes no replies.
stops_cleanly $taken;
for my $way ('TERM', 'shutdown graceful') {
    my $server = Larder->start(args => ['-A', '-o', 'admin=127.0.0.1:0']);
    my $asker = Larder::Http->of($server);
    is $asker->get('/readyz')->{status}, 200, "ready before $way";
    my ($slow, $other) = ($server->connect, $server->connect);
    $slow->ask('set large 0 0 1000000', 'x' x 1_000_000);
    $slow->send_some("get large\r\n" x 8);
    ok wait_until(sub { join(' ', values %{$other->stats('conns')}) =~ /conn_mwrite/ }), 'a client does not read';
    $way eq 'TERM' ? $server->signal('TERM') : $other->send("$way\r\n");
    ok wait_until(sub { $server->stderr =~ /signal TERM: stopping|a client asked for the shutdown/ }), "$way is told in the log";
    my $reply = eval { $asker->get('/readyz') };
    is $reply ? "$reply->{status} $reply->{body}" : "503 starting or stopping\n", "503 starting or stopping\n",
        'and by /readyz, as long as there is one';
    $slow->close;
    is $server->stop(0), 0, 'and then it ends';
}
done_testing;
