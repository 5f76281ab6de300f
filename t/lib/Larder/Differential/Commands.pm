# Random requests, as a grammar with weights, in batches that are pipelined, cut and interleaved at random.
#
# A script is a list of batches: {connection => which, commands => [...], cuts => [places between 0 and 1], inside =>
# batch}. `inside` is run on another connection while the first command of its batch is half sent. A command is a
# template: {body:FROM:SIZE} stands for so many letters and {unique:KEY} for the cas unique that the key last showed,
# so a script with large values is short to print and to read.
package Larder::Differential::Commands;

use strict;
use warnings;

use Exporter qw(import);
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(all_keys expanded next_script script_from_text text_of_script);

use constant {CONNECTIONS => 3, VALUE_SIZE_MAX => 1_300_000};

my @plain_keys = ((map { "key$_" } 1 .. 8), 'k', 'p:one', 'p:two', 'q:one', 'K' x 250, "t\tab", "\xff\x01");
my @counters = qw(n1 n2 n3);
my @made_keys = qw(viv1 viv2);
# Keys that only base64 can bring.
my @binary_keys = ("two words", "line\r\nend", "nul\0", 'B' x 180);
my @times = (0, 0, 0, 0, 100, 3000, 100_000, 2_592_000, -1, -100, 2_592_001, 2_147_000_000);
my $letters;

sub one_of { return $_[rand @_] }
sub maybe { my ($chance, $text) = @_; return rand() < $chance ? $text : '' }
sub a_key { return one_of(@plain_keys) }
sub a_meta_key { return rand() < 0.15 ? base64(one_of('key1', 'key2', 'viv1', @binary_keys)) . ' b' : a_key() }
sub base64 { return encode_base64($_[0], '') }
sub silently { return maybe(0.15, ' noreply') }
sub long_key { return 'L' x 251 }

sub some_keys {
    return join ' ', map { rand() < 0.2 ? "none$_" : rand() < 0.2 ? one_of(@counters) : a_key() } 1 .. 1 + rand 5;
}

sub shuffled {
    my @list = @_;
    return map { splice @list, rand @list, 1 } 1 .. @list;
}

# Each of the flags with that chance, in any order.
sub some_flags {
    my ($chance, @flags) = @_;
    return join '', map { maybe($chance, " $_") } shuffled(@flags);
}

sub body {
    my ($size) = @_;
    return $size ? '{body:' . int(rand 1000) . ":$size}" : '';
}

sub a_size {
    my $kind = rand;
    return int rand 40 if $kind < 0.8;
    return int rand 3000 if $kind < 0.97;
    return int rand 60_000 if $kind < 0.995;
    return one_of(100_000, 262_144, 500_000, 1_048_000);
}

# (template, size)
sub a_value {
    my $size = a_size();
    return ('{body:5:' . ($size - 4) . "}\r\n\0\n", $size) if $size > 20 && rand() < 0.05;
    return (body($size), $size);
}

sub store {
    my ($command, $key, $value, $size, $unique) = @_;
    return join ' ', $command, $key, one_of(0, 0, 1, 77, 4_294_967_295), one_of(@times),
        $size . (defined $unique ? " $unique" : '') . silently() . "\r\n$value\r\n";
}

# A body that no command line announces well: read as commands, or swallowed.
sub store_badly { my ($line) = @_; return "$line\r\nzz\r\n" }

sub meta_store {
    my ($flags) = @_;
    my ($value, $size) = a_value();
    my ($key, $base64) = split / (?=b\z)/, a_meta_key();
    return "ms $key $size" . ($base64 ? ' b' : '') . $flags . "\r\n$value\r\n";
}

