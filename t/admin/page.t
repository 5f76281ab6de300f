# The page in a browser: it renders on phones and desktops, its figures move, keys are only text, nothing leaves it.
use strict;
use warnings;

use FindBin;
use IPC::Open2 qw(open2);
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;

use Larder;
use Larder::Http;

larder_only('only larder has an admin endpoint');

my ($chromium) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") } split /:/, $ENV{PATH};
plan skip_all => 'chromium is not installed' if !$chromium;
my $modules = $ENV{LARDER_NODE_MODULES} // "$FindBin::Bin/../../build-test/node/node_modules";
plan skip_all => "playwright-core is not in $modules" if !-d "$modules/playwright-core";
plan skip_all => 'node is not installed' if !grep { -x "$_/node" } split /:/, $ENV{PATH};

my $server = Larder->start(args => ['-o', 'admin=127.0.0.1:0,hot_keys_interval=1', '-t', 2]);
my $http = Larder::Http->of($server);
$ENV{NODE_PATH} = $modules;
$SIG{ALRM} = sub { die "the browser took too long\n" };
alarm deadline_seconds() * 4;
my $pid = open2(my $out, my $in, 'node', "$FindBin::Bin/page.js", $http->url, $chromium);
my $ready = <$out> // '';
SKIP: {
    is $ready, "ready\n", 'the page renders' or skip $ready, 1;
    my $script = '<script>document.title="owned"</script>';
    my $image = '<img/src=x/onerror=document.title="owned">';
    my $connection = $server->connect;
    $connection->ask("set $script 0 0 1", 'x');
    $connection->ask("get $script $image") for 1 .. 50;
    $connection->ask("set k$_ 0 0 1", 'x') for 1 .. 30;
    print $in "go\n";
    $in->flush;
    my $told = decode_json(scalar <$out> // '{}');
    ok !$told->{failed}, 'all was looked at' or diag $told->{failed};
    isnt $told->{after}{Items}, $told->{before}{Items}, 'figures move under load';
    is $told->{after}{Items}, 31, 'to what they should be';
    is_deeply [sort grep { /^</ } @{$told->{keys}}], [sort $script, $image], 'a key that is markup is shown as text';
    is $told->{scripts}, 1, 'it becomes no element';
    is $told->{title}, 'larder', 'and does nothing';
    # A machine that has much else to do makes it slow, and the page says so.
    like "$told->{judgement}: $told->{reasons}",
        qr/^This cache (?:is healthy: |needs attention: (?:One get in a hundred took|Every worker is busy)).*There is room/,
        'whether the cache is healthy is told';
    cmp_ok $told->{judged_at}, '<', 500, 'above the fold';
    like $told->{cursor}, qr/\d/, 'keys move along a chart';
    ok $told->{answers_again}, 'a daemon that hangs is told as such, until it answers again';
    like $told->{curve}, qr/Too few gets/, 'what other limits would do is told when it is known';
    is_deeply $told->{errors}, [], 'no error on the console';
    is_deeply $told->{outside}, [], 'no request leaves the origin';
    is_deeply $told->{overflows}, [], 'nothing is wider than the screen';
    cmp_ok $told->{contrast_light}, '>=', 4.5, 'contrast in the light';
    cmp_ok $told->{contrast_dark}, '>=', 4.5, 'contrast in the dark';
}
close $in;
waitpid $pid, 0;
alarm 0;
stops_cleanly $server;
done_testing;
