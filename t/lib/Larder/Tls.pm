# Certificates made on the fly, and clients that speak TLS: both by the openssl command.
package Larder::Tls;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;

use Larder;
use Larder::Client;
use Larder::Connection;

our @EXPORT = qw(can_speak_tls certificates has_tls tls_connect tls_port tls_session);

sub has_tls {
    my $path = server_path();
    return `'$path' --version` =~ /, TLS/ ? 1 : 0;
}

sub can_speak_tls { return has_tls && defined Larder::Client::find_program('openssl') }

sub openssl {
    my (@arguments) = @_;
    my ($status, $output) = run_client(undef, 'openssl', @arguments);
    die "openssl @arguments: $output" if $status != 0;
}

my @new_key = ('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes');

sub make_authority {
    my ($base) = @_;
    openssl(@new_key, '-x509', '-days', 2, '-subj', '/CN=authority', '-keyout', "$base.key", '-out', "$base.pem");
    return $base;
}

# $base.pem and $base.key, for localhost, signed by the authority.
sub make_certificate {
    my ($base, $authority, $name) = @_;
    open my $file, '>', "$base.ext" or die "$base.ext: $!";
    print $file "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
    close $file;
    openssl(@new_key, '-subj', "/CN=$name", '-keyout', "$base.key", '-out', "$base.csr");
    openssl('x509', '-req', '-in', "$base.csr", '-CA', "$authority.pem", '-CAkey', "$authority.key", '-CAcreateserial',
        '-days', 2, '-extfile', "$base.ext", '-out', "$base.pem");
    return $base;
}

# A directory with ca, server, client; and stranger, whom nobody knows.
sub certificates {
    my $directory = tempdir('larder-tls-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    make_authority("$directory/ca");
    make_certificate("$directory/$_", "$directory/ca", $_) for qw(server client);
    make_authority("$directory/other");
    make_certificate("$directory/stranger", "$directory/other", 'stranger');
    return $directory;
}

# Of a server whose -l has a plain address first and then one with TLS.
sub tls_port {
    my ($server) = @_;
    return (Larder::read_file($server->port_path) =~ /^TCP INET: (\d+)$/mg)[1];
}

my @children;

# A Larder::Connection whose bytes go through openssl s_client.
sub tls_connect {
    my ($port, @options) = @_;
    socketpair my $near, my $far, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<&', $far or POSIX::_exit(126);
        open STDOUT, '>&', $far or POSIX::_exit(126);
        open STDERR, '>', '/dev/null' or POSIX::_exit(126);
        exec 'openssl', 's_client', '-quiet', '-connect', "127.0.0.1:$port", @options or POSIX::_exit(127);
    }
    push @children, $pid;
    close $far;
    return Larder::Connection->adopt($near);
}

# What s_client says of a session in which $input is sent; the server must end it (quit).
sub tls_session {
    my ($port, $input, @options) = @_;
    my $path = tempdir('larder-tls-XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/input';
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $input;
    close $file;
    my ($status, $output) = run_client($path, 'openssl', 's_client', '-ign_eof', '-connect', "127.0.0.1:$port", @options);
    return $output;
}

END {
    local $?;
    for my $pid (@children) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}

1;
