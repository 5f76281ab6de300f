# Statistics: the names and the order that exporters read, and what moves each counter.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $server = Larder->start(args => ['-m', 100, '-t', 2, '-c', 200]);
my $connection = $server->connect;

# stat_names.tsv holds the names of memcached 1.6.45. larder may show more, not fewer, and not in another order.
sub names_of {
    my ($section) = @_;
    open my $file, '<', "$FindBin::Bin/stat_names.tsv" or die "stat_names.tsv: $!";
    return map { /^\Q$section\E\t(\S+)$/ ? $1 : () } <$file>;
}

sub has_names {
    my ($section, @found) = @_;
    my @wanted = names_of($section);
    my %wanted = map { $_ => 1 } @wanted;
    my @known = grep { $wanted{$_} } @found;
    return is_deeply(\@known, \@wanted, "names and order of $section") if is_larder;
    my %found = map { $_ => 1 } @found;
    my @both = grep { $found{$_} } @wanted;
    return is_deeply(\@known, \@both, "order of the names of $section that this server has");
}

$connection->ask('set k 0 0 3', 'bar');
$connection->ask('get k');
has_names('general', map { $_->[0] } $connection->stat_pairs);
has_names('items', map { $_->[0] =~ /^items:\d+:(.*)/ } $connection->stat_pairs('items'));
has_names('slabs', map { $_->[0] =~ /^(?:\d+:)?(.*)/ } $connection->stat_pairs('slabs'));

my %values = %{$connection->stats};
like $values{pid}, qr/^\d+$/, 'pid is a number';
is $values{pid}, $server->pid, 'the pid is the process';
is $values{threads}, 2, 'threads';
is $values{limit_maxbytes}, 100 << 20, 'limit_maxbytes';
is $values{max_connections}, 200, 'max_connections';
is $values{curr_items}, 1, 'curr_items';
is $values{pointer_size}, 64, 'pointer_size';
is $values{accepting_conns}, 1, 'accepting_conns';
like $values{$_}, qr/^\d+\.\d{6}$/, "$_ has six digits" for qw(rusage_user rusage_system);
like $values{libevent}, qr/^2\./, 'libevent';
cmp_ok abs($values{time} - time), '<', 100, 'time is now';
cmp_ok $values{bytes}, '>=', 4, 'bytes holds key and value';
cmp_ok $values{bytes}, '<', 200, 'and little more';
unlike join(' ', %values), qr/\bnan\b|\binf\b|-\d{3}/, 'no nonsense';

# Bytes are counted where they pass.
{
    my $before = $connection->stats;
    $connection->ask('set big 0 0 100000', 'x' x 100_000);
    $connection->ask('get big');
    my $after = $connection->stats;
    cmp_ok $after->{bytes_read} - $before->{bytes_read}, '>=', 100_000, 'bytes_read';
    cmp_ok $after->{bytes_read} - $before->{bytes_read}, '<', 101_000, 'bytes_read counts once';
    cmp_ok $after->{bytes_written} - $before->{bytes_written}, '>=', 100_000, 'bytes_written';
    cmp_ok $after->{bytes} - $before->{bytes}, '>=', 100_000, 'bytes';
    is $after->{curr_items} - $before->{curr_items}, 1, 'curr_items';
    $connection->ask('delete big');
    is $connection->stats->{bytes}, $before->{bytes}, 'delete gives the bytes back';
    is $connection->stats->{curr_items}, $before->{curr_items}, 'and the item';
}

# What each command adds to the counters named, and that it adds to no other of them.
my @counters = qw(
    cmd_get cmd_set cmd_touch cmd_flush get_hits get_misses get_expired get_flushed delete_hits delete_misses incr_hits
    incr_misses decr_hits decr_misses cas_hits cas_misses cas_badval touch_hits touch_misses store_too_large
    store_no_memory total_items evictions
);

sub counts {
    my ($lines, %expected) = @_;
    my $before = $connection->stats;
    $connection->ask(@$lines);
    my $after = $connection->stats;
    my %moved;
    for my $name (@counters) {
        my $difference = $after->{$name} - $before->{$name};
        $moved{$name} = $difference if $difference != 0;
    }
    (my $name = $lines->[0]) =~ s/x{100,}/.../;
    return is_deeply(\%moved, \%expected, "$name counts");
}

