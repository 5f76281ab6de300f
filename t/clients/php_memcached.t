# php-memcached: each command through PHP's usual client.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

my $php = program_or_skip('php', q{-r 'exit(class_exists("Memcached") ? 0 : 1);'});
my $server = Larder->start(tcp => 1);
my ($status, $text) = run_client(undef, $php, "$FindBin::Bin/memcached_session.php", '127.0.0.1', $server->port);
is $status, 0, 'every check of memcached_session.php' or diag $text;
like $text, qr/^(\d{2,}) checks$/m, 'which were many';
stops_cleanly $server;
done_testing;
