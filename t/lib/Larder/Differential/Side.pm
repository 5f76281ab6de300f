# One of the two servers that are compared: runs batches on it, and brings its replies into the form in which both
# should give them.
package Larder::Differential::Side;

use strict;
use warnings;

use Exporter qw(import);

use Larder;
use Larder::Differential::Commands;

our @EXPORT = qw(SIDE_ARGUMENTS);

# Without its maintainer memcached leaves expired items alone until a request finds them, and counts them then.
use constant SIDE_ARGUMENTS => ('-m', 512, '-t', 2, '-o', 'no_lru_maintainer');

# open($program, general => {NAME => 1...}, settings => {...}): the statistics that are compared.
sub open {
    my ($class, $program, %compared) = @_;
    local $ENV{LARDERD} = $program;
    my $server = Larder->start(args => [SIDE_ARGUMENTS]);
    return bless {
        server => $server,
        connections => [],
        compared => \%compared,
        unique => {},
        ordinal => {},
        next => 1,
        fences => 0,
    }, $class;
}

sub connection {
    my ($self, $number) = @_;
    return $self->{connections}[$number] //= $self->{server}->connect;
}

# Sends a batch and returns the reply as both sides should have it.
sub exchange {
    my ($self, $batch) = @_;
    my $connection = $self->connection($batch->{connection});
    my @commands = map { expanded($_, $self->{unique}) } @{$batch->{commands}};
    my ($bytes, $from, $inside) = (join('', @commands), 0, '');
    if ($batch->{inside}) {
        $from = int length($commands[0]) / 2;
        $connection->send(substr $bytes, 0, $from);
        $connection->wait_consumed('reading');
        $inside = $self->exchange($batch->{inside}) . "(inside)\r\n";
    }
    for my $cut (sort { $a <=> $b } map { int $_ * length $bytes } @{$batch->{cuts}}) {
        next if $cut <= $from;
        $connection->send(substr $bytes, $from, $cut - $from);
        $connection->wait_consumed('reading');
        $from = $cut;
    }
    my ($reply, $closed) = eval { $self->converse($connection, substr $bytes, $from) };
    return "no answer: $@" if !defined $reply;
    return $inside . $self->normal($reply) if !$closed;
    $connection->close;
    $self->{connections}[$batch->{connection}] = undef;
    return "${inside}closed\r\n";
}

# Sends the bytes and behind them a request whose answer nothing else can give: (what came before it, whether the server
# closed instead).
sub converse {
    my ($self, $connection, $bytes) = @_;
    my $fence = 'Ofence' . ++$self->{fences};
    my $sent = $connection->send($bytes . "ma fence $fence\r\n");
    my $reply = $sent ? eval { $connection->read_until("NF $fence\r\n") } : undef;
    return (substr($reply, 0, -length "NF $fence\r\n"), 0) if defined $reply;
    return ('', 1) if !$sent || $@ =~ /^closed while waiting/;
    die $@;
}

# Uniques become the order in which they were seen, a number loses its padding, and what runs with the clock is rounded.
sub normal {
    my ($self, $reply) = @_;
    $reply =~ s{^(VALUE (\S+(?:\t\S+)?) \d+ \d+) (\d+)\r$}{
        $self->{unique}{$2} = $3;
        "$1 #" . $self->ordinal($3) . "\r"
    }gem;
    # How far a number is padded depends on replies not sent yet (1.6.45) or on when they were sent (1.6.18).
    $reply =~ s/^(VALUE n\d \d+) \d+( #\d+)?\r\n(\d+) *\r$/$1 -@{[$2 \/\/ '']}\r\n$3\r/gm;
    $reply =~ s/^((?:HD|VA \d+)(?: [^\r\n]*)?)\r$/$self->normal_flags($1) . "\r"/gem;
    $reply =~ s/^ME ([^ ]+) exp=(\S+) la=\d+ cas=\d+ (fetch=\S+) cls=\d+ size=\d+\r$/"ME $1 " . ($2 == -1 ? 'stays' : rounded(-$2)) . " $3\r"/gem;
    $reply =~ s/^(?:PREFIX .*\r\n)+/join '', sort $& =~ m{.*\n}g/gem;
    $reply =~ s/^(?:STAT .*\r\n)+/$self->normal_stats($&)/gem;
    return $reply;
}

sub ordinal {
    my ($self, $unique) = @_;
    return $self->{ordinal}{$unique} //= $self->{next}++;
}

# Seconds left to live, of which some may have passed.
sub rounded {
    my ($seconds) = @_;
    return $seconds > 200_000 ? 'long' : '~' . int(($seconds + 20) / 100);
}

sub normal_flags {
    my ($self, $line) = @_;
    my ($key) = $line =~ / k([^ ]+)/;
    my ($unique) = $line =~ / c(\d+)/;
    $self->{unique}{$key} = $unique if defined $key && defined $unique;
    $line =~ s/(?<= c)(\d+)/'#' . $self->ordinal($1)/e;
    $line =~ s/(?<= t)(\d+)/rounded($1)/e;
    $line =~ s/(?<= l)\d+//;
    # The size and the padding of a number, as above.
    $line =~ s/ s\d+// if $line =~ / kn\d/;
    return $line;
}

# Those that are compared; of statistics that are kept for each class, none.
sub normal_stats {
    my ($self, $text) = @_;
    return $text if $text =~ /^STAT sizes_status/;
    my %value = $text =~ /^STAT (\S+) (.*)\r$/gm;
    my $names = $self->{compared}{exists $value{pid} ? 'general' : exists $value{maxbytes} ? 'settings' : 'none'};
    return join '', map { "STAT $_ " . ($value{$_} // 'is missing') . "\r\n" } sort keys %{$names // {}};
}

# Which keys are there, and whether each was fetched and lives for ever.
sub keys_left {
    my ($self) = @_;
    my $dump = wait_until sub {
        my $connection = $self->{server}->connect;
        $connection->send("lru_crawler metadump all\r\n");
        my $text = $connection->read_line;
        $text = $connection->read_line if $text eq "OK\r\n";
        $connection->close;
        # memcached's crawler may be at work on its own account.
        return $text =~ /^BUSY/ ? undef : $text;
    };
    return join ' ', sort map { /^key=(\S+) exp=(-1|\d).* fetch=(\w+)/ ? "$1:" . ($2 eq '-1' ? 'stays' : 'goes') . ":$3" : () }
        split /\n/, $dump // '';
}

sub close {
    my ($self) = @_;
    $_ && $_->close for @{$self->{connections}};
    return $self->{server}->stop;
}

1;
