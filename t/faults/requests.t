#!/usr/bin/perl
# The requests of t/protocol/requests.tsv while every Nth call of a kind fails: each is answered as ever, or by an error
# that says what is short, or its connection is closed. The daemon lives, others are served, nothing is left behind.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Faults;

Larder::Faults::needed;

my %byte_of = (r => "\r", n => "\n", t => "\t", '\\' => '\\');

sub bytes_of_cell { return $_[0] =~ s/\\(?:x([0-9a-f]{2})|(.))/defined $1 ? chr hex $1 : $byte_of{$2}/ger }

# [sent, answered]; what is watched is another's to answer.
my @rows;
for my $line (split /\n/, Larder::read_file("$FindBin::Bin/../protocol/requests.tsv")) {
    next if $line =~ /^#/;
    my ($kind, $in_original, $sent, $answered) = split /\t/, $line;
    push @rows, [bytes_of_cell($sent), bytes_of_cell($answered // '')];
}
cmp_ok scalar @rows, '>', 1500, 'the table is read';

my $items = crlf('flush_all', 'set a 5 0 3', 'abc', 'set n 7 0 2', '10');
my $stored = crlf('OK', 'STORED', 'STORED');
my $shortage = qr/^(?:SERVER_)?ERROR (?:[Oo]ut of memory[^\r\n]*|WATCHER[^\r\n]*|failed[^\r\n]*)\r$|^SERVER_ERROR\r$/m;

my $faults = Larder::Faults->new;
my $server = Larder->start(args => ['-t', 1], no_debug => 1, environment => $faults->environment);
my $bystander = $server->connect;

# A connection to a server that has the two items, if that can be had while calls fail.
sub prepared {
    my ($connection) = @_;
    for (1 .. 50) {
        $connection //= eval { $server->connect } // next;
        my ($reply, $closed) = eval { $connection->converse($items) };
        return $connection if !$closed && ($reply // '') eq $stored;
        $connection->close;
        undef $connection;
    }
    return undef;
}

# A request that comes in two pieces needs a buffer meanwhile.
sub converse_in_two {
    my ($connection, $size, $sent) = @_;
    if ($size > 0) {
        $connection->send(substr $sent, 0, $size);
        eval { $connection->wait_consumed('reading') };
    }
    return $connection->converse(substr $sent, $size);
}

# What is wrong with the answers to every $step-th row, and how many were right, and errors, and cut off.
sub play {
    my ($step, $first) = @_;
    my ($connection, @wrong);
    srand $first;
    my %count = (right => 0, short => 0, closed => 0);
    for (my $number = $first % $step; $number < @rows; $number += $step) {
        my ($sent, $answered) = @{$rows[$number]};
        $connection = prepared($connection) or return (\%count, "row $number: no connection");
        my ($reply, $closed) = eval { converse_in_two($connection, rand() < 0.5 ? int(length($sent) / 2) : 0, $sent) };
        if (!defined $reply) { push @wrong, escaped($sent) . " has no end: $@" }
        elsif ($reply eq $answered && !$closed) { $count{right}++ }
        elsif ($reply =~ $shortage) { $count{short}++ }
        elsif ($closed && $answered =~ /^\Q$reply\E/) { $count{closed}++ }
        else { push @wrong, escaped($sent) . ' is answered ' . escaped($reply) }
        next if defined $reply && !$closed && rand() < 0.7;
        $connection->close;
        undef $connection;
    }
    $connection->close if $connection;
    return (\%count, @wrong);
}

sub is_right {
    my ($name, $step, $first) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($count, @wrong) = play($step, $first);
    is scalar @wrong, 0, "$name: $count->{right} right, $count->{short} short, $count->{closed} closed"
        or diag join "\n", @wrong[0 .. (@wrong > 5 ? 5 : $#wrong)];
    return $count;
}

is_right 'without a fault', 1, 0;

my $blocks = $faults->blocks_after_crowd($server, $bystander);

my %every = (
    allocate => [2, 3, 7, 13], read => [3, 7, 31], write => [3, 7, 31], accept => [2, 3], interrupt => [2, 3], again => [2, 3],
);
my $round = 0;
for my $kind (sort keys %every) {
    for my $every (@{$every{$kind}}) {
        my $hits = $faults->hits($kind);
        $faults->arm($kind, $every, $every);
        my $count = is_right "$kind number $every fails", 2, $round++;
        $faults->disarm($kind);
        cmp_ok $faults->hits($kind), '>', $hits, 'and some did';
        is $count->{short} + $count->{closed}, 0, 'nobody notices' if $kind =~ /^(?:interrupt|again)$/;
        is scalar(eval { $bystander->converse("get none\r\n") }), "END\r\n", 'then the bystander is served';
    }
}

is_right 'without a fault again', 1, 0;
cmp_ok $faults->blocks_at_rest($bystander), '<=', $blocks, 'no memory is left behind';

# The thread of watchers, and what it wants, when they can't be had; then they can.
for my $kind ('thread', 'descriptor', 'allocate') {
    my $fresh = Larder->start(args => ['-t', 1], environment => $faults->environment);
    $faults->arm($kind, 1, 1);
    my $watcher = $fresh->connect;
    $watcher->send("watch fetchers\r\n");
    my $reply = eval { $watcher->read_line } // 'closed';
    like $reply, qr/^(?:WATCHER_FAILED|SERVER_ERROR|ERROR|closed)/, "no $kind for a watcher: " . escaped($reply);
    $faults->disarm($kind);
    $watcher->close;
    $watcher = $fresh->connect;
    $watcher->send("watch fetchers\r\n");
    is eval { $watcher->read_line }, "OK\r\n", 'then one is taken';
    $fresh->converse("get seen\r\n");
    like eval { $watcher->read_until("\n") } // $@, qr/key=seen/, 'and told';
    $watcher->close;
    stops_cleanly $fresh;
}

$bystander->close;
stops_cleanly $server;
done_testing;
