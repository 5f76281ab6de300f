# Lists of keys: lru_crawler metadump and mgdump, stats cachedump.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only 'the lines are those of 1.6.45';

my $server = Larder->start(args => ['-t', 2, '-M']);
my $writer = $server->connect;

sub dump_of {
    my ($what, $end) = @_;
    my $connection = $server->connect;
    $connection->send("lru_crawler $what\r\n");
    my $reply = $connection->read_until($end);
    $connection->close;
    return $reply;
}

is dump_of('metadump all', "END\r\n"), "OK\r\nEND\r\n", 'metadump of nothing';
is dump_of('mgdump all', "EN\r\n"), "OK\r\nEN\r\n", 'mgdump of nothing';
converses $server, 'cachedump of nothing', ['stats cachedump 1 0'] => ['END'];

$server->clock_at(0);
my $now = $server->stats->{time};
$writer->ask('set a:b 7 100 3', 'bar', 'get a:b');
my ($cas) = $writer->ask('gets a:b') =~ /^VALUE a:b 7 3 (\d+)/;
is dump_of('metadump all', "END\r\n"),
    "OK\r\nkey=a%3Ab exp=" . ($now + 100) . " la=$now cas=$cas fetch=yes cls=1 size=14 flags=7 \nEND\r\n", 'a line of metadump';
is dump_of('metadump 1,2', "END\r\n"), dump_of('metadump hash', "END\r\n"), 'all items are of class 1';
is dump_of('metadump 2', "END\r\n"), "OK\r\nEND\r\n", 'none of class 2';
is dump_of('mgdump 1', "EN\r\n"), "OK\r\nmg a:b\r\nEN\r\n", 'a line of mgdump';
converses $server, 'a line of cachedump', ['stats cachedump 1 0'] => ['ITEM a:b [3 b; ' . ($now + 100) . ' s]', 'END'];
converses $server, 'another class', ['stats cachedump 2 0', 'stats cachedump 0 0', 'stats cachedump 63 0'] => [('END') x 3];
$server->clock_at(101);
is dump_of('metadump all', "END\r\n"), "OK\r\nEND\r\n", 'what has expired is not listed';

$writer->ask('ms AAEgfg== 1 b', 'x');
like dump_of('metadump all', "END\r\n"), qr/^key=%00%01%20~ exp=-1 .* fetch=no /m, 'any byte, encoded for a URI';
is dump_of('mgdump all', "EN\r\n"), "OK\r\nmg AAEgfg== b\r\nEN\r\n", 'a key with a space, in base64';
$writer->ask('flush_all');

converses $server, 'bad input' => [
    'lru_crawler metadump', 'lru_crawler mgdump', 'lru_crawler metadump all x', 'lru_crawler metadump 0', 'lru_crawler metadump 64',
    'lru_crawler metadump x', 'lru_crawler metadump 1,x', 'stats cachedump', 'stats cachedump 1', 'stats cachedump x 1',
    'stats cachedump 1 x', 'stats cachedump 64 0', 'stats cachedump 300 0',
] => [
    ('ERROR') x 3, 'ERROR cannot pipeline other commands before metadump',
    ('ERROR cannot pipeline other commands before metadump') x 3, ('CLIENT_ERROR bad command line') x 2,
    ('CLIENT_ERROR bad command line format') x 2, ('CLIENT_ERROR Illegal slab id') x 2,
];
converses $server, 'no such class', ["lru_crawler metadump $_"] => ['BADCLASS invalid class id'] for 0, 64, 'x', '1,x', '1,,1';
converses $server, 'not behind another reply', ['mg foo', 'lru_crawler mgdump all'] =>
    ['EN', 'ERROR cannot pipeline other commands before mgdump'];
converses $server, 'but ahead of others', ['lru_crawler mgdump all', 'mg foo'] => ['OK', 'EN', 'EN'];

my $filler = 'f' x 20_000;
# Over and over: the log runs through all of its memory more than once, so that items move.
sub write_fillers {
    my (@numbers) = @_;
    while (my @some = splice @numbers, 0, 50) {
        $writer->converse(join '', map { "set filler$_ 0 0 20000 noreply\r\n$filler\r\n" } @some);
    }
}

# Many keys, to a slow reader, while they move.
my $count = 20_000;
my $value = 'v' x 100;
$writer->converse(join '', map { "set stays:$_ 0 0 100 noreply\r\n$value\r\n" } $_ * 1000 .. $_ * 1000 + 999) for 0 .. $count / 1000 - 1;
write_fillers((1 .. 2000) x 3);
my @slow = map { $server->connect } 1 .. 40;
$_->shrink_receive_buffer(4096), $_->send("lru_crawler metadump all\r\n") for @slow;
write_fillers((1 .. 2000) x 3);
is $writer->ask('get stays:1'), crlf('VALUE stays:1 0 100', $value, 'END'), 'others are served meanwhile';
# All lines for all of them would be twice as much.
cmp_ok $server->memory_kib('VmHWM'), '<=', (64 + 4) * 1024, 'slow readers have no more than a step each' if !is_sanitized;
for my $slow (@slow[0, 1]) {
    my %seen = map { $_ => 1 } $slow->read_until("END\r\n") =~ /^key=stays%3A(\d+) /mg;
    is scalar(keys %seen), $count, 'every key that was there throughout is listed';
}
$_->close for @slow;

like $writer->converse("stats cachedump 1 10\r\n"), qr/\A(?:ITEM \S+ \[\d+ b; 0 s\]\r\n){10}END\r\n\z/, 'cachedump ends at its limit';
my $long = 'k' x 240;
$writer->converse(join '', map { sprintf "set %s%06d 0 0 1 noreply\r\nx\r\n", $long, $_ } $_ * 1000 .. $_ * 1000 + 999) for 0 .. 9;
my $cachedump = $writer->converse("stats cachedump 1 0\r\n");
cmp_ok length $cachedump, '<=', (2 << 20) + 5, 'cachedump ends at 2 MiB';
cmp_ok length $cachedump, '>', (2 << 20) - 300, 'and not before';
like $cachedump, qr/\r\nEND\r\n\z/, 'with whole lines';

my $closed = Larder->start(args => ['-X']);
converses $closed, '-X: metadump', ['lru_crawler metadump all'] => ['ERROR metadump not allowed'];
converses $closed, '-X: mgdump', ['lru_crawler mgdump all'] => ['ERROR key dump not allowed'];
converses $closed, '-X: cachedump', ['stats cachedump 1 0', 'stats cachedump'] => [('CLIENT_ERROR stats cachedump not allowed') x 2];
is $closed->stats('settings')->{dump_enabled}, 'no', '-X in the settings';
stops_cleanly $closed;

stops_cleanly $server;
done_testing;