# [weight, what makes a request, or several of which each must be answered before the next is sent]
my @grammar = (
    # Classic storage and retrieval
    [14, sub { store('set', a_key(), a_value()) }],
    [4, sub { store(one_of('add', 'replace'), a_key(), a_value()) }],
    [4, sub { my $size = int rand 30; store(one_of('append', 'prepend'), a_key(), body($size), $size) }],
    [4, sub { my $key = a_key(); store('cas', $key, a_value(), "{unique:$key}") }],
    [1, sub { store('cas', a_key(), a_value(), one_of('987654321987654', '18446744073709551615', 0)) }],
    [16, sub { one_of('get ', 'get ', 'gets ') . some_keys() . "\r\n" }],
    [3, sub { one_of('gat ', 'gats ') . one_of(@times) . ' ' . some_keys() . "\r\n" }],
    [3, sub { 'touch ' . a_key() . ' ' . one_of(@times) . silently() . "\r\n" }],
    [3, sub { 'delete ' . a_key() . one_of('', '', ' 0', ' noreply', ' 0 noreply') . "\r\n" }],
    # Counters, below 2^63: above that 1.6.18 looks for a minus sign also in what happens to lie behind the number.
    [4, sub { 'set ' . one_of(@counters) . ' 3 0 6' . silently() . "\r\n" . one_of(100_000, 123_456, 100_009, 999_990) . "\r\n" }],
    [0.3, sub { my $number = one_of('9000000000000000000', '18446744073709551616', '007', ' 1', '1 2', '1x', '', '-1');
        'set ' . one_of(@counters) . ' 0 0 ' . length($number) . "\r\n$number\r\n" }],
    [8, sub { one_of('incr ', 'decr ') . one_of(@counters) . ' ' . one_of(0, 1, 1, 2, 9) . silently() . "\r\n" }],
    [0.5, sub { 'decr ' . one_of(@counters) . ' ' . one_of('9000000000000000000', '18446744073709551615') . silently() . "\r\n" }],
    [1, sub { one_of('incr ', 'decr ') . a_key() . ' ' . one_of(1, '-1', 'abc', '1.5', '18446744073709551616') . silently() . "\r\n" }],
    # Meta
    [6, sub { 'mg ' . a_meta_key() . some_flags(0.35, 'f', 's', 't', 'v', 'k', 'c', 'h', 'l', 'u')
        . maybe(0.2, ' T' . one_of(@times)) . maybe(0.2, ' q') . maybe(0.1, ' O' . one_of('1', 'x' x 31)) . "\r\n" }],
    [5, sub { meta_store(one_of('', ' F5', ' F0', ' F4294967295') . maybe(0.1, ' T' . one_of(@times)) . some_flags(0.1, 'k', 'q', 'c', 'Oabc')) }],
    [1, sub { meta_store(one_of(' ME', ' MR', ' MS I', ' T3000', ' MR I q', ' Mset', ' mode', ' MX', ' M')) }],
    # N of ms came after 1.6.18, and so did E.
    [1, sub { 'ms ' . a_key() . ' 3 ' . one_of('MA', 'MP', 'MA T70 F5', 'MP q k') . "\r\nxyz\r\n" }],
    [2, sub { 'md ' . a_meta_key() . one_of('', ' q', ' k', ' T50', ' I', ' I', ' I T3000', ' I T-1', ' I q O2 k', ' C999999999', ' I C999999999') . "\r\n" }],
    [3, sub { 'ma ' . one_of(@counters) . one_of('', ' v', ' MD', ' M+ v', ' D9 q', ' M- D2 v', ' MI t v', ' MD D18446744073709551615 v', ' C999999999', ' k Oabc', ' Mdecr', ' MX', ' Dx', ' Jx N0')
        . "\r\n" }],
    [0.5, sub { 'ma ' . one_of(@counters) . one_of(' N0 J100000', ' N0 J100009 MD v', ' N100 J123456 t v') . "\r\n" }],
    [1, sub { 'me ' . one_of(a_key(), 'none', base64('key1') . ' b') . "\r\n" }],
    [1, sub { "mn\r\n" }],
    # Who stores anew. Not on counters: whether 1.6.18 writes over a number or stores it anew depends on replies not sent.
    [4, sub { 'mg ' . one_of(a_key(), @made_keys) . some_flags(0.4, 'h', 's', 't', 'u', 'v')
        . one_of('', ' N100', ' N0', ' N-1', ' R50', ' R2000', ' R200000', ' R-1', ' N100 R2000 T100000') . one_of('', ' q', ' O1') . "\r\n" }],
    [0.5, sub { my $key = one_of(@plain_keys, @made_keys);
        ("ms $key 3 c\r\nold\r\n", "mg $key c k\r\n", "md $key I T3000\r\n", "mg $key t v\r\n", "mg $key v\r\n", "ms $key 3 C{unique:$key} I\r\nnew\r\n", "mg $key s v\r\n") }],
    [0.5, sub { my $key = one_of(@plain_keys);
        ("mg $key c k\r\n", one_of("ms $key 2 C{unique:$key} T3000\r\nhi\r\n", "md $key C{unique:$key} q\r\n", "md $key I C{unique:$key}\r\n"), "mg $key v t\r\n") }],
    [0.3, sub { my $key = one_of(@counters); ("mg $key c k\r\n", "ma $key C{unique:$key} v\r\n", "ma $key C{unique:$key} v\r\n") }],
    # T is lost in 1.6.18 where the number is stored anew.
    [0.3, sub { my $key = one_of(@counters); ("mn\r\n", "ma $key D0 T3000 t v\r\n", "mg $key t\r\n") }],
    [0.3, sub { my $key = a_key(); ("gets $key\r\n", store('cas', $key, a_value(), "{unique:$key}"), store('cas', $key, a_value(), "{unique:$key}")) }],
    # The server
    [0.3, sub { 'flush_all' . one_of('', ' 0', ' noreply', ' 0 noreply', ' abc', ' -1', ' noreply 100') . "\r\n" }],
    # memcached forgets an earlier flush over a later one with a delay, unless the items were asked for in between.
    [0.05, sub { ('get ' . join(' ', all_keys()) . "\r\n", (map { 'mg ' . base64($_) . " b\r\n" } @binary_keys), one_of("flush_all 100\r\n", "flush_all 3000 noreply\r\n")) }],
    [1, sub { 'verbosity ' . one_of(0, 0, 1, 'abc', '0 noreply') . "\r\n" }],
    [0.2, sub { one_of('version', 'verbosity', 'shutdown', 'shutdown graceful', 'shutdown abc', 'refresh_certs') . "\r\n" }],
    [0.2, sub { 'cache_memlimit' . one_of('', ' abc', ' 512', ' 512 noreply', ' 4', ' 2000000000') . "\r\n" }],
    [0.3, sub { 'slabs' . one_of('', map { " $_" } 'automove 1', 'automove 0', 'automove 3', 'automove abc', 'automove ratio 0.5', 'automove window 10',
        'automove window 1', 'reassign 1 1', 'reassign 900 1', 'reassign a b', 'reassign') . "\r\n" }],
    [0.3, sub { 'lru' . one_of('', map { " $_" } 'tune 10 20 0.1 2.0', 'tune 50 50 0.1 2.0', 'tune 10 20 0 1', 'tune 10', 'mode segmented', 'mode xyz',
        'temp_ttl 61', 'temp_ttl abc', 'other') . "\r\n" }],
    [0.3, sub { 'lru_crawler' . one_of('', map { " $_" } 'enable', 'sleep 100', 'sleep 2000000', 'sleep abc', 'tocrawl 0', 'tocrawl abc',
        'crawl abc', 'crawl 900', 'other', 'metadump') . "\r\n" }],
    # Statistics
    [0.6, sub { "stats\r\n" }],
    [0.1, sub { 'stats ' . one_of('reset', 'settings', 'settings', 'slabs', 'items', 'sizes', 'bogus') . "\r\n" }],
    [0.3, sub { 'stats ' . one_of('detail', 'detail on', 'detail on', 'detail off', 'detail dump', 'detail dump', 'detail other',
        'cachedump', 'cachedump 1', 'cachedump 300 1', 'cachedump a b') . "\r\n" }],
    # Broken lines, whose body, if any, is no command
    [0.5, sub { one_of('bogus', 'GET key1', 'gett key1', 'bogus a b c', 'stats bogus', 'set', 'get', 'delete', '', ' ', '  ', 'mg', 'ms key1',
        'gat 0', 'gats', 'touch', 'touch key1', 'incr n1', 'decr', 'verbosity', 'bogus noreply', 'mg key1 z', 'md key1 z', 'md key1 s s',
        'mg key1 f f', 'mg key1 Tabc', 'mg key1 T', 'touch key1 abc', 'gat abc key1', 'incr n1 noreply', 'touch key1 noreply', 'set key1 0',
        'add key1 0 0', 'cas key1 0 0', 'ms key1 -1', 'ms key1 abc', 'get', "key\0nul", 'me', 'me a b c', 'mn a b', 'mg key1 ' . join(' ', 1 .. one_of(18, 19, 20, 21, 30)), 'ma n1 ' . 'N0 ' x 30,
        'mg b!! b v', 'mg ===== b', 'md key1 Cabc', 'md key1 e', 'ma n1 Nabc', 'ma key1 v', 'mx key1', 'get ' . long_key() . ' key2')
        . one_of("\r\n", "\r\n", "\n") }],
    [0.3, sub { store_badly(one_of('set', 'add', 'replace', 'append') . ' key1 ' . one_of('abc 0', '1.5 0', '-1 0', '0 abc', '0 1x') . ' 2') }],
    [0.3, sub { store_badly('cas key1 0 0 2' . one_of('', ' -1', ' abc', ' 18446744073709551616')) }],
    [0.3, sub { store_badly(one_of('set', 'prepend') . ' ' . long_key() . ' 0 0 2') }],
    [0.2, sub { one_of('touch %s 0', 'incr %s 1', 'delete %s', 'mg %s', 'md %s', 'ma %s', 'me %s', 'gat 0 %s', 'get %s') =~ s/%s/long_key()/er . "\r\n" }],
    [0.5, sub { one_of('set', 'replace', 'append') . ' key1 0 0 ' . one_of('-1', '3x', '2147483646', '4294967295', '1.5') . "\r\nnotacommand\r\n" }],
    [0.5, sub { one_of('set', 'add', 'append') . ' key2 0 0 3' . silently() . "\r\nabc and too much\r\n" }],
    [0.2, sub { 'ms key3 ' . one_of('3 F-1', '3 Fabc', '3 Z', '3 F1 F1', '3 noreply', '3 T', '3 O' . 'x' x 32, '3 MX') . "\r\nabc\r\n" }],
    [0.05, sub { my $size = one_of(1_048_577, 1_200_000); 'set ' . a_key() . " 0 0 $size" . silently() . "\r\n" . body($size) . "\r\n" }],
    [0.05, sub { one_of('quit', 'GET / HTTP/1.1', 'get ' . join(' ', map { "none$_" } 1 .. 900)) . "\r\n" }],
);

