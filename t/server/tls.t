#!/usr/bin/perl
# TLS: what is sent arrives, whoever may not come in does not, and nobody who dawdles keeps the others waiting.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;
use Larder::Tls;

larder_only('its options for files and time-outs');
if (!has_tls) {
    my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', '-Z', '-o', 'ssl_chain_cert=x');
    is $status, 64, 'a build without TLS refuses -Z';
    like $error, qr/\Alarderd: -Z: this larderd was built without TLS; install [^\n]+\n\z/, 'and says how to get it';
    done_testing;
    exit 0;
}
program_or_skip('openssl');
my $files = certificates;
my @trusting = ('-CAfile', "$files/ca.pem", '-verify_return_error', '-verify_hostname', 'localhost');

# The plain listener comes first, so that the server's own methods speak to that one.
sub start_tls {
    my ($options, %rest) = @_;
    my $prefix = delete $rest{prefix} // '';
    my $args = delete $rest{args} // [];
    return Larder->start(
        listen => ['-l', "notls:127.0.0.1:0,${prefix}127.0.0.1:0"],
        tcp => 1,
        args => ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key$options", @$args],
        %rest,
    );
}

my $quit = crlf('version', 'quit');

# ---- bytes

{
    my $server = start_tls('', args => ['-I', '8m', '-t', 2]);
    my $client = tls_connect(tls_port($server), @trusting);
    is $client->ask('set foo 0 0 3', 'bar', 'get foo'), crlf('STORED', 'VALUE foo 0 3', 'bar', 'END'), 'set and get';
    is $server->converse(['get foo']), crlf('VALUE foo 0 3', 'bar', 'END'), 'beside it a listener without TLS';

    my $bytes = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 1_500_000;
    for my $size (1, 16_000, 16_384, 16_385, 70_000, 900_000, 6_000_000) {
        my $value = substr $bytes, 0, $size;
        my $got = $client->ask("set big 0 0 $size", $value, 'get big');
        ok $got eq crlf('STORED', "VALUE big 0 $size", $value, 'END'), "$size bytes, there and back";
        ok $server->converse(['get big']) eq crlf("VALUE big 0 $size", $value, 'END'), 'as everybody else sees them';
    }
    my $many = $client->ask(map { ("set k$_ 0 0 1000", substr $bytes, $_, 1000) } 1 .. 500);
    is $many, crlf(('STORED') x 500), '500 sets in a pipeline';
    my $gets = $client->ask(('get ' . join ' ', map {"k$_"} 1 .. 500) x 20);
    my $expected = join('', map { crlf("VALUE k$_ 0 1000", substr $bytes, $_, 1000) } 1 .. 500) . crlf('END');
    ok $gets eq $expected x 20, '10 MB of replies in a pipeline';

    # Record by record, however they are cut.
    $client->send($_) for split //, "get foo\r\n";
    is $client->read_until("END\r\n"), crlf('VALUE foo 0 3', 'bar', 'END'), 'a byte at a time';

    # Nobody reads the replies for a while.
    my $slow = tls_connect(tls_port($server), @trusting);
    $slow->send(crlf('get big') x 20);
    is $client->ask('get foo'), crlf('VALUE foo 0 3', 'bar', 'END'), 'others are served meanwhile';
    my $big = crlf('VALUE big 0 6000000', $bytes, 'END');
    ok $slow->read_exactly(length $big) eq $big, "reply $_" for 1 .. 20;
    is $slow->ask('mn'), crlf('MN'), 'the slow reader is in step';

    # A watcher's lines are encrypted too, by another thread.
    my $watcher = tls_connect(tls_port($server), @trusting);
    $watcher->send(crlf('watch mutations'));
    is $watcher->read_line, crlf('OK'), 'a watcher';
    $client->ask('set watched 0 0 1', 'x');
    like $watcher->read_until("\n"), qr/ key=watched /, 'is told what happens';
    $watcher->close;

    is $client->stats('settings')->{$_->[0]}, $_->[1], "stats settings: $_->[0]"
        for ['ssl_enabled', 'yes'], ['ssl_chain_cert', "$files/server.pem"], ['ssl_verify_mode', 0], ['ssl_ca_cert', 'NULL'],
        ['ssl_min_version', 'tlsv1.2'], ['ssl_wbuf_size', 16384];
    my $stats = $client->stats;
    is $stats->{ssl_new_sessions}, 3, 'three sessions were begun';
    is $stats->{ssl_handshake_errors}, 0, 'and none failed';

    # Who does not speak TLS.
    my $plain = $server->connect(port => tls_port($server));
    $plain->send(crlf('get foo') x 20);
    unlike $plain->read_to_close, qr/bar/, 'plain bytes to the TLS port: closed';
    ok wait_until(sub { $server->stats->{ssl_handshake_errors} == 1 }), 'and counted';
    stops_cleanly $server;
    is $client->read_to_close, '', 'the server says goodbye';
}

