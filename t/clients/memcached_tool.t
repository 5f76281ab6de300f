# memcached-tool, which comes with Debian's memcached: every mode that reads, on a daemon that is full.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

larder_only 'the tool reads dumps in the form of its own version';
my $tool = program_or_skip('/usr/share/memcached/scripts/memcached-tool');
my $server = Larder->start(tcp => 1, args => ['-m', 16]);
my $address = '127.0.0.1:' . $server->port;

sub tool {
    my ($mode) = @_;
    my ($status, $text) = run_client(undef, $tool, $address, $mode);
    is $status, 0, "$mode ends with 0" or diag $text;
    return $text;
}

my $connection = $server->connect;
$connection->converse(join '', map { "set many$_ 0 0 1000 noreply\r\n" . 'v' x 1000 . "\r\n" } 1 .. 25_000);
$connection->ask('set a:b 5 0 3', 'bar', 'set c 0 1000 2', 'hi', 'get c');
my ($items, $evictions) = @{$connection->stats}{qw(curr_items evictions)};
cmp_ok $evictions, '>', 0, 'the daemon is full';

like tool('display'), qr/^\s+1\s+\d+B\s+\d+s\s+\d+\s+$items\s+\w+\s+$evictions\s/m, 'display shows one class with all items';
like tool('stats'), qr/^\s+curr_items\s+$items\s*$/m, 'stats';
like tool('settings'), qr/^\s+dump_enabled\s+yes\s*$/m, 'settings';
my $dump = tool('dump');
like $dump, qr/^add a:b 5 0 3\r?\nbar\r?$/m, 'dump has values';
is scalar(() = $dump =~ /^add many\d+ 0 0 1000\r?\nv{1000}\r?$/mg), $items - 2, 'all of them';
my $keys = tool('keys');
like $keys, qr/^key=a%3Ab exp=-1 /m, 'keys';
is scalar(() = $keys =~ /^key=many\d+ /mg), $items - 2, 'all of them';

stops_cleanly $server;
done_testing;
