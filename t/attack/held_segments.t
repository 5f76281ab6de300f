# Slow readers of values that are sent from where they lie: what they hold is never so much that nothing else can be
# stored, though each of them holds all that lies around its value.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Attack;

plan skip_all => 'a sanitizer is too slow for so many clients, and uses memory of its own' if is_sanitized;

my $value = 'v' x 33_000; # hardly more than what is copied, so that many can be held
my $other_value = 'o' x 10_240;

my ($server, $other) = attacked(args => ['-c', 4000]);
$other->converse(join '', map { "set k$_ 0 0 33000 noreply\r\n$value\r\n" } 1 .. 2000);

# One here and one there, until each place is held by someone.
my %slow = map { (2000 - 4 * $_) => $server->connect } 0 .. 499;
$_->shrink_receive_buffer(4096) for values %slow;
$slow{$_}->send_some("get k$_\r\n" x 200) for sort { $b <=> $a } keys %slow;
others_are_served $server, $other, 'values that lie everywhere';
my $stored = $other->converse(join '', map { "set later$_ 0 0 10240\r\n$other_value\r\n" } 1 .. 10_000);
is scalar(() = $stored =~ /^STORED\r$/mg), 10_000, 'all else can be stored';
stays_within $server, 'values that lie everywhere';

# The others were told that they couldn't be served.
my ($served, $whole) = (0, 0);
for my $number (keys %slow) {
    my $start = "VALUE k$number 0 33000\r\n";
    next if $slow{$number}->read_exactly(length $start) ne $start;
    $served++;
    $whole++ if $slow{$number}->read_until("\r\n") eq "$value\r\n";
}
cmp_ok $served, '>=', 50, 'many are served';
is $whole, $served, 'with the value that was there, though it was dropped long ago';

$_->close for values %slow;
ok wait_until(sub { $other->stats->{curr_connections} <= 3 }), 'they leave, and are forgotten';
stops_cleanly $server;
done_testing;
