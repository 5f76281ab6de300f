# memccapable -a: 25 of 27 text protocol tests, as memcached 1.6.45; the two want delete to count its arguments.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

my $memccapable = program_or_skip('memccapable');
my $server = Larder->start(tcp => 1);

my ($status, $text) = run_client(undef, $memccapable, '-a', '-h', '127.0.0.1', '-p', $server->port);
# A test that fails may say why before its verdict, on lines of their own.
my %result = map { /^(ascii [a-z ]*[a-z]).*\[(pass|FAIL)\]/s ? ($1 => $2) : () } split /^(?=ascii )/m, $text;
my @failed = sort grep { $result{$_} ne 'pass' } keys %result;
is scalar keys %result, 27, '27 tests' or diag $text;
# They send `delete a b c d e` and want ERROR; since 1.6.2x every argument behind the key is ignored.
is_deeply \@failed, is_larder ? ['ascii delete', 'ascii delete noreply'] : [], 'what fails' or diag $text;

stops_cleanly $server;
done_testing;