sub all_keys { return (@plain_keys, @counters, @made_keys) }

my $weight_sum = 0;
$weight_sum += $_->[0] for @grammar;

sub next_commands {
    my $at = rand $weight_sum;
    for my $row (@grammar) {
        return $row->[1]->() if ($at -= $row->[0]) < 0;
    }
    return "get key1\r\n";
}

# The bytes that a template stands for.
sub expanded {
    my ($template, $unique) = @_;
    if (!defined $letters) {
        my $state = 1;
        $letters = join '', map { $state = $state * 1_103_515_245 + 12_345 & 0x7fff_ffff; chr(97 + ($state >> 16) % 26) }
            1 .. VALUE_SIZE_MAX;
    }
    $template =~ s/\{body:(\d+):(\d+)\}/substr $letters, $1, $2/ge;
    $template =~ s/\{unique:([^}]*)\}/$unique->{$1} \/\/ 999999999/ge;
    return $template;
}

# A script of about $count commands; $alone says which of them are to be sent in a batch of their own.
sub next_script {
    my ($count, $alone) = @_;
    my (@script, @gathered);
    my $flush = sub {
        push @script, a_batch(0, @gathered) if @gathered;
        @gathered = ();
    };
    my ($made, $size) = (0, one_of(1, 5, 20, 60));
    while ($made < $count) {
        my @commands = next_commands();
        $made += @commands;
        for my $command (@commands) {
            my $on_its_own = @commands > 1 || $alone->($command);
            $flush->() if $on_its_own;
            push @gathered, $command;
            next if !$on_its_own && @gathered < $size;
            $flush->();
            $script[-1]{apart} = $on_its_own;
            $size = one_of(1, 5, 20, 60);
        }
    }
    $flush->();
    return interleaved(@script);
}

