#!/usr/bin/perl
# What systemd and larderd tell each other: readiness, reload, stop, signs of life, and sockets that are handed over.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;

use Larder;
use Larder::Tls;

larder_only('memcached has none of it');

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $socket_count = 0;

# A socket that plays systemd's: (socket, environment).
sub manager {
    my $path = "$directory/notify" . $socket_count++;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
    return ($socket, {NOTIFY_SOCKET => $path});
}

# The next message, as a hash.
sub told {
    my ($socket) = @_;
    return {} if !IO::Select->new($socket)->can_read(deadline_seconds());
    $socket->recv(my $message, 4096);
    return {$message =~ /^(\w+)=(.*)$/mg};
}

{
    my ($socket, $environment) = manager();
    my $server = Larder->start(environment => $environment);
    is told($socket)->{READY}, 1, 'READY once it listens';
    $server->signal('HUP');
    my $reloading = told($socket);
    is $reloading->{RELOADING}, 1, 'HUP: RELOADING';
    like $reloading->{MONOTONIC_USEC}, qr/^\d+$/, 'since when';
    is told($socket)->{READY}, 1, 'and READY';
    converses $server, 'it still serves', ['get k'] => ['END'];
    stops_cleanly $server;
    is told($socket)->{STOPPING}, 1, 'TERM: STOPPING';
}

{
    my ($socket, $environment) = manager();
    my $server = Larder->start(environment => $environment, args => ['-A']);
    told($socket);
    $server->connect->send("shutdown\r\n");
    is told($socket)->{STOPPING}, 1, 'shutdown: STOPPING';
    is $server->stop(0), 0, 'and the end';
}

{
    my ($socket, $environment) = manager();
    my $server = Larder->start(environment => {%$environment, WATCHDOG_USEC => 20000});
    is told($socket)->{READY}, 1, 'READY before signs of life';
    is told($socket)->{WATCHDOG}, 1, 'a sign of life' for 1 .. 3;
    stops_cleanly $server;
}

{
    my ($socket, $environment) = manager();
    my $server = Larder->start(environment => $environment, args => ['-d', '-P', "$directory/none/larderd.pid"]);
    is told($socket)->{READY}, 1, 'READY in spite of a pid file that can not be written';
    like $server->stderr, qr/going on without .*larderd\.pid: the service manager knows the process/, 'which is logged';
    is $server->stats->{pid}, $server->pid, '-d has no effect: it is the process that was started';
    stops_cleanly $server;
}

# ---- sockets that are handed over

my $tcp = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
my $unix_path = "$directory/cache";
my $unix = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $unix_path, Listen => 64) or die "$unix_path: $!";

{
    my $server = Larder->start(inherited => [$tcp, $unix], unix_path => $unix_path, listen => ['-p', '1', '-l', '192.0.2.1']);
    converses $server, 'the unix socket', ['set k 0 0 1', 'x'] => ['STORED'];
    my $connection = $server->connect(port => $tcp->sockport);
    is scalar $connection->converse("get k\r\n"), "VALUE k 0 1\r\nx\r\nEND\r\n", 'the TCP socket: the same cache';
    like $server->stderr, qr/listening on 2 sockets of the service manager; -l, -p and -s are not used/, 'told so';
    unlike $server->stderr, qr/other machines/, 'and they are local';
    stops_cleanly $server;
    ok -S $unix_path, 'the file of the socket stays';
}

{
    my $waiting = IO::Socket::UNIX->new(Peer => $unix_path) or die "connect: $!";
    print $waiting "get k\r\n";
    $waiting->flush;
    my $server = Larder->start(inherited => [$unix], unix_path => $unix_path, listen => []);
    my $reply = <$waiting> // '';
    is $reply, "END\r\n", 'who came while nobody served is served by the next';
    stops_cleanly $server;
}

{
    my $everywhere = IO::Socket::INET->new(Listen => 1, LocalAddr => '0.0.0.0', Proto => 'tcp') or die "listen: $!";
    my $server = Larder->start(inherited => [$everywhere, $unix], unix_path => $unix_path, listen => []);
    converses $server, 'a socket for all addresses', ['get k'] => ['END'];
    like $server->stderr, qr/other machines can reach this cache/, 'is warned of';
    stops_cleanly $server;
}

{
    my $server = Larder->start(inherited => [$unix], environment => {LISTEN_PID => 1});
    converses $server, 'sockets meant for another process are not taken', ['get k'] => ['END'];
    unlike $server->stderr, qr/service manager/, 'nor told of';
    stops_cleanly $server;
}

SKIP: {
    skip 'without TLS', 1 if !can_speak_tls;
    my $files = certificates;
    my ($tls, $plain) = map { IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!" } 1, 2;
    my $server = Larder->start(
        inherited => [$tls, $plain, $unix],
        unix_path => $unix_path,
        listen => ['-l', "notls:127.0.0.1:" . $plain->sockport],
        args => ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key"],
    );
    like tls_session($tls->sockport, "version\r\nquit\r\n", '-CAfile', "$files/ca.pem", '-verify_return_error'), qr/^VERSION /m,
        '-Z: a TCP socket that is handed over speaks TLS';
    my $stranger = $server->connect(port => $tls->sockport);
    $stranger->send("version\r\n" x 20);
    unlike $stranger->read_to_close, qr/VERSION/, 'and nothing else';
    like scalar $server->connect(port => $plain->sockport)->converse("version\r\n"), qr/^VERSION /, 'but where -l says notls:';
    converses $server, 'a unix socket is plain', ['get k'] => ['END'];
    stops_cleanly $server;
}

{
    my $datagrams = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "udp: $!";
    eval { Larder->start(inherited => [$datagrams], listen => []) };
    like $@, qr/ended at once with status 71/, 'a socket that can not be listened on ends the start';
    like $@, qr/descriptor 3 was handed over and is no listening stream socket/, 'with the reason';
}

done_testing;