# ---- versions, ciphers, resumption

{
    my $server = start_tls('', prefix => 'tag[x]:');
    my @old = ('-cipher', 'DEFAULT@SECLEVEL=0');
    like tls_session(tls_port($server), $quit, '-tls1_2'), qr/^VERSION /m, 'TLS 1.2';
    like tls_session(tls_port($server), $quit, '-tls1_3'), qr/^VERSION /m, 'TLS 1.3';
    unlike tls_session(tls_port($server), $quit, '-tls1_1', @old), qr/^VERSION /m, 'TLS 1.1 is too old';
    my $session = $server->directory . '/session';
    tls_session(tls_port($server), $quit, '-sess_out', $session);
    ok !-s $session, 'no session can be resumed unless that is asked for';
    stops_cleanly $server;

    $server = start_tls(',ssl_min_version=3,ssl_session_cache');
    my $says = tls_session(tls_port($server), $quit, '-sess_out', $session);
    like $says, qr/^VERSION /m, 'ssl_min_version=3: TLS 1.3 is spoken';
    unlike tls_session(tls_port($server), $quit, '-tls1_2'), qr/^VERSION /m, 'and TLS 1.2 is not';
    like tls_session(tls_port($server), $quit, '-sess_in', $session), qr/^Reused, TLSv1.3/m, 'a session is resumed';
    my $stats = $server->stats;
    is "$stats->{ssl_new_sessions} $stats->{ssl_resumed_sessions}", '1 1', 'and counted';
    stops_cleanly $server;

    $server = start_tls(',ssl_session_cache,ssl_ciphers=ECDHE-ECDSA-AES128-GCM-SHA256');
    like tls_session(tls_port($server), $quit, '-tls1_2', '-sess_out', $session), qr/ECDHE-ECDSA-AES128-GCM-SHA256/,
        'the cipher that is allowed';
    unlike tls_session(tls_port($server), $quit, '-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305'), qr/^VERSION /m,
        'and no other';
    like tls_session(tls_port($server), $quit, '-tls1_2', '-sess_in', $session), qr/^Reused, TLSv1.2/m, 'TLS 1.2 resumes too';
    stops_cleanly $server;
}

# ---- certificates of clients

