# The admin endpoint's memory is within -m and 4 MiB, also while it is asked without end and nobody reads the answers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Http;

larder_only('only larder has an admin endpoint');
plan skip_all => 'a sanitizer uses memory of its own' if is_sanitized;

for my $memory (16, 64) {
    my $server = Larder->start(args => ['-m', $memory, '-t', 4, '-o', 'admin=127.0.0.1:0,admin_keys']);
    my $http = Larder::Http->of($server);
    my $bound = ($memory + 4) * 1024;
    my @clients = map { $server->connect } 1 .. 4;
    my @deaf = map { $http->connect } 1 .. 24;
    $_->shrink_receive_buffer(2048) for @deaf;
    my ($number, $total) = (0, 0);
    while ($total < 2 * $memory << 20) {
        for my $client (@clients) {
            my $sent = '';
            while (length $sent < 300_000) {
                my $size = int exp rand log 20_000;
                $sent .= 'set key:' . $number++ . " 0 0 $size noreply\r\n" . 'v' x $size . "\r\n";
            }
            $total += length $sent;
            $client->converse($sent . "mn\r\n");
        }
        $http->get($_) for qw(/metrics /stats.json /keys?limit=1000 /history.json);
        $_->send_some($http->request_bytes('GET', '/keys?limit=1000')) for @deaf[0 .. 3];
        push @deaf, splice @deaf, 0, 4;
    }
    cmp_ok $clients[0]->stats->{evictions}, '>', 0, "-m $memory: it was full";
    cmp_ok $server->memory_kib('VmHWM'), '<=', $bound, "-m $memory: VmHWM";
    note 'VmHWM ' . $server->memory_kib('VmHWM') . ' kB';
    $_->close for @deaf;
    stops_cleanly $server;
}
done_testing;
