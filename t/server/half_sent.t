# Half-sent values survive their own delete, overwrite, flush and eviction, on the way out and on the way in.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

sub value_of {
    my ($length, $seed) = @_;
    return substr join('', map { sprintf '%s%06d,', $seed, $_ } 1 .. 1 + $length / 8), 0, $length;
}

my $server = Larder->start(args => ['-t', 2, '-m', 64, '-I', '8m']);
my $other = $server->connect;

# Fills the memory several times, so that whatever may be used again is.
sub churn {
    $other->ask("set churn$_ 0 0 500000 noreply", chr(65 + $_ % 26) x 500_000) for 1 .. 200;
}

for my $length (40_000, 262_144, 4_000_000) {
    my $value = value_of($length, 'v');
    for my $case (
        ['delete' => sub { $other->ask('delete k') }],
        ['overwrite' => sub { $other->ask("set k 0 0 $length", value_of($length, 'w')) }],
        ['incr' => sub { $other->ask('set k 0 0 1', '1'); $other->ask('incr k 1') }],
        ['append' => sub { $other->ask('append k 0 0 3', 'end') }],
        ['touch' => sub { $other->ask('touch k 10') }],
        ['flush_all' => sub { $other->ask('flush_all') }],
        ['eviction' => sub { churn() }],
        ['delete and churn' => sub { $other->ask('delete k'); churn() }],
        )
    {
        my ($name, $change) = @$case;
        next if $length < 262_144 && $name eq 'eviction';
        $other->ask("set k 0 0 $length", $value);
        my $reader = $server->connect;
        $reader->shrink_receive_buffer(4096);
        # Behind the first reply stand others, so that the first cannot leave the server whole.
        $reader->send("get k\r\n" x 8);
        my $head = "VALUE k 0 $length\r\n";
        my $begun = $reader->read_exactly(length($head) + 1000);
        $change->();
        my $got = $begun . $reader->read_exactly($length + 7 - 1000);
        ok $got eq "$head$value\r\nEND\r\n", "$name under a reader of $length bytes";
        $reader->close;
    }
}

# On the way in: the value is stored when its last byte is there, whatever happened to the key before.
for my $length (100, 262_144, 4_000_000) {
    my $value = value_of($length, 'n');
    for my $change ("delete k\r\n", "set k 0 0 3\r\nmid\r\n", "flush_all\r\n", "incr k 1\r\n", "get k\r\n") {
        $other->ask('set k 0 0 3', 'old');
        my $writer = $server->connect;
        $writer->send("set k 9 0 $length\r\n" . substr $value, 0, $length / 2);
        $writer->wait_consumed;
        $other->converse($change);
        my $between = $other->ask('get k');
        unlike $between, qr/^VALUE k 9/, 'half a value is not there';
        churn() if $length > 1000 && $change =~ /delete/;
        $writer->send(substr($value, $length / 2) . "\r\n");
        is $writer->read_line, "STORED\r\n", "half of $length bytes, then " . ($change =~ s/\r\n.*//sr);
        ok $other->ask('get k') eq crlf("VALUE k 9 $length", $value, 'END'), 'the whole value is there';
        $writer->close;
    }
}

# Writers that leave in the middle keep nothing: neither the key nor the memory.
$other->ask('set k 0 0 3', 'old');
for (1 .. 200) {
    my $writer = $server->connect;
    $writer->send("set k 0 0 4000000\r\n" . 'x' x 1_000_000);
    $writer->close;
}
ok wait_until(sub { $other->stats->{curr_connections} == 1 }), 'writers that leave';
like $other->ask('get k'), qr/^(?:VALUE k 0 3\r\nold\r\n)?END\r\n\z/, 'store nothing';
is $other->ask('set after 0 0 4000000', value_of(4_000_000, 'a')), "STORED\r\n", 'and there is room';
ok $other->ask('get after') eq crlf('VALUE after 0 4000000', value_of(4_000_000, 'a'), 'END'), 'for whole values';

stops_cleanly $server;
done_testing;
