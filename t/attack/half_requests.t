# Slow senders: thousands of requests that are never finished keep neither memory nor anybody else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Attack;

my ($server, $other) = attacked(args => ['-c', 4000]);

# Half lines that the buffers' memory has room for: each gets its answer, late as it is.
my @senders = map { $server->connect } 1 .. 800;
$_->send('get ' . 'k' x 100 . ' key') for @senders;
$_->wait_consumed for @senders;
others_are_served $server, $other, 'short half lines';
my $answered = 0;
for my $sender (@senders) {
    $sender->send("\r\n");
    $answered++ if $sender->read_line eq "END\r\n";
}
is $answered, 800, 'and answered when they end';
stays_within $server, 'short half lines';

# Byte after byte.
for my $byte (split //, "set slow 0 0 3\r\nabc\r") {
    $_->send($byte) for @senders[0 .. 199];
}
$_->wait_consumed for @senders[0 .. 199];
others_are_served $server, $other, 'byte after byte';
$_->send("\n") for @senders[0 .. 199];
is scalar(grep { $_->read_line eq "STORED\r\n" } @senders[0 .. 199]), 200, 'and stored when they end';
$_->close for @senders;

# Long lines that never end: more than the buffers may take, so some are closed.
wait_until(sub { $other->stats->{curr_connections} == 1 });
@senders = map { $server->connect } 1 .. 300;
my $half_line = 'get' . ' longkey' x 12_500;
$_->send($half_line) for @senders;
ok wait_until(sub { $other->stats->{read_buf_oom} > 0 }), 'long half lines: read_buf_oom counts' if is_larder;
others_are_served $server, $other, 'long half lines';
stays_within $server, 'long half lines';
is_logged_once $server, qr/closed a connection that needed a buffer/, 2, 'long half lines' if is_larder;
$_->close for @senders;
ok wait_until(sub { $other->stats->{curr_connections} <= 2 }), 'all are forgotten';

# Half values, together more than the memory.
@senders = map { $server->connect } 1 .. 200;
my $half_value = 'v' x 500_000;
for my $number (0 .. $#senders) {
    $senders[$number]->send("set half$number 0 0 1000000\r\n$half_value");
}
others_are_served $server, $other, 'half values';
stays_within $server, 'half values';
my %reply;
for my $sender (@senders) {
    $sender->send("$half_value\r\n");
    $reply{$sender->read_line}++;
}
is_deeply [sort keys %reply], ["SERVER_ERROR out of memory storing object\r\n", "STORED\r\n"],
    'as many are taken as there is room for, and the others are told' if is_larder;
cmp_ok $other->stats->{store_no_memory}, '>=', $reply{"SERVER_ERROR out of memory storing object\r\n"}, 'and counted' if is_larder;
$_->close for @senders;

# Half values whose senders leave.
for my $round (1 .. 5) {
    @senders = map { $server->connect } 1 .. 100;
    $_->send("set left 0 0 1000000\r\n$half_value") for @senders;
    $_->close for @senders;
}
ok wait_until(sub { $other->stats->{curr_connections} <= 2 }), 'senders that leave are forgotten';
others_are_served $server, $other, 'senders that leave';
my $large = 'L' x 1_000_000;
is $other->ask('set large 0 0 1000000', $large), "STORED\r\n", 'and leave room';
stays_within $server, 'half values of senders that leave';

stops_cleanly $server;
done_testing;