{
    my %certificate = map { $_ => ['-cert', "$files/$_.pem", '-key', "$files/$_.key"] } qw(client stranger);
    my @who = (['nobody'], ['client', @{$certificate{client}}], ['stranger', @{$certificate{stranger}}]);
    my %admitted = (
        'ssl_verify_mode=0' => 'nobody client stranger',
        'ssl_verify_mode=1' => 'nobody client',
        'ssl_verify_mode=2' => 'client',
        'ssl_verify_mode=3' => 'client',
        'btls:' => 'nobody client stranger',
        'mtls:' => 'client',
    );
    for my $rule (sort keys %admitted) {
        my ($prefix, $mode) = $rule =~ /:/ ? ($rule, ',ssl_verify_mode=' . ($rule eq 'btls:' ? 2 : 0)) : ('', ",$rule");
        my $server = start_tls("$mode,ssl_ca_cert=$files/ca.pem", prefix => $prefix);
        my @in = map { $_->[0] } grep { tls_session(tls_port($server), $quit, @$_[1 .. $#$_]) =~ /^VERSION /m } @who;
        is "@in", $admitted{$rule}, "$rule lets in: $admitted{$rule}";
        is $server->stats->{ssl_handshake_errors}, @who - @in, 'and counts the others';
        stops_cleanly $server;
    }
}

# ---- sessions of another way to verify

{
    my @certificate = ('-cert', "$files/client.pem", '-key', "$files/client.key");
    my $server = Larder->start(
        listen => ['-l', 'notls:127.0.0.1:0,btls:127.0.0.1:0,mtls:127.0.0.1:0,127.0.0.1:0'],
        tcp => 1,
        args => [
            '-Z', '-o',
            "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key,ssl_session_cache,ssl_ca_cert=$files/ca.pem,ssl_verify_mode=1"
        ],
    );
    my (undef, $one_sided, $mutual, $asking) = Larder::read_file($server->port_path) =~ /^TCP INET: (\d+)$/mg;
    for my $version ('-tls1_2', '-tls1_3') {
        my $session = $server->directory . "/session$version";
        for my $from ($one_sided, $asking) {
            like tls_session($from, $quit, $version, '-sess_out', $session), qr/^VERSION /m, "$version: who has no certificate";
            like tls_session($from, $quit, $version, '-sess_in', $session), qr/^Reused, /m, 'resumes where none is wanted';
            my $says = tls_session($mutual, $quit, $version, '-sess_in', $session);
            unlike $says, qr/^VERSION /m, 'and does not come in by that where one is';
            unlike $says, qr/^Reused, /m, 'nothing is resumed there';
        }
        unlink $session;
        tls_session($mutual, $quit, $version, @certificate, '-sess_out', $session);
        like tls_session($mutual, $quit, $version, '-sess_in', $session), qr/^Reused, .*^VERSION /ms,
            'who has shown one need not again';
        $server->signal('HUP');
        ok wait_until(sub { (() = $server->stderr =~ /certificates read again/g) == ($version eq '-tls1_2' ? 1 : 2) }),
            'certificates are read again';
        unlike tls_session($mutual, $quit, $version, '-sess_in', $session), qr/^VERSION /m,
            'and what was shown under the old ones counts no more';
    }
    stops_cleanly $server;
}

# ---- those who begin and do not go on

{
    my $server = start_tls(',ssl_handshake_timeout=1', args => ['-m', 16, '-t', 2]);
    my $client = tls_connect(tls_port($server), @trusting);
    $client->ask('set foo 0 0 3', 'bar');
    my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'x' x 200;
    my @half = map { $server->connect(port => tls_port($server)) } 1 .. 300;
    $_->send_some($hello) for @half[0 .. 249];
    is $client->ask('get foo'), crlf('VALUE foo 0 3', 'bar', 'END'), '300 half handshakes keep nobody waiting';
    ok wait_until(sub { $server->stats->{curr_connections} <= 2 }), 'they are closed after a while';
    cmp_ok $server->stats->{ssl_handshake_errors}, '>=', 300, 'and counted';
    cmp_ok $server->stats->{read_buf_bytes}, '<', 2 << 20, 'what they took is free again';
    like tls_session(tls_port($server), $quit, @trusting), qr/^VERSION /m, 'who comes now is served';
    is $client->ask('get foo'), crlf('VALUE foo 0 3', 'bar', 'END'), 'and so is who was there';
    cmp_ok $server->memory_kib('VmHWM'), '<=', 24 * 1024, 'all within -m 16 and 8 MiB' if !is_sanitized;
    stops_cleanly $server;
}

# ---- other certificates

{
    my %path = map { $_ => "$files/live.$_" } qw(pem key);
    my $install = sub { copy("$files/$_[0].$_", $path{$_}) or die "copy: $!" for qw(pem key) };
    my $subject = sub { tls_session($_[0], $quit, @trusting) =~ /^subject=CN = (.*)$/m ? $1 : 'nobody' };
    $install->('server');
    my $server = Larder->start(
        listen => ['-l', 'notls:127.0.0.1:0,127.0.0.1:0'],
        tcp => 1,
        args => ['-Z', '-o', "ssl_chain_cert=$path{pem},ssl_key=$path{key}"],
    );
    my $port = tls_port($server);
    my $client = tls_connect($port, @trusting);
    $client->ask('set foo 0 0 3', 'bar');
    is $subject->($port), 'server', 'the first certificate';
    $install->('client');
    is $subject->($port), 'server', 'stays while nobody asks for another';
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /signal HUP: certificates read again/ }), 'HUP reads it again';
    is $subject->($port), 'client', 'the second is shown';
    is $client->ask('get foo'), crlf('VALUE foo 0 3', 'bar', 'END'), 'who was there stays';

    $server->clock_at(0);
    my $since = $server->stats->{time_since_server_cert_refresh};
    cmp_ok $since, '<=', 60, 'time_since_server_cert_refresh';
    $server->clock_at(100);
    is $server->stats->{time_since_server_cert_refresh}, $since + 100, 'goes on with the clock';
    for my $broken (['key', "$files/server.key"], ['pem', "$files/server.pem"], ['pem', '/dev/null'], ['key', '/dev/null']) {
        $install->('client');
        copy($broken->[1], $path{$broken->[0]}) or die "copy: $!";
        is $client->ask('refresh_certs'), crlf('Error certificates not read again, see the log'),
            "$broken->[1] for the $broken->[0] is refused";
        is $subject->($port), 'client', 'and nothing has changed';
    }
    unlink $path{key};
    is $client->ask('refresh_certs'), crlf('Error certificates not read again, see the log'), 'a key that is gone';
    like $server->stderr, qr/\A(?:larderd: [^\n]*\n)*larderd: -o ssl_key=\Q$path{key}\E: No such file or directory: the [^\n]+ stay in use\n\z/,
        'is told in one line';
    is $server->stats->{time_since_server_cert_refresh}, $since + 100, 'the time is still that of the last that worked';
    $server->signal('HUP');
    ok wait_until(sub { (() = $server->stderr =~ /stay in use/g) == 6 }), 'HUP says so too';
    is $subject->($port), 'client', 'and nothing has changed';
    $install->('server');
    is $client->ask('refresh_certs'), crlf('OK'), 'refresh_certs reads them again';
    is $subject->($port), 'server', 'the first is back';
    is $server->stats->{time_since_server_cert_refresh}, 0, 'just now';
    is $client->ask('get foo'), crlf('VALUE foo 0 3', 'bar', 'END'), 'who was there from the beginning still is';
    stops_cleanly $server;
}

# ---- a start that must fail

{
    my $fine = "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key";
    my @wrong = (
        [['-Z'], qr/-o ssl_chain_cert/, 'no certificate'],
        [['-Z', '-o', "ssl_chain_cert=$files/none"], qr/none: No such file/, 'a certificate that is not there'],
        [['-Z', '-o', "ssl_chain_cert=$files/server.key,ssl_key=$files/server.key"], qr/server\.key: no start line/, 'no certificate in it'],
        [['-Z', '-o', "ssl_chain_cert=$files/server.pem"], qr/server\.pem: /, 'no key'],
        [['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/client.key"], qr/client\.key: .*mismatch/, 'the key of another'],
        [['-Z', '-o', "$fine,ssl_keyformat=2"], qr/server\.key: /, 'a PEM key said to be DER'],
        [['-Z', '-o', "$fine,ssl_ciphers=NONESUCH"], qr/NONESUCH: no cipher match/, 'no such cipher'],
        [['-Z', '-o', "$fine,ssl_verify_mode=2"], qr/ssl_ca_cert/, 'nobody to ask about clients'],
        [['-Z', '-o', "$fine,ssl_verify_mode=2,ssl_ca_cert=/dev/null"], qr{/dev/null: }, 'nor in that file'],
        [['-Z', '-o', $fine, '-l', 'mtls:127.0.0.1'], qr/-l mtls:127\.0\.0\.1 wants -o ssl_ca_cert/, 'the same of mtls:'],
        [['-l', 'btls:127.0.0.1'], qr/-l btls:127\.0\.0\.1 wants -Z/, 'btls: without -Z'],
    );
    for my $case (@wrong) {
        my ($arguments, $why, $name) = @$case;
        my ($status, $error) = starts_and_exits('-p', '-1', @$arguments);
        ok defined $status && $status > 0 && $status < 128, "$name: no start";
        like $error, qr/\Alarderd: [^\n]*$why[^\n]*\n\z/, 'and one line';
    }
    system "openssl pkey -in '$files/server.key' -outform DER -out '$files/server.der'";
    my $server = Larder->start(args => ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.der,ssl_keyformat=2"]);
    is $server->converse(['mn']), crlf('MN'), 'a key in DER is fine; a unix socket stays plain';
    stops_cleanly $server;
}
done_testing;
