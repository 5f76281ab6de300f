# Slow readers: a client that asks and does not read holds up nobody, and gets every byte when it reads.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-t', 1, '-m', 64]);
my $other = $server->connect;

# Each version of the value is one letter through and through, so that a torn one shows.
sub set_value {
    my ($letter) = @_;
    return $other->ask('set k 0 0 10240', $letter x 10_240);
}

set_value('a');
my @slow = map { $server->connect } 1 .. 5;
my $requests = 2000;
$_->send_some("get k\r\n" x $requests) == 7 * $requests or BAIL_OUT('the socket did not take the requests') for @slow;
$_->wait_consumed for @slow[0 .. 0];

my $served = 0;
for my $round (1 .. 300) {
    my $letter = chr(ord('b') + $round % 20);
    $served++ if set_value($letter) eq "STORED\r\n" && $other->ask('get k') eq crlf('VALUE k 0 10240', $letter x 10_240, 'END');
    $other->ask("set filler$round 0 0 200000", 'f' x 200_000);
    $other->ask('delete k') if $round % 50 == 0;
}
is $served, 300, 'others are served meanwhile';
if (is_larder && !is_sanitized) {
    cmp_ok $server->memory_kib('VmRSS'), '<', (64 + 4) * 1024, 'what is not read yet takes no memory beyond -m';
}
set_value('z');

my ($whole, $torn) = (0, 0);
for my $client (@slow) {
    for (1 .. $requests) {
        my $line = $client->read_line;
        next if $line eq "END\r\n";
        $torn++, last if $line ne "VALUE k 0 10240\r\n";
        my $value = $client->read_exactly(10_240 + 7);
        if ($value =~ /\A([a-z])\g1{10239}\r\nEND\r\n\z/) { $whole++ } else { $torn++ }
    }
}
is $torn, 0, 'no value is torn or mixed';
cmp_ok $whole, '>', $requests, 'every request is answered';
is escaped($_->converse("get none\r\n")), escaped("END\r\n"), 'a slow reader is in step in the end' for @slow;

# One that never reads goes away.
my $gone = $server->connect;
$gone->send_some("get k\r\n" x $requests);
$gone->close;
ok wait_until(sub { $other->stats->{curr_connections} == 1 + @slow }), 'one that leaves is forgotten';

stops_cleanly $server;
done_testing;
