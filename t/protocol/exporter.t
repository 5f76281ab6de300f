# Whatever memcached_exporter (0.16) reads is there, in the form in which it reads it, and right: its dashboards and
# alerts work unchanged. The lists below are its own; so are the rules of parsing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my @general = (
    qw(version uptime time rusage_user rusage_system),
    (map { ("${_}_hits", "${_}_misses") } qw(get delete incr decr cas touch)),
    qw(cas_badval cmd_flush cmd_set bytes limit_maxbytes curr_items total_items bytes_read bytes_written
    curr_connections total_connections rejected_connections conn_yields listen_disabled_num accepting_conns evictions
    reclaimed store_too_large store_no_memory lru_crawler_starts direct_reclaims crawler_items_checked
    crawler_reclaimed moves_to_cold moves_to_warm moves_within_lru),
);
my @items = qw(number age hits_to_hot hits_to_warm hits_to_cold hits_to_temp);
my @optional_items = qw(crawler_reclaimed evicted evicted_nonzero evicted_time evicted_unfetched expired_unfetched
    outofmemory reclaimed tailrepairs mem_requested number_hot number_warm number_cold age_hot age_warm);
my @slabs = (qw(chunk_size chunks_per_page total_pages total_chunks used_chunks free_chunks free_chunks_end cmd_set cas_badval),
    map { "${_}_hits" } qw(get delete incr decr cas touch));
my @settings_with_crawler = qw(lru_crawler_sleep lru_crawler_tocrawl hot_lru_pct warm_lru_pct);
my @factors = qw(hot_max_factor warm_max_factor);

my $number = qr/^\d+\z/;
my $decimal = qr/^\d+(?:\.\d+)?\z/;

# The exporter cuts a reply into `STAT name value` lines and takes a reply that ends otherwise for a failure.
sub scrape {
    my ($server, $what) = @_;
    my $connection = $server->connect;
    $connection->send($what eq '' ? "stats\r\n" : "stats $what\r\n");
    my (%found, @odd);
    while ((my $line = $connection->read_line) ne "END\r\n") {
        if ($line =~ /^STAT (\S+) (\S+)\r\n\z/) { $found{$1} = $2 }
        else { push @odd, $line }
    }
    $connection->close;
    is_deeply \@odd, [], "stats $what: each line is STAT, a name and a value";
    return \%found;
}

# {class => {name => value}} of names like items:1:age or 1:cmd_set.
sub by_class {
    my ($found, $prefix) = @_;
    my %class;
    for my $name (keys %$found) {
        $class{$1}{$2} = $found->{$name} if $name =~ /^\Q$prefix\E(\d+):(\w+)\z/;
    }
    return \%class;
}