sub a_batch {
    my ($connection, @commands) = @_;
    return {connection => $connection, commands => [@commands], cuts => [map { rand } 1 .. one_of(0, 0, 1, 2, 5)]};
}

# Spreads batches over the connections; now and then one is put inside the one before it.
sub interleaved {
    my @script;
    for my $batch (@_) {
        $batch->{connection} = int rand CONNECTIONS;
        my $before = $script[-1];
        if ($before && !$before->{inside} && $before->{connection} != $batch->{connection} && rand() < 0.1
            && !$before->{apart} && !$batch->{apart}) { $before->{inside} = $batch }
        else { push @script, $batch }
    }
    return @script;
}

# ---- scripts as text

sub text_of_batch {
    my ($batch, $name) = @_;
    my @lines = "$name $batch->{connection} " . join ',', map { sprintf '%.17g', $_ } @{$batch->{cuts}};
    push @lines, map { '  ' . escape($_) } @{$batch->{commands}};
    return @lines, $batch->{inside} ? text_of_batch($batch->{inside}, 'inside') : ();
}

sub text_of_script { return map { text_of_batch($_, 'batch') } @_ }

sub escape {
    my ($command) = @_;
    $command =~ s/\\/\\\\/g;
    $command =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
    $command =~ s/((.)\g2{39,})/"{repeat:$2:" . length($1) . '}'/ge;
    return $command;
}

sub unescape {
    my ($text) = @_;
    $text =~ s/\{repeat:(.):(\d+)\}/$1 x $2/ge;
    $text =~ s/\\(?:x(..)|(\\))/defined $1 ? chr hex $1 : $2/ge;
    return $text;
}

sub script_from_text {
    my @script;
    my $batch;
    for (@_) {
        if (/^#?\s*(batch|inside) (\d+) ?([\d.e,-]*)\s*$/) {
            my $next = {connection => $2, commands => [], cuts => [split /,/, $3]};
            if ($1 eq 'inside') { $batch->{inside} = $next }
            else { push @script, $next }
            $batch = $next;
        }
        elsif (/^#?\s* {2}(.*)$/) { push @{$batch->{commands}}, unescape($1) if $batch }
    }
    return @script;
}

1;
