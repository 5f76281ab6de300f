# Large values: up to -I, whole after the way in and the way out, beside small ones.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

# Bytes that differ at every place, so that a piece in the wrong place shows.
sub value_of {
    my ($length, $seed) = @_;
    my $block = join '', map { sprintf '%s%07d,', $seed, $_ } 1 .. 116_509;
    return substr $block x (1 + $length / length $block), 0, $length;
}

sub round_trip {
    my ($server, $key, $length) = @_;
    my $value = value_of($length, substr $key, 0, 1);
    my $reply = $server->converse("set $key 3 0 $length\r\n$value\r\nget $key\r\n");
    my $fine = $reply eq "STORED\r\nVALUE $key 3 $length\r\n$value\r\nEND\r\n";
    return ok($fine, "$length bytes") || diag escaped(substr $reply, 0, 300);
}

{
    my $server = Larder->start(args => ['-I', '2m', '-m', 64]);
    round_trip($server, "k$_", $_) for 16_000, 16_384, 65_536, 262_144, 262_145, 524_288, 1_048_576, 2_097_000;
    converses $server, 'beyond -I', "set k 0 0 2097152\r\n" . ('x' x 2_097_152) . "\r\nget k\r\n" =>
        ['SERVER_ERROR object too large for cache', 'END'];
    stops_cleanly $server;
}

# From some size on a value is sent from where it lies, if it ends the answer to all that was asked.
{
    my $server = Larder->start(args => ['-m', 64]);
    my @sizes = map { ($_ - 1, $_, $_ + 1) } 1024, 4096, 8192, 16_000;
    my %value = map { $sizes[$_] => value_of($sizes[$_], $_ % 10) } 0 .. $#sizes;
    $server->converse("set k$_ 0 0 $_\r\n$value{$_}\r\n") for @sizes;
    my %commands = (get => ['VALUE k%d 0 %d', 'END'], 'gat 0' => ['VALUE k%d 0 %d', 'END'], mg => ['VA %2$d', undef]);
    for my $command (sort keys %commands) {
        my ($head, $end) = @{$commands{$command}};
        my $flags = $command eq 'mg' ? ' v' : '';
        my $requests = join '', map { "$command k$_$flags\r\n" } @sizes;
        my $replies = join '', map { sprintf("$head\r\n", $_, $_) . crlf($value{$_}, $end // ()) } @sizes;
        ok $server->converse($requests) eq $replies, "$command: in one go";
        my $connection = $server->connect;
        $connection->shrink_receive_buffer(4096);
        $connection->send($requests x 5);
        $connection->wait_consumed;
        $server->converse("set k$_ 0 0 $_\r\n$value{$_}\r\n") for @sizes;
        ok $connection->read_exactly(5 * length $replies) eq $replies x 5, "$command: to one that reads late";
    }
    for my $command (sort keys %commands) {
        my ($head, $end) = @{$commands{$command}};
        my $flags = $command eq 'mg' ? ' v' : '';
        my @wrong = grep { $server->converse("$command k$_$flags\r\n") ne sprintf("$head\r\n", $_, $_) . crlf($value{$_}, $end // ()) } @sizes;
        is "@wrong", '', "$command: one at a time";
    }
    # One that asks once more each time that the server has answered, and does not read.
    my $blocked = $server->connect;
    my $asked = 0;
    my $waits = sub { join(' ', values %{$server->stats('conns')}) =~ /conn_mwrite/ };
    do {
        $blocked->send("get k16000\r\n");
        $asked++;
        wait_until(sub { $waits->() || eval { $blocked->wait_consumed(0, 0.05); 1 } });
    } until $waits->() || $asked == 500;
    $server->converse("set k16000 0 0 5\r\nother\r\n");
    my $reply = crlf('VALUE k16000 0 16000', $value{16_000}, 'END');
    ok $blocked->read_exactly($asked * length $reply) eq $reply x $asked, 'the socket took a part of the last value';
    $server->converse("set k16000 0 0 16000\r\n$value{16000}\r\n");
    my $few = join '', (map { crlf("VALUE k$_ 0 $_", $value{$_}) } @sizes[3 .. 8]), "END\r\n";
    ok $server->converse("get @{[map { qq{k$_} } @sizes[3 .. 8]]}\r\n") eq $few, 'a few keys';
    my @keys = map { "k$_" } (@sizes) x 10;
    my $many = join '', (map { crlf("VALUE k$_ 0 $_", $value{$_}) } (@sizes) x 10), "END\r\n";
    ok $server->converse("get @keys\r\n") eq $many, 'many keys';
    ok $server->converse("gat 0 @keys\r\n") eq $many, 'and touched';
    stops_cleanly $server;
}

{
    my $server = Larder->start(args => ['-I', '64m', '-m', 256]);
    round_trip($server, 'twenty', 20 << 20);
    round_trip($server, 'sixty', 60 << 20);
    round_trip($server, 'small', 10);
    my $value = value_of(20 << 20, 'o');
    is $server->converse("set twenty 0 0 20971520\r\n$value\r\n"), "STORED\r\n", 'an overwrite';
    ok $server->converse("get twenty\r\n") eq "VALUE twenty 0 20971520\r\n$value\r\nEND\r\n", 'shows the new bytes alone';
    my $connection = $server->connect;
    $connection->send("append twenty 0 0 3\r\nend\r\nprepend twenty 0 0 5\r\nstart\r\nget twenty\r\n");
    is $connection->read_line . $connection->read_line, crlf('STORED', 'STORED'), 'append and prepend';
    ok $connection->read_until("\r\nEND\r\n") eq "VALUE twenty 0 20971528\r\nstart${value}end\r\nEND\r\n", 'join their ends';
    converses $server, 'a small one beside them', ['get small'] =>
        ['VALUE small 3 10', value_of(10, 's'), 'END'];
    for my $turn (1 .. 15) {
        $server->converse("set turn$turn 0 0 20971520\r\n$value\r\n");
    }
    my $stats = $server->stats;
    cmp_ok $stats->{evictions}, '>', 0, 'large values make room for large values';
    cmp_ok $stats->{bytes}, '<=', 256 << 20, 'within -m';
    ok $server->converse("get turn15\r\n") eq "VALUE turn15 0 20971520\r\n$value\r\nEND\r\n", 'the last one is there';
    stops_cleanly $server;
}

done_testing;
