# -M: a full cache refuses what is new, says so, counts it, and keeps everything it has.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

for my $size (100, 10_000, 200_000) {
    my $server = Larder->start(args => ['-M', '-m', 16]);
    my $connection = $server->connect;
    my $value = sub { sprintf('%08d', $_[0]) x ($size / 8 + 1) };
    my ($stored, $refused, $other) = (0, 0, '');
    # Batches, so that filling is quick; after the first refusal a few more.
    my $batch = $size < 1000 ? 2000 : 20;
    for (my $next = 0; $refused == 0 && $next < 400_000; $next += $batch) {
        my $sent = join '', map { "set k$_ 0 0 $size\r\n" . substr($value->($_), 0, $size) . "\r\n" } $next .. $next + $batch - 1;
        my @replies = split /\r\n/, $connection->converse($sent);
        for my $number (0 .. $#replies) {
            if ($replies[$number] eq 'STORED') { $stored = $next + $number + 1 if !$refused }
            elsif ($replies[$number] eq 'SERVER_ERROR out of memory storing object') { $refused++ }
            else { $other ||= $replies[$number] }
        }
    }
    is $other, '', "$size bytes: every set is stored or refused for want of memory";
    cmp_ok $refused, '>', 0, 'some were refused';
    # A sanitizer's own memory is taken off -m, up to half of it.
    cmp_ok $stored * $size, '>', (is_sanitized() ? 4 : 8) << 20, 'not before most of the memory was full';

    my $stats = $connection->stats;
    is $stats->{evictions}, 0, 'nothing was evicted';
    cmp_ok $stats->{store_no_memory}, '>=', $refused, 'store_no_memory counts the refused';
    my $missing = 0;
    for (my $next = 0; $next < $stored; $next += $batch) {
        my $last = $next + $batch - 1;
        $last = $stored - 1 if $last >= $stored;
        my $expected = join '', map { crlf("VALUE k$_ 0 $size", substr($value->($_), 0, $size)) } $next .. $last;
        $missing++ if $connection->converse('get' . join('', map { " k$_" } $next .. $last) . "\r\n") ne $expected . "END\r\n";
    }
    is $missing, 0, "all $stored earlier keys are there, byte for byte";

    $connection->converse(join '', map { "delete k$_\r\n" } 0 .. $stored - 1);
    my $again = '';
    wait_until(sub { $again = $connection->ask("set again 0 0 $size", 'a' x $size); $again eq "STORED\r\n" }, 5);
    is $again, "STORED\r\n", 'deleting makes room';
    is $connection->ask('get again'), crlf("VALUE again 0 $size", 'a' x $size, 'END'), 'that can be read';
    stops_cleanly $server;
}

done_testing;
