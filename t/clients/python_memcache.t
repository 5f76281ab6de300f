# python3-memcache: its own checks of each command, with compression, pickles and many keys at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

my $python = program_or_skip('/usr/bin/python3', q{-c 'import memcache'});
my $server = Larder->start(tcp => 1);
my ($status, $text) = run_client("$FindBin::Bin/python_memcache_session.py", $python, '-', '127.0.0.1', $server->port);
is $status, 0, 'every check of python_memcache_session.py' or diag $text;
like $text, qr/^(\d{2,}) checks$/m, 'which were many';
stops_cleanly $server;
done_testing;