sub all_match {
    my ($name, $pattern, $found, @names) = @_;
    my @bad = grep { ($found->{$_} // '(none)') !~ $pattern } @names;
    is_deeply \@bad, [], "$name: each is there and parses";
}

my $server = Larder->start(args => ['-m', 64]);
my $connection = $server->connect;

for my $state ('empty', 'filled') {
    if ($state eq 'filled') {
        $connection->converse(join '', map { "set fill$_ 0 " . ($_ % 2 ? 1000 : 0) . " 1000 noreply\r\n" . 'x' x 1000 . "\r\n" } 1 .. 75_000);
    }
    my $stats = scrape($server, '');
    like $stats->{version}, qr/^\d+\.\d+\.\d+/, "$state: version";
    all_match "$state: stats", $number, $stats, grep { !/^(?:version|rusage_)/ } @general;
    all_match "$state: rusage, seconds and six digits", qr/^\d+\.\d{6}\z/, $stats, qw(rusage_user rusage_system);
    cmp_ok $stats->{evictions}, '>', 0, "$state: evictions" if $state eq 'filled';
    my $slabs = scrape($server, 'slabs');
    like $slabs->{total_malloced}, $number, "$state: total_malloced";
    my $settings = scrape($server, 'settings');
    is $settings->{maxconns}, 1024, "$state: maxconns";
    like $settings->{$_}, qr/^(?:yes|no)\z/, "$state: $_ is yes or no" for qw(lru_crawler lru_maintainer_thread);
    all_match "$state: settings behind lru_crawler", $number, $settings, @settings_with_crawler;
    all_match "$state: factors", $decimal, $settings, @factors;

    my $items_by_class = by_class(scrape($server, 'items'), 'items:');
    my $slabs_by_class = by_class($slabs, '');
    is $slabs->{active_slabs}, scalar(keys %$slabs_by_class), "$state: active_slabs are those that are shown";
    is scalar(keys %$items_by_class), $state eq 'empty' ? 0 : 1, "$state: classes with items";
    for my $class (keys %$items_by_class) {
        all_match "$state: items of class $class", $number, $items_by_class->{$class}, @items, @optional_items;
    }
    for my $class (keys %$slabs_by_class) {
        all_match "$state: slabs of class $class", $number, $slabs_by_class->{$class}, @slabs;
        ok !exists $slabs_by_class->{$class}{mem_requested}, "$state: mem_requested belongs to items alone";
    }
}

# Known traffic, and the figures after it.
$connection->ask('flush_all', 'stats reset');
my $before = scrape($server, '');
$connection->ask('set a 0 0 1', '1', 'set n 0 0 2', '10', 'set gone 0 0 1', 'x');
my ($unique) = $connection->ask('gets a') =~ /^VALUE a 0 1 (\d+)/;
$connection->ask('get a none', "cas a 0 0 1 $unique", '2', 'cas a 0 0 1 1', '3', 'cas none 0 0 1 1', '3');
$connection->ask('incr n 1', 'incr n 1', 'incr none 1', 'decr n 1', 'decr none 1', 'decr none 1', 'touch a 0', 'touch none 0');
$connection->ask('delete gone', 'delete none', 'delete none', 'set big 0 0 2000000', 'x' x 2_000_000, 'flush_all 1000');
my $after = scrape($server, '');
my %expected = (
    # The one that is too large is no set.
    cmd_set => 6, total_items => 4, get_hits => 2, get_misses => 1, cas_hits => 1, cas_misses => 1, cas_badval => 1,
    incr_hits => 2, incr_misses => 1, decr_hits => 1, decr_misses => 2, touch_hits => 1, touch_misses => 1,
    delete_hits => 1, delete_misses => 2, store_too_large => 1, cmd_flush => 1, rejected_connections => 0,
);
is $after->{$_} - $before->{$_}, $expected{$_}, "$_ moved as it should" for sort keys %expected;
cmp_ok $after->{bytes_read} - $before->{bytes_read}, '>=', 2_000_000, 'bytes_read';
cmp_ok $after->{bytes_written} - $before->{bytes_written}, '>', 300, 'bytes_written';
is $after->{limit_maxbytes}, 64 << 20, 'limit_maxbytes';

my $slab = by_class(scrape($server, 'slabs'), '')->{1};
is $slab->{$_}, $after->{$_}, "$_ of the class is that of all" for qw(cmd_set get_hits cas_hits cas_badval incr_hits decr_hits touch_hits delete_hits);
is $slab->{used_chunks} + $slab->{free_chunks}, $slab->{total_chunks}, 'used and free chunks are all';
my $item = by_class(scrape($server, 'items'), 'items:')->{1};
my $now = scrape($server, '');
is $item->{number}, $now->{curr_items}, 'items: number';
is $item->{mem_requested}, $now->{bytes}, 'items: mem_requested';

$server->clock_at(0);
my $start = scrape($server, '');
$server->clock_at(100);
my $later = scrape($server, '');
is $later->{uptime} - $start->{uptime}, 100, 'uptime goes with the clock';
is $later->{time} - $start->{time}, 100, 'and so does time';

stops_cleanly $server;
done_testing;
