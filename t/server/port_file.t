# MEMCACHED_PORT_FILENAME: the free ports that were taken are written down for others to find.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

for my $port (is_larder ? ('-1', '0') : '-1') {
    my $server = Larder->start(tcp => 1, listen => ['-l', '127.0.0.1', '-p', $port]);
    my $text = Larder::read_file($server->port_path);
    like $text, qr/\ATCP INET: \d+\n\z/, "-p $port writes one line";
    cmp_ok $server->port, '>', 1023, 'with a free port';
    ok !-e $server->port_path . '.lck', 'and nothing beside it';
    converses $server, 'that port serves', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];

    my $other = Larder->start(tcp => 1, listen => ['-l', '127.0.0.1', '-p', $port]);
    isnt $other->port, $server->port, 'a second server has another port';
    stops_cleanly $other;
    stops_cleanly $server;
}

my $fixed = Larder->start(tcp => 1);
my $number = $fixed->port;
stops_cleanly $fixed;
my $again = Larder->start(tcp => 1, listen => ['-l', '127.0.0.1', '-p', $number]);
is $again->port, $number, 'a port that is named is written too';
stops_cleanly $again;

my ($status) = Larder->start(environment => {MEMCACHED_PORT_FILENAME => undef})->stop;
is $status, 0, 'without the variable the server starts and stops as well';

done_testing;
