# Memory: cache_memlimit down gives memory back to the system at once, up lets it be used again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached keeps the pages that it has');
plan skip_all => 'a sanitizer uses memory of its own' if is_sanitized;

my ($server, @connections, $number);

sub write_megabytes {
    my ($megabytes, $size) = @_;
    my $value = 'v' x $size;
    for (1 .. $megabytes) {
        my $count = int(2**20 / $size);
        my $sent = join '', map { "set key$_ 0 0 $size noreply\r\n$value\r\n" } $number + 1 .. $number + $count;
        $connections[$_ % @connections]->converse($sent);
        $number += $count;
    }
}

sub set_limit {
    my ($megabytes) = @_;
    is $connections[0]->ask("cache_memlimit $megabytes"), "OK\r\n", "cache_memlimit $megabytes";
}

sub resident_mib { return $server->memory_kib('VmRSS') / 1024 }

# What has grown for many small items, the index, does not shrink again.
my %lowest = (100 => 40, 5000 => 16, 200_000 => 16);

for my $size (sort { $a <=> $b } keys %lowest) {
    $server = Larder->start(args => ['-m', 128, '-t', 4]);
    @connections = map { $server->connect } 1 .. 4;
    $number = 0;
    write_megabytes(160, $size);
    cmp_ok resident_mib(), '>', 112, "values of $size bytes fill it";
    cmp_ok resident_mib(), '<=', 132, 'and no more';
    for my $lower (96, 40, $lowest{$size}) {
        set_limit($lower);
        ok wait_until(sub { resident_mib() <= $lower + 4 }), "RSS falls to $lower MiB";
        cmp_ok $connections[0]->stats->{curr_items}, '>', 0, 'and not everything is gone';
    }
    write_megabytes(20, $size);
    cmp_ok resident_mib(), '<=', $lowest{$size} + 4, 'there it stays';
    is $connections[0]->ask('set key 0 0 3', 'new', 'get key'), crlf('STORED', 'VALUE key 0 3', 'new', 'END'), 'it goes on';
    set_limit(192);
    write_megabytes(220, $size);
    cmp_ok resident_mib(), '>', 160, 'above what it began with';
    cmp_ok $server->memory_kib('VmHWM'), '<=', 196 * 1024, 'VmHWM';
    stops_cleanly $server;
}
done_testing;
