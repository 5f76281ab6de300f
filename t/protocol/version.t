# version, verbosity and the version string that clients test for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start;

my $version = $server->converse("version\r\n");
like $version, qr/^VERSION \d+\.\d+\.\d+[^\s]*\r\n\z/, 'version';
like $version, qr/^VERSION 1\.6\.45-larder-\d+\.\d+\S*\r\n\z/, 'names the memcached it matches and its own' if is_larder;
is 'VERSION ' . $server->stats->{version} . "\r\n", $version, 'stats tell the same';
converses $server, 'arguments are ignored', ['version foo bar', 'version noreply'] => $version x 2;

my ($status, $error, $output) = starts_and_exits('-V');
is $status, 0, '-V ends with 0';
my ($own) = $version =~ /larder-(\S+)\r\n/;
like $output, qr/^larderd? \Q$own\E\b/, 'and shows its own version' if is_larder;

converses $server, 'verbosity', ['verbosity 99999', 'verbosity 0', 'verbosity 1 2', 'verbosity 0'] => [('OK') x 4];
converses $server, 'verbosity that is no number', ['verbosity abc', 'verbosity -1'] => [('CLIENT_ERROR bad command line format') x 2];
if (is_larder) {
    converses $server, 'verbosity of nothing', ['verbosity'] => ['CLIENT_ERROR bad command line format'];
}

stops_cleanly $server;
done_testing;