$connection->ask('set v 0 0 1', '1', 'set n 0 0 1', '1');
counts ['get v'], cmd_get => 1, get_hits => 1;
counts ['get none'], cmd_get => 1, get_misses => 1;
counts ['get v none v'], cmd_get => 3, get_hits => 2, get_misses => 1;
counts ['gets v'], cmd_get => 1, get_hits => 1;
counts ['touch v 0'], cmd_touch => 1, touch_hits => 1;
counts ['touch none 0'], cmd_touch => 1, touch_misses => 1;
counts ['gat 0 none'], cmd_touch => 1, touch_misses => 1;
counts ['gat 0 v'], cmd_touch => 1, touch_hits => 1;
counts ['set d 0 0 1', '1'], cmd_set => 1, total_items => 1;
counts ['delete d'], delete_hits => 1;
counts ['delete d'], delete_misses => 1;
counts ['incr n 1'], incr_hits => 1;
counts ['incr none 1'], incr_misses => 1;
counts ['decr n 1'], decr_hits => 1;
counts ['decr none 1'], decr_misses => 1;
counts ['add v 0 0 1', '1'], cmd_set => 1;
counts ['replace none 0 0 1', '1'], cmd_set => 1;
counts ['append none 0 0 1', '1'], cmd_set => 1;
counts ['append v 0 0 1', '1'], cmd_set => 1, total_items => 1;
counts ['cas v 0 0 1 1', '1'], cmd_set => 1, cas_badval => 1;
counts ['cas none 0 0 1 1', '1'], cmd_set => 1, cas_misses => 1;
my ($unique) = $connection->ask('gets v') =~ /^VALUE v 0 \d+ (\d+)/;
counts ["cas v 0 0 1 $unique", '1'], cmd_set => 1, cas_hits => 1, total_items => 1;
counts ['mg v v'], cmd_get => 1, get_hits => 1;
counts ['mg none v'], cmd_get => 1, get_misses => 1;
counts ['ms v 1', '1'], cmd_set => 1, total_items => 1;
counts ['md none'], delete_misses => 1;
counts ['md v C1'], delete_misses => 1;
counts ['md v I'], ();
counts ['ma n'], incr_hits => 1;
counts ['ma n MD'], decr_hits => 1;
counts ['ma none'], incr_misses => 1;
counts ['ma made N0'], total_items => 1;
counts ['set v 0 0 2000000', 'x' x 2_000_000], store_too_large => 1;
counts ['flush_all 1000'], cmd_flush => 1;
counts ['flush_all soon'], cmd_flush => 1;
counts ['version', 'bogus', 'verbosity 0'], ();
$connection->ask('set e 0 -1 1', '1');
counts ['get e'], cmd_get => 1, get_misses => 1, get_expired => 1;
$connection->ask('set f 0 0 1', '1', 'flush_all');
counts ['get f'], cmd_get => 1, get_misses => 1, get_flushed => 1;

# Connections.
{
    my $before = $connection->stats;
    my @more = map { $server->connect } 1 .. 5;
    $_->ask('get none') for @more;
    my $during = $connection->stats;
    is $during->{curr_connections} - $before->{curr_connections}, 5, 'curr_connections';
    is $during->{total_connections} - $before->{total_connections}, 5, 'total_connections';
    $_->close for @more;
    ok wait_until(sub { $connection->stats->{curr_connections} == $before->{curr_connections} }), 'closed ones are gone';
    is $connection->stats->{total_connections} - $before->{total_connections}, 5, 'total_connections stays';
}

is $connection->ask('stats reset'), crlf('RESET'), 'reset';
my $reset = $connection->stats;
is $reset->{$_}, 0, "$_ after reset" for qw(cmd_get cmd_set get_hits get_misses cas_badval total_items evictions cmd_flush);

