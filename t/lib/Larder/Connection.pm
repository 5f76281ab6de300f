# One client connection: bytes out, bytes in, each wait with a deadline.
package Larder::Connection;

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Handle;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(IPPROTO_TCP SO_RCVBUF SOL_SOCKET SOCK_STREAM TCP_NODELAY);
use Time::HiRes qw(time);

use constant SIOCOUTQ => 0x5411;

sub connect_unix {
    my ($class, $path) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path)
        or die "cannot connect to $path: $!\n";
    return $class->adopt($socket);
}

# A true $patience waits for no answer: the server may be out of descriptors, and send_some tells when it took us.
sub connect_tcp {
    my ($class, $host, $port, $patience) = @_;
    my $socket = IO::Socket::IP->new(
        PeerHost => $host,
        PeerPort => $port,
        Type => SOCK_STREAM,
        Blocking => $patience ? 0 : 1,
        )
        or die "cannot connect to $host:$port: $@\n";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    return $class->adopt($socket);
}

sub adopt {
    my ($class, $socket) = @_;
    $socket->blocking(0);
    binmode $socket;
    return bless {socket => $socket, buffer => '', ended => 0}, $class;
}

sub socket { return $_[0]{socket} }

sub close {
    my ($self) = @_;
    CORE::close $self->{socket};
}

# A small receive buffer makes a slow reader slow at once.
sub shrink_receive_buffer {
    my ($self, $bytes) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_RCVBUF, $bytes;
}

sub deadline { return time + Larder::deadline_seconds() }

# Waits for one turn of what is asked: reads what has come in, and says whether the socket takes bytes.
sub turn {
    my ($self, $reading, $writing, $end) = @_;
    my $wait = $end - time;
    die "deadline passed\n" if $wait <= 0;
    my $bits = '';
    vec($bits, fileno($self->{socket}), 1) = 1;
    my ($readable, $writable) = ($reading ? $bits : '', $writing ? $bits : '');
    my $ready = select $readable, $writable, undef, $wait;
    return 0 if $ready <= 0;
    $self->fill if $reading && vec($readable, fileno($self->{socket}), 1);
    return $writing && vec($writable, fileno($self->{socket}), 1);
}

# Takes what the socket holds now, without waiting.
sub fill {
    my ($self) = @_;
    my $read = sysread $self->{socket}, $self->{buffer}, 1 << 18, length $self->{buffer};
    return if !defined $read && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
    $self->{ended} = 1 if !$read;
}

# Sends everything, taking in replies meanwhile so that neither side can wait for the other; false when the server
# has closed.
sub send {
    my ($self, $bytes) = @_;
    my ($sent, $end) = (0, deadline());
    while ($sent < length $bytes) {
        my $wrote = syswrite $self->{socket}, $bytes, length($bytes) - $sent, $sent;
        if (defined $wrote) {
            $sent += $wrote;
            $end = deadline();
            next;
        }
        return 0 if $! != EAGAIN && $! != EWOULDBLOCK && $! != EINTR;
        return 0 if $self->{ended};
        $self->turn(1, 1, $end);
    }
    return 1;
}

# Sends without ever reading: how many bytes the socket took.
sub send_some {
    my ($self, $bytes) = @_;
    return syswrite($self->{socket}, $bytes) // 0;
}

# Waits until the server has taken every byte sent out of a unix socket; with $reading it takes in replies meanwhile,
# for a server whose replies nobody reads does not read either. Dies after $seconds, if they are given.
sub wait_consumed {
    my ($self, $reading, $seconds) = @_;
    my $end = $seconds ? time + $seconds : deadline();
    while (1) {
        $self->fill if $reading;
        my $left = pack 'i', 0;
        ioctl $self->{socket}, SIOCOUTQ, $left or die "SIOCOUTQ: $!\n";
        return if unpack('i', $left) == 0;
        die "deadline passed before the server read\n" if time > $end;
        select undef, undef, undef, 0.0002;
    }
}

sub take {
    my ($self, $length) = @_;
    return substr $self->{buffer}, 0, $length, '';
}

sub pending { return length $_[0]{buffer} }

sub read_exactly {
    my ($self, $length) = @_;
    my $end = deadline();
    while (length $self->{buffer} < $length) {
        die "closed after " . length($self->{buffer}) . " of $length bytes\n" if $self->{ended};
        my $before = length $self->{buffer};
        $self->turn(1, 0, $end);
        $end = deadline() if length $self->{buffer} > $before;
    }
    return $self->take($length);
}

# Up to and including the first $terminator.
sub read_until {
    my ($self, $terminator) = @_;
    my ($end, $from) = (deadline(), 0);
    while (1) {
        my $at = index $self->{buffer}, $terminator, $from;
        return $self->take($at + length $terminator) if $at >= 0;
        die 'closed while waiting; so far: ' . Larder::escaped($self->{buffer}) . "\n" if $self->{ended};
        $from = length($self->{buffer}) - length($terminator) + 1;
        $from = 0 if $from < 0;
        my $before = length $self->{buffer};
        eval { $self->turn(1, 0, $end); 1 }
            or die 'deadline passed; so far: ' . Larder::escaped($self->{buffer}) . "\n";
        $end = deadline() if length $self->{buffer} > $before;
    }
}

sub read_line { return $_[0]->read_until("\r\n") }

# Everything until the server closes.
sub read_to_close {
    my ($self) = @_;
    my $end = deadline();
    while (!$self->{ended}) {
        eval { $self->turn(1, 0, $end); 1 }
            or die 'not closed; so far: ' . Larder::escaped($self->{buffer}) . "\n";
    }
    return $self->take(length $self->{buffer});
}

# Sends $bytes and a meta no-op behind it: what came before its answer, and in a list also whether the server closed
# instead. The bytes must not hold a no-op themselves.
sub converse {
    my ($self, $bytes) = @_;
    $self->send($bytes . "mn\r\n");
    my $end = deadline();
    while ($self->{buffer} !~ /MN\r\n\z/) {
        return wantarray ? ($self->take(length $self->{buffer}), 1) : $self->take(length $self->{buffer})
            if $self->{ended};
        my $before = length $self->{buffer};
        eval { $self->turn(1, 0, $end); 1 }
            or die 'no answer to the no-op; so far: ' . Larder::escaped($self->{buffer}) . "\n";
        $end = deadline() if length $self->{buffer} > $before;
    }
    my $reply = $self->take(length $self->{buffer});
    substr $reply, -4, 4, '';
    return wantarray ? ($reply, 0) : $reply;
}

sub ask {
    my ($self, @lines) = @_;
    my ($reply, $closed) = $self->converse(Larder::crlf(@lines));
    die "closed by the server after '$reply'\n" if $closed;
    return $reply;
}

# [name, value] pairs in the order of the reply.
sub stat_pairs {
    my ($self, $what) = @_;
    my $reply = $self->ask(defined $what && $what ne '' ? "stats $what" : 'stats');
    return map { /^STAT (\S+) ?(.*)$/ ? [$1, $2] : () } split /\r\n/, $reply;
}

sub stats {
    my ($self, $what) = @_;
    return {map { @$_ } $self->stat_pairs($what)};
}

1;
