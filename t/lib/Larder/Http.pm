# The admin endpoint of a server under test, over plain sockets.
package Larder::Http;

use strict;
use warnings;

use Larder;
use Larder::Connection;

# The endpoint of a server that was started with -o admin=127.0.0.1:0.
sub of {
    my ($class, $server) = @_;
    my $port = Larder::wait_until(sub { $server->stderr =~ m{^larderd: admin page: http://[^/]*:(\d+)/$}m && $1 })
        or die "no admin page:\n" . $server->stderr;
    return bless {port => $port}, $class;
}

sub port { return $_[0]{port} }

sub url { return "http://127.0.0.1:$_[0]{port}/" }

sub connect { return Larder::Connection->connect_tcp('127.0.0.1', $_[0]{port}) }

sub request_bytes {
    my ($self, $method, $target, @headers) = @_;
    unshift @headers, "Host: 127.0.0.1:$self->{port}" if !grep { /^Host:/ } @headers;
    return Larder::crlf("$method $target HTTP/1.1", (grep { $_ ne 'Host:' } @headers), '');
}

# The next reply of a connection: {status, headers by lower-case name, body}.
sub read_reply {
    my ($self, $connection, $has_body) = @_;
    my $head = $connection->read_until("\r\n\r\n");
    my ($status) = $head =~ m{^HTTP/1\.\d (\d+) } or die "no reply: $head";
    my %headers = map { /^([^:]+): *(.*?)\r?$/ ? (lc $1 => $2) : () } split /\n/, $head;
    my $size = $has_body ? $headers{'content-length'} // 0 : 0;
    return {status => $status, headers => \%headers, body => $connection->read_exactly($size)};
}

# One request on a connection of its own.
sub ask {
    my ($self, $method, $target, @headers) = @_;
    my $connection = $self->connect;
    $connection->send($self->request_bytes($method, $target, 'Connection: close', @headers));
    my $reply = $self->read_reply($connection, $method ne 'HEAD');
    $connection->close;
    return $reply;
}

sub get {
    my ($self, $target, @headers) = @_;
    return $self->ask('GET', $target, @headers);
}

# Samples of /metrics by name and labels, and types by name.
sub metrics {
    my ($self) = @_;
    my $body = $self->get('/metrics')->{body};
    my %samples = $body =~ /^(\w+(?:\{[^}]*\})?) (\S+)$/mg;
    my %types = $body =~ /^# TYPE (\w+) (\w+)$/mg;
    return (\%samples, \%types, $body);
}

1;