# What each class is called differs; that the sums agree does not.
$connection->ask('set i1 0 0 10', '0123456789', 'set i2 0 0 10', '0123456789');
my $items = $connection->stats('items');
my $slabs = $connection->stats('slabs');
my $general = $connection->stats;
my $number = 0;
$number += $items->{$_} for grep { /:number$/ } keys %$items;
is $number, $general->{curr_items}, 'stats items counts every item';
my %classes = map { /^(\d+):/ ? ($1 => 1) : () } keys %$slabs;
cmp_ok scalar keys %classes, '>=', 1, 'stats slabs has a class';
is $slabs->{active_slabs}, scalar keys %classes, 'active_slabs counts the classes';
for my $class (sort keys %classes) {
    ok $slabs->{"$class:total_pages"} > 0 && $slabs->{"$class:chunk_size"} > 0, "class $class has pages and a chunk size";
    is $slabs->{"$class:used_chunks"} + $slabs->{"$class:free_chunks"}, $slabs->{"$class:total_chunks"},
        "the chunks of class $class add up";
}

my %settings = %{$connection->stats('settings')};
is $settings{maxbytes}, 100 << 20, 'settings: maxbytes';
is $settings{maxconns}, 200, 'settings: maxconns';
is $settings{num_threads}, 2, 'settings: num_threads';
is $settings{item_size_max}, 1 << 20, 'settings: item_size_max';
is $settings{domain_socket}, $server->unix_path, 'settings: domain_socket';
is $settings{umask}, 700, 'settings: umask';
is $settings{evictions}, 'on', 'settings: evictions';
is $settings{cas_enabled}, 'yes', 'settings: cas_enabled';
is $settings{flush_enabled}, 'yes', 'settings: flush_enabled';
is $settings{reqs_per_event}, 20, 'settings: reqs_per_event';
is $settings{idle_timeout}, 0, 'settings: idle_timeout';
is $settings{tcp_backlog}, 1024, 'settings: tcp_backlog';
like $settings{verbosity}, qr/^\d+$/, 'settings: verbosity';
is scalar(grep { !defined $_ || $_ eq '' } values %settings), 0, 'settings: none is empty';
like $server->converse("stats settings extra\r\n"), qr/^STAT maxbytes 104857600\r\n.*END\r\n\z/s,
    'a second argument is ignored, and maxbytes stands first';

# The listener, and the connection that asks.
my @conns = $connection->stat_pairs('conns');
my @descriptors = map { $_->[0] =~ /^(\d+):state$/ } @conns;
is_deeply \@descriptors, [sort { $a <=> $b } @descriptors], 'conns ascend by descriptor';
is scalar(grep { $_->[1] eq 'conn_listening' } @conns), 1, 'conns: one listener';
is scalar(grep { $_->[1] eq 'conn_parse_cmd' } @conns), 1, 'conns: the one that asks';
is scalar(grep { $_->[0] =~ /:addr$/ && $_->[1] eq 'unix:' . $server->unix_path } @conns), 1, 'conns: its address';
is scalar(grep { $_->[0] =~ /:listen_addr$/ && $_->[1] eq 'unix:' . $server->unix_path } @conns), 1, 'conns: where it came in';

converses $server, 'sizes are not tracked unless asked', ['stats sizes'] => ['STAT sizes_status disabled', 'END'];
converses $server, 'an unknown section', ['stats nosuch', 'stats noreply'] => ['ERROR', 'ERROR'];
my $empty = Larder->start(args => ['-o', 'track_sizes']);
converses $empty, 'an empty cache has no classes', ['stats slabs'] =>
    qr/^STAT active_slabs 0\r\nSTAT total_malloced \d+\r\nEND\r\n\z/;
converses $empty, 'nor items', ['stats items'] => ['END'];
converses $empty, 'the class stays when its last item goes', ['set foo 0 0 1', 'x', 'delete foo', 'stats slabs'] =>
    qr/^STORED\r\nDELETED\r\nSTAT 1:.*STAT 1:cmd_set 1\r\n.*STAT active_slabs 1\r\n/s;
converses $empty, 'sizes by 32 bytes', ['set foo 0 0 1', 'x', 'stats sizes'] => qr/^STORED\r\nSTAT \d+ 1\r\nEND\r\n\z/;
converses $empty, 'of two sizes', ['set bar 0 0 1000', 'x' x 1000, 'stats sizes'] =>
    qr/^STORED\r\nSTAT \d+ 1\r\nSTAT \d+ 1\r\nEND\r\n\z/;
converses $empty, 'after a delete', ['delete bar', 'stats sizes'] => qr/^DELETED\r\nSTAT \d+ 1\r\nEND\r\n\z/;

stops_cleanly $empty;
stops_cleanly $server;
done_testing;
