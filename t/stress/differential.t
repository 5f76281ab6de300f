# The same random command streams to larder and to Debian's memcached, and the same replies.
#
#   SEED                    the stream; printed, so that a failure can be had again
#   DIFFERENTIAL_COMMANDS   how many commands (50000)
#   ORACLE                  the other server (/usr/bin/memcached)
#
# Commands come in batches that are pipelined and cut at random places. What the two versions answer differently
# stands in one table, KNOWN; such commands travel alone. On a mismatch the script is shrunk and printed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Larder;

my $oracle_path = $ENV{ORACLE} // '/usr/bin/memcached';
plan skip_all => "no $oracle_path to compare with" if !-x $oracle_path;

my $seed = $ENV{SEED} // (time * 1000) % 1_000_000_007;
my $commands = $ENV{DIFFERENTIAL_COMMANDS} // (is_sanitized ? 15_000 : 50_000);
my $per_server = 2000;
srand $seed;
diag "SEED=$seed DIFFERENTIAL_COMMANDS=$commands";

# ---- what 1.6.18 answers otherwise than 1.6.45

my $bad = qr/CLIENT_ERROR bad command line format\r\n/;
my $error = qr/ERROR\r\n/;
my $storage = qr/(?:set|add|replace|append|prepend|cas)/;
my $word = qr/[^ \r\n]+/;
# [which commands, what larder answers, what memcached 1.6.18 answers, why]
my @known = (
    [qr/^ ?\r\n/, $bad, $error, 'a line under four bytes is a bad line since 1.6.45'],
    [qr/^(?:get|gets|gat|gats|touch|incr|decr|delete|mg|ms|verbosity|$storage) *\r\n/, $bad, $error, 'too few arguments'],
    [qr/^gats? $word *\r\n/, $bad, qr/END\r\n/, 'a time without a key was an empty list of keys'],
    [qr/^(?:touch|incr|decr) (?!noreply)$word *\r\n/, $bad, $error, 'too few arguments'],
    [qr/^$storage(?: (?!noreply)$word){1,3} *\r\n/, $bad, $error, 'too few arguments'],
    [qr/^cas(?: $word){4} *\r\nzz/, $bad, qr/$error$error/, 'a cas without its unique has its body swallowed'],
    [qr/^$storage $word (?!\d+ -?\d+ )$word $word \d+.*\r\nzz/, $bad, qr/$bad$error/, 'a body behind a bad line is swallowed'],
    [qr/^cas $word \d+ \d+ \d+ (?:-1|abc|\d{20})\r\nzz/, $bad, qr/$bad$error/, 'the same for a bad unique'],
    [qr/^(?:$storage|ms) [^ \r\n]{251}.*\r\nzz/, $bad, qr/$bad$error/, 'the same for a long key'],
    [qr/^ +get/, $error, qr/(?:VALUE .*)?END\r\n/s, 'a leading space makes another command since 1.6.45'],
    [qr/^delete $word (?!0\r|noreply\r|0 noreply\r)/, qr/(?:DELETED|NOT_FOUND)\r\n/, qr/CLIENT_ERROR .*Usage.*\r\n/,
        'delete ignores every further argument'],
    [qr/^bogus.* noreply\r\n/, qr//, $error, 'noreply hides the error of an unknown command'],
);

# ---- the grammar: [weight, what makes one command]; $number and $body make what stands in it

my @keys = ((map { "key$_" } 1 .. 8), 'k', 'K' x 250, "t\tab", "\xff\x01");
my @counters = qw(n1 n2 n3);
my @times = (0, 0, 0, 0, 100, 100_000, 2_592_000, -1, -100, 2_592_001, 2_147_000_000);
my $letters = join '', map { chr(97 + $_ * 7 % 26) } 1 .. 1_300_000;

sub one_of { return $_[rand @_] }
sub a_key { return one_of(@keys) }
sub some_keys { return join ' ', map { rand() < 0.2 ? "none$_" : rand() < 0.2 ? one_of(@counters) : a_key() } 1 .. 1 + rand 5 }
sub silently { return rand() < 0.15 ? ' noreply' : '' }
sub body { return substr $letters, rand 90_000, $_[0] }

sub a_size {
    my $kind = rand;
    return int rand 40 if $kind < 0.8;
    return int rand 3000 if $kind < 0.96;
    return int rand 60_000 if $kind < 0.99;
    return one_of(100_000, 262_144, 500_000, 1_048_000);
}

sub a_value {
    my $size = a_size();
    my $value = body($size);
    substr $value, $size / 2, 4, "\r\n\0\n" if $size > 20 && rand() < 0.05;
    return $value;
}

sub store {
    my ($command, $key, $value, $unique) = @_;
    return join ' ', $command, $key, one_of(0, 0, 1, 77, 4_294_967_295), one_of(@times),
        length($value) . (defined $unique ? " $unique" : '') . silently() . "\r\n$value\r\n";
}

my @grammar = (
    [14, sub { store('set', a_key(), a_value()) }],
    [4, sub { store(one_of('add', 'replace'), a_key(), a_value()) }],
    [4, sub { store(one_of('append', 'prepend'), a_key(), body(rand 30)) }],
    [5, sub { my $key = a_key(); store('cas', $key, a_value(), rand() < 0.8 ? "{unique:$key}" : one_of('987654321987654', '18446744073709551615')) }],
    [16, sub { one_of('get ', 'get ', 'gets ') . some_keys() . "\r\n" }],
    [3, sub { one_of('gat ', 'gats ') . one_of(@times) . ' ' . some_keys() . "\r\n" }],
    [3, sub { 'touch ' . a_key() . ' ' . one_of(@times) . silently() . "\r\n" }],
    [3, sub { 'delete ' . a_key() . one_of('', '', ' 0', ' noreply', ' 0 noreply') . "\r\n" }],
    [4, sub { 'set ' . one_of(@counters) . ' 3 0 6' . silently() . "\r\n" . one_of(100_000, 123_456, 100_009, 999_990) . "\r\n" }],
    [8, sub { one_of('incr ', 'decr ') . one_of(@counters) . ' ' . one_of(0, 1, 1, 2, 9) . silently() . "\r\n" }],
    [1, sub { one_of('incr ', 'decr ') . a_key() . ' ' . one_of(1, '-1', 'abc', '1.5', '18446744073709551616') . silently() . "\r\n" }],
    [0.3, sub { 'flush_all' . one_of('', ' 0', ' noreply', ' 0 noreply', ' abc') . "\r\n" }],
    [1, sub { 'verbosity ' . one_of(0, 0, 'abc', '0 noreply') . "\r\n" }],
    [5, sub { 'mg ' . one_of(a_key(), a_key(), 'none') . join('', map { rand() < 0.4 ? " $_" : '' } shuffled('f', 's', 't', 'v'))
        . (rand() < 0.2 ? ' T' . one_of(@times) : '') . "\r\n" }],
    # E came after 1.6.18.
    [5, sub { my $value = a_value(); 'ms ' . a_key() . ' ' . length($value) . one_of('', ' F5', ' F0', ' F4294967295') . "\r\n$value\r\n" }],
    # Who stores anew. Not on counters: whether 1.6.18 writes over a number or stores it anew depends on replies not sent.
    [3, sub { 'mg ' . one_of(a_key(), 'viv1', 'viv2') . join('', map { rand() < 0.4 ? " $_" : '' } shuffled('h', 's', 't', 'u', 'v'))
        . one_of('', ' N100', ' N0', ' N-1', ' R50', ' R2000', ' R200000', ' R-1', ' N100 R2000 T100000') . one_of('', ' q', ' O1') . "\r\n" }],
    [2, sub { 'md ' . one_of(a_key(), 'viv1') . one_of('', ' q', ' k', ' T50', ' I', ' I', ' I', ' I T3000', ' I T-1', ' I q O2 k', ' I C999999999') . "\r\n" }],
    [1, sub { my $value = a_value(); 'ms ' . a_key() . ' ' . length($value) . one_of(' ME', ' MR', ' MS I', ' T3000', ' MR I q') . "\r\n$value\r\n" }],
    [1, sub { 'ms ' . a_key() . ' 3 ' . one_of('MA', 'MP', 'MA T70 F5', 'MP q k') . "\r\nxyz\r\n" }],
    [1, sub { 'ma ' . one_of(@counters) . one_of('', ' v', ' MD', ' M+ v', ' D9 q', ' M- D2 v', ' N0 J100000', ' N0 J100009 MD v', ' C999999999') . "\r\n" }],
    # Broken lines, whose body, if any, is no command.
    [0.5, sub { one_of('bogus', 'GET key1', 'gett key1', 'bogus a b c', 'stats bogus', 'set', 'get', 'delete', '', ' ', '  ', 'mg', 'ms key1',
        'gat 0', 'gats', 'touch', 'touch key1', 'incr n1', 'decr', 'verbosity', ' get key1', 'bogus noreply', 'delete none1 a b', 'mg key1 z',
        'mg key1 f f', 'mg key1 Tabc', 'mg key1 T', 'touch key1 abc', 'gat abc key1', 'incr n1 noreply', 'touch key1 noreply', 'set key1 0',
        'add key1 0 0', 'cas key1 0 0', 'ms key1 -1', 'ms key1 abc', 'get', "key\0nul") . "\r\n" }],
    [0.3, sub { one_of('set', 'add', 'replace', 'append') . ' key1 ' . one_of('abc 0', '1.5 0', '-1 0', '0 abc', '0 1x') . " 2\r\nzz\r\n" }],
    [0.3, sub { 'cas key1 0 0 2' . one_of('', ' -1', ' abc', ' 18446744073709551616') . "\r\nzz\r\n" }],
    [0.3, sub { one_of('set', 'prepend') . ' ' . 'L' x 251 . " 0 0 2\r\nzz\r\n" }],
    [0.2, sub { one_of('touch %s 0', 'incr %s 1', 'delete %s', 'mg %s', 'gat 0 %s', 'get %s') =~ s/%s/'L' x 251/er . "\r\n" }],
    [0.5, sub { one_of('set', 'replace', 'append') . ' key1 0 0 ' . one_of('-1', '3x', '2147483646', '4294967295', '1.5') . "\r\nnotacommand\r\n" }],
    [0.5, sub { one_of('set', 'add', 'append') . ' key2 0 0 3' . silently() . "\r\nabc and too much\r\n" }],
    [0.2, sub { 'ms key3 ' . one_of('3 F-1', '3 Fabc', '3 Z', '3 F1 F1', '3 noreply') . "\r\nabc\r\n" }],
    [0.05, sub { my $size = one_of(1_048_577, 1_200_000); 'set ' . a_key() . " 0 0 $size" . silently() . "\r\n" . body($size) . "\r\n" }],
);

sub shuffled {
    my @list = @_;
    return map { splice @list, rand @list, 1 } 1 .. @list;
}

my $weight_sum = 0;
$weight_sum += $_->[0] for @grammar;

sub a_command {
    my $at = rand $weight_sum;
    for my $row (@grammar) {
        return $row->[1]->() if ($at -= $row->[0]) < 0;
    }
    return "get key1\r\n";
}

# A row of KNOWN that this command meets.
sub known_difference {
    my ($command) = @_;
    return undef if length $command > 2000;
    for my $row (@known) {
        return $row if $command =~ $row->[0];
    }
    return undef;
}

sub travels_alone {
    my ($command) = @_;
    return $command =~ /\bL{251}/ || defined known_difference($command);
}

# A batch: {commands => [...], cuts => [places between 0 and 1]}
sub next_batches {
    my ($count) = @_;
    my (@batches, @gathered);
    my $flush = sub {
        push @batches, {commands => [@gathered], cuts => [map { rand } 1 .. one_of(0, 0, 1, 2, 5)]} if @gathered;
        @gathered = ();
    };
    my $size = one_of(1, 5, 20, 60);
    for (1 .. $count) {
        my $command = a_command();
        if (travels_alone($command)) {
            $flush->();
            push @batches, {commands => [$command], cuts => []};
            next;
        }
        push @gathered, $command;
        next if @gathered < $size;
        $flush->();
        $size = one_of(1, 5, 20, 60);
    }
    $flush->();
    return @batches;
}

# ---- one side of the comparison

package Side {
    sub open {
        my ($class, $path, @arguments) = @_;
        local $ENV{LARDERD} = $path;
        my $server = Larder->start(args => ['-m', 512, '-t', 2, @arguments]);
        return bless {server => $server, connection => $server->connect, unique => {}, ordinal => {}, next => 1}, $class;
    }

    # Sends a batch and returns the reply as both sides should have it.
    sub exchange {
        my ($self, $batch) = @_;
        my $bytes = join '', @{$batch->{commands}};
        $bytes =~ s/\{unique:([^}]*)\}/$self->{unique}{$1} \/\/ 999999999/ge;
        my $from = 0;
        for my $cut (sort { $a <=> $b } map { int $_ * length $bytes } @{$batch->{cuts}}) {
            $self->{connection}->send(substr $bytes, $from, $cut - $from);
            $self->{connection}->wait_consumed('reading');
            $from = $cut;
        }
        my ($reply, $closed) = eval { $self->{connection}->converse(substr $bytes, $from) };
        return "no answer: $@" if !defined $reply;
        return 'closed after: ' . $reply if $closed;
        return $self->normal($reply);
    }

    # Uniques become the order in which they were seen, a number loses its padding, a time to live that runs its number.
    sub normal {
        my ($self, $reply) = @_;
        $reply =~ s{^(VALUE (\S+(?:\t\S+)?) \d+ \d+) (\d+)\r$}{
            $self->{unique}{$2} = $3;
            "$1 #" . ($self->{ordinal}{"$2 $3"} //= $self->{next}++) . "\r"
        }gem;
        # How far a number is padded depends on replies not sent yet (1.6.45) or on when they were sent (1.6.18).
        $reply =~ s/^(VALUE n\d \d+) \d+( #\d+)?\r\n(\d+) *\r$/$1 -@{[$2 \/\/ '']}\r\n$3\r/gm;
        $reply =~ s/^((?:HD|VA \d+)[ \w-]*? t)[1-9]\d*(?=[ \r])/$1+/gm;
        return $reply;
    }

    sub close {
        my ($self, $signal) = @_;
        $self->{connection}->close;
        return $self->{server}->stop($signal);
    }
}

package main;

sub agree {
    my ($batch, $ours, $theirs) = @_;
    my $row = @{$batch->{commands}} == 1 ? known_difference($batch->{commands}[0]) : undef;
    return 0 if "$ours$theirs" =~ /^no answer/m;
    return $ours eq $theirs if !$row;
    # A server that is itself 1.6.18 may agree with the oracle.
    return 1 if !is_larder && $ours eq $theirs;
    return $ours =~ /\A$row->[1]\z/ && $theirs =~ /\A$row->[2]\z/;
}

# Runs a script on two fresh servers: nothing, or [batch number, our reply, theirs] of the first mismatch.
sub play {
    my ($script, $check_end) = @_;
    my $us = Side->open(server_path());
    my $them = Side->open($oracle_path);
    my $found;
    for my $number (0 .. $#$script) {
        my $batch = $script->[$number];
        my ($ours, $theirs) = ($us->exchange($batch), $them->exchange($batch));
        next if agree($batch, $ours, $theirs);
        $found = [$number, $ours, $theirs];
        last;
    }
    # memcached takes a second to end in good order.
    $them->close('KILL');
    my $status = $us->close;
    $found ||= [$#$script, 'ended with ' . ($status // 'no answer') . "\n" . $us->{server}->stderr, 'exit 0']
        if !defined $status || $status != 0;
    return $found;
}

# Leaves out whatever may be left out with the mismatch staying: batches, then commands, then cuts.
sub shrink {
    my (@script) = @_;
    my $end = time + 60;
    my $fails = sub { my $found = play([@_]); return $found };
    for (my $step = int(@script / 2); $step >= 1; $step = int($step / 2)) {
        for (my $at = 0; $at < @script && time < $end;) {
            my @less = @script;
            splice @less, $at, $step;
            if (@less && $fails->(@less)) { @script = @less }
            else { $at += $step }
        }
    }
    for my $index (0 .. $#script) {
        for my $part ('cuts', 'commands') {
            for (my $at = 0; $at < @{$script[$index]{$part}} && time < $end;) {
                my @kept = @{$script[$index]{$part}};
                splice @kept, $at, 1;
                my @less = @script;
                $less[$index] = {%{$script[$index]}, $part => \@kept};
                if ($fails->(@less)) { @script = @less }
                else { $at++ }
            }
        }
    }
    return grep { @{$_->{commands}} } @script;
}

# ---- the run

my ($done, $failures) = (0, 0);
while ($done < $commands && !$failures) {
    my $count = $commands - $done < $per_server ? $commands - $done : $per_server;
    my @script = next_batches($count);
    my $found = play(\@script);
    $done += $count;
    next if !$found;
    $failures++;
    diag 'they differ; shrinking the script';
    my @short = shrink(@script[0 .. $found->[0]]);
    my $last = play(\@short) // $found;
    diag 'the shortest script that shows it:';
    diag escaped(join '', @{$_->{commands}}) . (@{$_->{cuts}} ? "(cut at @{$_->{cuts}})" : '') for @short;
    diag 'larder: ' . escaped($last->[1]);
    diag 'memcached: ' . escaped($last->[2]);
}
is $failures, 0, "$done commands, the same replies";

done_testing;
