# Options: bad ones end the start at once with one line and a code, good ones do what they say.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my @bad = (
    ['-l', 'fooble'], ['-c', 0], ['-c', 'abc'], ['-c', -5], ['-t', 0], ['-t', 'abc'], ['-B', 'http'], ['-I', 1000], ['-I', '2000m'],
    ['-I', 'abc'], ['-I', '256m', '-m', 64], ['-m', 1], ['-m', 'abc'], ['-p', 'abc'], ['-p', 70_000], ['-R', 0], ['-R', 'abc'],
    ['-a', '999'], ['-b', 'abc'], ['-o', 'nosuch'], ['-o', 'nosuch=1'], ['-o', 'modern,nosuch'], ['-o', 'idle_timeout=abc'],
    ['-o', 'idle_timeout'], ['-o', 'event_method=nosuch'], ['-o', 'dispatch=nosuch'], ['--no-such-option'], ['-@'],
    ['-s', '/no/such/directory/socket'], ['surplus'],
);
# What memcached 1.6.18 lets pass.
my %larder_only = map { $_ => 1 } (
    '-c abc', '-c -5', '-t abc', '-I abc', '-m 1', '-m abc', '-p abc', '-p 70000', '-R 0', '-R abc', '-a 999', '-b abc',
    '-o idle_timeout=abc', 'surplus',
);
for my $arguments (@bad) {
    my $name = join ' ', @$arguments;
    next if !is_larder && $larder_only{$name};
    my @listen = $name =~ /^-[lps] / ? () : ('-l', '127.0.0.1', '-p', '-1');
    my ($status, $error) = starts_and_exits(@listen, @$arguments);
    ok defined $status && $status > 0 && $status < 128, "$name ends with a code"
        or diag defined $status ? "status $status\n$error" : 'it came up';
    is scalar(() = $error =~ /\n/g), 1, "$name: one line" or diag $error if is_larder;
}

if (is_larder) {
    my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', "-\xfck");
    like $error, qr/^larderd: -\?: no such option;/, 'a letter beyond ASCII is not looked for elsewhere';
}

sub settings_with {
    my ($arguments, %expected) = @_;
    my $server = eval { Larder->start(args => $arguments) };
    return fail("@$arguments: $@") if !$server;
    my $found = $server->stats('settings');
    my %selected = map { $_ => $found->{$_} } keys %expected;
    is_deeply \%selected, \%expected, "@$arguments";
    converses $server, 'and it serves', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];
    stops_cleanly $server;
}

settings_with ['-m', 32, '-t', 2, '-c', 50, '-R', 7, '-b', 100, '-I', '2m', '-C', '-F', '-M'], maxbytes => 32 << 20,
    num_threads => 2, maxconns => 50, reqs_per_event => 7, tcp_backlog => 100, item_size_max => 2 << 20, cas_enabled => 'no',
    flush_enabled => 'no', evictions => 'off';
settings_with [
    '--memory-limit=32', '--threads=2', '--conn-limit=50', '--max-reqs-per-event=7', '--listen-backlog=100', '--max-item-size=2m',
    '--disable-cas', '--disable-flush-all', '--disable-evictions',
    ], maxbytes => 32 << 20, num_threads => 2, maxconns => 50, reqs_per_event => 7, tcp_backlog => 100,
    item_size_max => 2 << 20, cas_enabled => 'no', flush_enabled => 'no', evictions => 'off';
if (is_larder) {
    my $processors = `nproc`;
    chomp $processors;
    settings_with ['-t', 'auto'], num_threads => $processors;
}
settings_with ['-I', '512k', '-v'], item_size_max => 512 << 10, verbosity => 1;
settings_with ['-vvv'], verbosity => 3;
settings_with ['-o', 'idle_timeout=30'], idle_timeout => 30;
settings_with ['-m', 1024, '-I', '512m'], item_size_max => 512 << 20;
settings_with ['-m', 8, '-I', '1k', '-o', 'slab_chunk_max=1'], item_size_max => 1024 if is_larder;

# Names that only make sense to slabs and LRU queues are taken and do nothing.
for my $names (
    'modern', 'no_modern', 'lru_maintainer', 'no_lru_maintainer', 'lru_crawler', 'slab_reassign', 'no_slab_reassign', 'slab_automove=1',
    'no_slab_automove', 'hashpower=16', 'hash_algorithm=murmur3', 'maxconns_fast', 'tail_repair_time=10', 'hot_lru_pct=20',
    'warm_lru_pct=40', 'hot_max_factor=0.2', 'warm_max_factor=2', 'modern,slab_reassign,lru_crawler', 'no_hashexpand',
    )
{
    my $server = eval { Larder->start(args => ['-o', $names]) };
    ok $server, "-o $names is taken" or diag $@;
    stops_cleanly $server if $server;
}

{
    my ($status, $error, $output) = starts_and_exits('-h');
    is $status, 0, '-h ends with 0';
    my $help = $output . $error;
    like $help, qr/^\s*-$_\b/m, "-h tells of -$_" for qw(p s l m c t d u P v h V I R M C F);
}

done_testing;
