# watch: every kind of line, with every field, and what the command itself answers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

larder_only('memcached tells its watchers late, and of other things besides');

my $server = Larder->start(args => ['-t', 2, '-m', 64]);

# A connection that was told OK; `lines` reads the next so many, without ts, gid and descriptors.
sub watcher {
    my ($from, $kinds) = @_;
    my $connection = $from->connect;
    $connection->send("watch $kinds\r\n");
    my $answer = $connection->read_line;
    die "watch $kinds: $answer" if $answer ne "OK\r\n";
    return $connection;
}

sub lines {
    my ($watcher, $count) = @_;
    my @lines = map { $watcher->read_until("\n") } 1 .. $count;
    for (@lines) {
        die "not a line: $_" if !s/\Ats=\d+\.\d{6} gid=\d+ //;
        s/ cfd=\d+/ cfd=N/;
        chomp;
    }
    return @lines;
}

# What $client sends makes exactly these lines: one more request marks their end.
sub tells {
    my ($watcher, $client, $sent, @expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $client->ask(@$sent);
    $client->ask('get mark', 'set mark 0 0 1', 'x', 'delete mark');
    my @found;
    while (@found <= @expected) {
        my ($line) = lines($watcher, 1);
        push @found, $line;
        last if $line =~ / key=mark /;
    }
    pop @found if @found && $found[-1] =~ / key=mark /;
    my $marks = $watcher->{marks} - 1;
    lines($watcher, $marks) if $marks > 0;
    return is_deeply(\@found, \@expected, join ' ', map { substr $_, 0, 40 } @$sent);
}

my $client = $server->connect;

# fetchers: each look-up, also those that storing commands begin with
{
    my $watcher = watcher($server, 'fetchers');
    $watcher->{marks} = 3;
    my $get = 'type=item_get key=%s status=%s clsid=%d cfd=N size=%d';
    my $miss = sub { sprintf $get, $_[0], 'not_found', 0, 0 };
    my $hit = sub { sprintf $get, $_[0], 'found', 1, $_[1] };
    tells($watcher, $client, ['get a'], $miss->('a'));
    tells($watcher, $client, ['set a 0 0 1', '1'], $miss->('a'));
    tells($watcher, $client, ['set a 0 0 3', '123'], $hit->('a', 1));
    tells($watcher, $client, ['get a none a'], $hit->('a', 3), $miss->('none'), $hit->('a', 3));
    tells($watcher, $client, ['gets a', 'gat 0 a', 'touch a 0'], ($hit->('a', 3)) x 3);
    tells($watcher, $client, ['touch none 0', 'incr none 1', 'delete none'], ($miss->('none')) x 3);
    tells($watcher, $client, ['incr a 1'], $hit->('a', 3));
    tells($watcher, $client, ['mg a v', 'mg a', 'mg a T0', 'me a', 'ma a'], ($hit->('a', 3)) x 5);
    tells($watcher, $client, ['mg none v q', 'mg made N30'], $miss->('none'), $miss->('made'));
    tells($watcher, $client, ['md a I', 'md a', 'md a'], $hit->('a', 3), $hit->('a', 3), $miss->('a'));
    tells($watcher, $client, ['set e 0 -1 1', 'x', 'get e'], $miss->('e'), sprintf($get, 'e', 'expired', 0, 0));
    tells($watcher, $client, ['set big 0 0 100000', 'x' x 100_000, 'get big'], $miss->('big'), $hit->('big', 100_000));
    my $odd = join '', map { chr } grep { $_ != 32 && $_ != 10 && $_ != 13 && $_ != 0 } 1 .. 240;
    (my $encoded = $odd) =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
    tells($watcher, $client, ["get $odd"], $miss->($encoded));
    my $long = "\xff" x 250;
    tells($watcher, $client, ["get $long"], $miss->('%FF' x 250));
    $client->ask('set f 0 0 1', 'x');
    lines($watcher, 1);
    tells($watcher, $client, ['flush_all', 'get f'], sprintf $get, 'f', 'flushed', 0, 0);
    $watcher->close;
}

# mutations: what was stored, or why it was not
{
    my $watcher = watcher($server, 'mutations');
    $watcher->{marks} = 1;
    my $line = sub { sprintf 'type=item_store key=%s status=%s cmd=%s ttl=%d clsid=%d cfd=N size=%d', @_ };
    my $long = 'x' x 100_000;
    tells($watcher, $client, ['set a 0 0 1', '1'], $line->('a', 'stored', 'set', 0, 1, 1));
    tells($watcher, $client, ['set a 0 100 2', '12'], $line->('a', 'stored', 'set', 100, 1, 2));
    tells($watcher, $client, ['set e 0 -1 2', '12'], $line->('e', 'stored', 'set', -1, 1, 2));
    tells($watcher, $client, ['set big 0 0 100000', $long], $line->('big', 'stored', 'set', 0, 1, 100_000));
    tells($watcher, $client, ['add a 0 0 3', '123'], $line->('a', 'not_stored', 'add', 0, 1, 3));
    tells($watcher, $client, ['add b 0 0 3', '123'], $line->('b', 'stored', 'add', 0, 1, 3));
    tells($watcher, $client, ['replace b 0 0 4', '1234'], $line->('b', 'stored', 'replace', 0, 1, 4));
    tells($watcher, $client, ['replace none 0 0 4', '1234'], $line->('none', 'not_stored', 'replace', 0, 1, 4));
    tells($watcher, $client, ['append b 0 0 4', '1234'], $line->('b', 'stored', 'append', 0, 1, 8));
    tells($watcher, $client, ['prepend b 0 0 1', '1'], $line->('b', 'stored', 'prepend', 0, 1, 9));
    tells($watcher, $client, ['cas a 0 0 1 1', '1'], $line->('a', 'exists', 'cas', 0, 1, 1));
    tells($watcher, $client, ['cas none 0 0 1 1', '1'], $line->('none', 'not_found', 'cas', 0, 1, 1));
    tells($watcher, $client, ['set a 0 0 2000000', 'x' x 2_000_000], $line->('a', 'too_large', 'set', 0, 0, 2_000_000));
    tells($watcher, $client, ['ms b 1 T30', 'x', 'ms b 1 MR', 'x'],
        $line->('b', 'stored', 'set', 30, 1, 1), $line->('b', 'stored', 'replace', 0, 1, 1));
    tells($watcher, $client, ['ma new N0 J17'], $line->('new', 'stored', 'add', 0, 1, 2));
    tells($watcher, $client, ['ms Zm9v 1 b', 'x'], $line->('foo', 'stored', 'set', 0, 1, 1));
    tells($watcher, $client, ['incr new 1', 'touch new 0', 'get new', 'delete new', 'set bad 0 0 1', 'xyz']);
    $watcher->close;
}

# deletions
{
    my $watcher = watcher($server, 'deletions');
    $watcher->{marks} = 1;
    $client->ask('set a 0 0 5', '12345', 'set b 0 0 6', '123456', 'set c 0 0 1', 'x');
    tells($watcher, $client, ['delete a', 'delete a'], 'type=deleted key=a cmd=delete clsid=1 cfd=N size=5');
    tells($watcher, $client, ['md b', 'md b', 'md c I'], 'type=deleted key=b cmd=md clsid=1 cfd=N size=6');
    $watcher->close;
}

# Several kinds, gid in the order of what one worker did; the class is the one of `stats items`.
{
    my $watcher = watcher($server, 'mutations fetchers');
    $client->ask('set both 0 0 1', 'x');
    my @lines = map { $watcher->read_until("\n") } 1 .. 2;
    my @ids = map { /gid=(\d+) / } @lines;
    is $ids[1], $ids[0] + 1, 'gids follow each other';
    like $lines[0], qr/item_get/, 'the look-up comes first';
    my ($class) = $lines[1] =~ /clsid=(\d+)/;
    ok exists $client->stats('items')->{"items:$class:number"}, 'clsid is a class of stats items';
    my ($descriptor) = $lines[1] =~ /cfd=(\d+)/;
    my %conns = %{$client->stats('conns')};
    is $conns{"$descriptor:state"}, 'conn_parse_cmd', 'cfd is the descriptor of stats conns';
    is scalar(grep { $_ eq 'conn_watch' } values %conns), 1, 'which shows the watcher too';
    my ($seconds) = $lines[0] =~ /\Ats=(\d+)/;
    cmp_ok abs($seconds - time), '<', 100, 'ts is now';
    $watcher->close;
}

# evictions and sysevents, of a small store that is written three times over
{
    my $small = Larder->start(args => ['-t', 1, '-m', 8]);
    my $writer = $small->connect;
    $writer->ask('set seen 0 0 10', '0123456789', 'get seen');
    my $evictions = watcher($small, 'evictions');
    my $number = 0;
    while (1) {
        $writer->converse(join '', map { $number++; "set key$number 0 1000 5000 noreply\r\n" . 'x' x 5000 . "\r\n" } 1 .. 50);
        $evictions->fill;
        last if $evictions->pending > 5000 || $number > 20_000;
    }
    my ($line) = lines($evictions, 1);
    my $wanted = qr/\Atype=eviction key=\w+ fetch=(?:yes|no) ttl=(?:-1|9\d\d|1000) la=\d+ clsid=1 size=(?:10|5000)\z/;
    like $line, $wanted, 'an eviction';
    my @evicted = ($line, map { lines($evictions, 1) } 1 .. 20);
    is scalar(grep { $_ !~ $wanted } @evicted), 0, 'all of them';
    ok scalar(grep { / ttl=(?:9\d\d|1000) / } @evicted), 'with the time that was left';
    my ($key) = $evicted[-1] =~ /key=(\w+)/;
    is $writer->ask("get $key"), crlf('END'), 'the key is gone';
    $evictions->close;
    my $events = watcher($small, 'sysevents');
    while (1) {
        $writer->converse(join '', map { $number++; "set key$number 0 0 5000 noreply\r\n" . 'x' x 5000 . "\r\n" } 1 .. 50);
        $events->fill;
        last if $events->pending > 300 || $number > 40_000;
    }
    like((lines($events, 1))[0],
        qr/\Atype=segment_emptied segment=\d+ queue=(?:small|main) reason=(?:eviction|compaction) items=\d+ kept_bytes=\d+\z/,
        'a segment is emptied');
    stops_cleanly $small;
}

# The command itself.
converses $server, 'an unknown kind', ['watch bogus', 'watch fetchers bogus', 'watch fetchers noreply'] => [('ERROR') x 3];
converses $server, 'nothing may be on its way to the client', ['mg nothing', 'watch fetchers'] =>
    ['EN', 'ERROR cannot pipeline other commands before watch'];
{
    my $watcher = $server->connect;
    $watcher->send("watch\r\n");
    is $watcher->read_line, "OK\r\n", 'without a kind';
    $client->ask('get plain');
    like((lines($watcher, 1))[0], qr/type=item_get key=plain /, 'it means fetchers');
    $watcher->send("get a\r\nwatch mutations\r\nquit\r\n\x80nonsense");
    $client->ask('get heard', 'set still 0 0 1', 'x');
    is_deeply [map { /key=(\w+)/ } lines($watcher, 2)], ['heard', 'still'], 'what it says is not heard';
    $watcher->close;
}
{
    my $watcher = watcher($server, 'rawcmds proxyreqs proxyevents proxyuser fetchers');
    $client->ask('get x');
    like((lines($watcher, 1))[0], qr/type=item_get key=x /, "the proxy's kinds are accepted");
    my $second = watcher($server, 'fetchers');
    $client->ask('get y');
    like((lines($_, 1))[0], qr/key=y /, 'two watchers, each is told') for $watcher, $second;
    $second->close;
    ok wait_until(sub { $client->stats->{log_watchers} == 1 }), 'one leaves';
    $client->ask('get z');
    like((lines($watcher, 1))[0], qr/key=z /, 'the other one is told still');
    $watcher->close;
    ok wait_until(sub { $client->stats->{log_watchers} == 0 }), 'nobody watches';
}
{
    my $refusing = Larder->start(args => ['-W']);
    converses $refusing, '-W', ['watch', 'watch fetchers', 'watch bogus', 'get a', 'watch fetchers'] =>
        [('CLIENT_ERROR watch commands not allowed') x 3, 'END', 'CLIENT_ERROR watch commands not allowed'];
    stops_cleanly $refusing;
}
{
    my $narrow = Larder->start(args => ['-m', 16, '-o', 'watcher_logbuf_size=1100']);
    my $watcher = watcher($narrow, 'fetchers');
    converses $narrow, 'no memory for a second buffer', ['watch', 'get none'] =>
        ['WATCHER_FAILED failed to add log watcher', 'END'];
    $watcher->close;
    stops_cleanly $narrow;
}

stops_cleanly $server;
done_testing;
