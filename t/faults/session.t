#!/usr/bin/perl
# Whichever call fails while clients are served: an answer is right, an error that says what is short, or the
# connection is closed; others notice nothing, nothing is left behind, and the daemon goes on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Faults;

Larder::Faults::needed;

# A value is nothing but the name of its key and a dash, again and again, so that each can be known.
sub value { return "$_[0]-" x ($_[1] / 2) }

sub stored {
    my ($line, $value) = @_;
    return sprintf($line, length $value) . "\r\n$value\r\n";
}

my ($small, $middle, $large, $huge) = map { $_->[1] } map { [$_, value('a', $_)] } 10, 3000, 60_000, 200_000;
my @steps = (
    stored('set a 1 0 %d', $small), "get a b c\r\n", "gets a\r\n", stored('add a 0 0 %d', $small), stored('replace a 2 100 %d', $middle),
    stored('append a 0 0 %d', $small), stored('prepend a 0 0 %d', $small), "gat 100 a\r\ntouch a 0\r\n", stored('set a 3 0 %d', $large), "get a\r\n",
    stored('append a 0 0 %d', $small), "get a a a\r\n", stored('ms a %d c F5 T100', $huge), "mg a v t f s c k\r\n", stored('set a 0 0 %d', $huge),
    "get a\r\nget a\r\ndelete a\r\n", "set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 7\r\nget n\r\nma n N0 J3 v\r\nma x N0 J3 v\r\nmd x\r\n",
    stored('set a 0 0 %d', $large) . "get a\r\n" x 20, "mg y N30 v t\r\nmd y I\r\nmg y v\r\nmd y\r\n", "stats\r\n", "stats items\r\nstats slabs\r\n",
    "stats sizes\r\n", "stats settings\r\n", "stats conns\r\n", "stats detail on\r\nget p:1 q:2 r:3\r\nstats detail dump\r\nstats detail off\r\n",
    "lru_crawler metadump all\r\n", "lru_crawler mgdump all\r\n", "stats cachedump 1 0\r\n", stored('set a 0 0 %d', value('a', 1 << 21)), "stats reset\r\n",
    "stats latency\r\n", "stats hotkeys\r\n", "stats mrc\r\n", "stats segments\r\n",
    "cas a 0 0 2 99\r\na-\r\nverbosity 0\r\nme a\r\nbogus\r\n", "get a" . ' a' x 100 . "\r\n", 'get ' . 'k ' x 3000 . "\r\n",
);

my %values = map { $_ => value($_, 2 << 20) } 'a', 'b';
my $plain = qr/STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|END|OK|RESET|ERROR|\d+|(?:HD|EN|NS|EX|NF)(?: \S+)*/;
my $line_of = qr/$plain|(?:STAT|PREFIX|ITEM|ME|mg|SERVER_ERROR|CLIENT_ERROR|ERROR) [^\n]*|SERVER_ERROR|key=[^\n]*/;

# What is wrong with a reply, or nothing. The last may be cut off where the connection was closed.
sub fault_in {
    my ($reply, $closed) = @_;
    pos($reply) = 0;
    while (pos $reply < length $reply) {
        if ($reply =~ /\G(?:VALUE (\S+) \d+ (\d+)(?: \d+)?|VA (\d+)(?: \S+)*)\r\n/gc) {
            my $size = $2 // $3;
            my $data = substr $reply, pos $reply, $size;
            return 'a strange value: ' . substr $data, 0, 60
                if $data ne substr($values{substr $data, 0, 1} // '', 0, length $data) && $data !~ /\A\d{0,9} ?\z/;
            pos($reply) += length $data;
            return undef if $closed && pos $reply >= length($reply) - 1;
            return 'a value without an end' if $reply !~ /\G\r\n/gc;
        } elsif ($reply !~ /\G$line_of\r?\n/gc) {
            return undef if $closed && $reply !~ /\G[^\n]*\n/g;
            return 'no reply: ' . substr $reply, pos $reply // 0, 60;
        }
    }
    return undef;
}

# Plays all steps, with a new connection where one was closed, while somebody watches; what was wrong.
sub play {
    my ($server) = @_;
    my $connection;
    my @wrong;
    my $watcher = $server->connect;
    $watcher->send("watch fetchers mutations deletions\r\n");
    for my $step (@steps) {
        $connection //= eval { $server->connect };
        my ($reply, $closed) = eval { $connection->converse($step) };
        my $wrong = defined $reply ? fault_in($reply, $closed) : $@;
        push @wrong, substr($step, 0, 30) . ": $wrong" if defined $wrong;
        next if !$closed && !defined $wrong;
        $connection->close;
        undef $connection;
    }
    $connection->close if $connection;
    $watcher->close;
    return @wrong;
}

my $faults = Larder::Faults->new;
my $server = Larder->start(args => ['-t', 1, '-I', '1m'], environment => $faults->environment);
my $bystander = $server->connect;
is $bystander->converse("set b 0 0 2\r\nb-\r\n"), "STORED\r\n", 'a bystander';

is_deeply [play($server)], [], 'all steps without a fault';

my $blocks = $faults->blocks_after_crowd($server, $bystander);

for my $kind (qw(allocate read write accept)) {
    my (@wrong, $number);
    for ($number = 1; $number < 500; $number++) {
        my $hits = $faults->hits($kind);
        $faults->arm($kind, $number);
        push @wrong, map { "call $number: $_" } play($server);
        my $hit = $faults->hits($kind) > $hits;
        $faults->disarm($kind);
        my $reply = $bystander->converse("get b\r\n");
        push @wrong, "the bystander after call $number: $reply" if $reply ne "VALUE b 0 2\r\nb-\r\nEND\r\n";
        last if !$hit || $server->has_exited;
    }
    is_deeply \@wrong, [], "one call in vain of $kind, of " . ($number - 1);
}

for my $every (2, 3, 7, 13) {
    $faults->arm('allocate', $every, $every);
    is_deeply [play($server)], [], "each allocation number $every in vain";
    $faults->disarm('allocate');
}

play($server);
cmp_ok $faults->blocks_at_rest($bystander), '<=', $blocks, 'no memory is left behind';
is $bystander->converse("get b\r\n"), "VALUE b 0 2\r\nb-\r\nEND\r\n", 'the bystander was never disturbed';
$bystander->close;
stops_cleanly $server;

# A pause of the listeners needs a timer, which must not need memory then.
$faults = Larder::Faults->new;
$server = Larder->start(args => ['-t', 1], environment => $faults->environment);
$faults->arm($_, 1, 1) for 'allocate', 'accept';
my $client = $server->connect;
ok wait_until(sub { $faults->hits('accept') > 0 }), 'a client comes when descriptors and memory are short';
$faults->disarm($_) for 'accept', 'allocate';
is scalar(eval { $server->converse("get k\r\n") }), "END\r\n", 'then one when they are not';
$client->close;
stops_cleanly $server;
done_testing;
