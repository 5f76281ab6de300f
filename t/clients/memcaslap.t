# memcaslap: load from many connections, with every value that comes back verified.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

my $memcaslap = program_or_skip('memcaslap');
my $server = Larder->start(tcp => 1, args => ['-m', 256, '-t', 2]);
my $requests = is_sanitized ? 20_000 : 100_000;

for my $case ([], ['--division=20'], ['--fixed_size=20000']) {
    my $name = "@$case" || 'as it comes';
    my $count = "@$case" =~ /fixed/ ? $requests / 20 : $requests;
    my ($status, $text) = run_client(undef, $memcaslap, '-s', '127.0.0.1:' . $server->port, '-T', 2, '-c', 32, '-x', $count,
        '-w', '1k', '--verify=1.0', @$case);
    is $status, 0, "$name: ends well" or diag $text;
    my ($gets) = $text =~ /^cmd_get: (\d+)/m;
    cmp_ok $gets // 0, '>', $count / 4, "$name: gets" or diag $text;
    for my $counter (qw(get_misses verify_misses verify_failed)) {
        my ($number) = $text =~ /^$counter: (\d+)/m;
        is $number, 0, "$name: $counter" or diag $text;
    }
}
my $stats = $server->stats;
cmp_ok $stats->{cmd_get}, '>', $requests / 2, 'the server was asked';
is $stats->{evictions}, 0, 'with room for everything';

stops_cleanly $server;
done_testing;
