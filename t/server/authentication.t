# -Y: before anything else a client sends its user and password as the value of a set.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Tls;
use File::Temp qw(tempdir);

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $path = "$directory/passwords";

sub write_file {
    my ($content) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $content;
    close $file or die "$path: $!";
}

sub set_of {
    my ($token) = @_;
    return 'set x 0 0 ' . length($token) . "\r\n$token\r\n";
}

# What the server says to these bytes, of a connection that may not be admitted in the end.
sub answers {
    my ($server, $name, $sent, @lines) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $connection = $server->connect;
    $connection->send($sent);
    my $reply = join '', map { $connection->read_line } @lines;
    $connection->close;
    return is escaped($reply), escaped(crlf(@lines)), $name;
}

write_file("foo:bar\nuser2:pass:word with space\n");
chmod 0644, $path;
my $server = Larder->start(args => ['-Y', $path]);
my $refused = 'CLIENT_ERROR unauthenticated';
my $failure = 'CLIENT_ERROR authentication failure';
my $termination = 'CLIENT_ERROR bad command line termination';

for my $line ('get foo', 'version', 'stats', 'flush_all', 'shutdown', 'quit', 'add x 0 0 7', 'set foo', 'set foo 0 0', 'set foo 0 0 x',
    'set foo 0 0 -1', 'mg foo v', 'lru_crawler metadump all', 'watch fetchers', 'bogus', 'GET / HTTP/1.0')
{
    answers $server, "$line is refused", "$line\r\n", $refused;
}
answers $server, 'a user without a password', set_of('foobar'), 'CLIENT_ERROR bad authentication token format';
answers $server, 'another password', set_of('foo baz'), $failure;
answers $server, 'half of the password', set_of('foo ba'), $failure;
answers $server, 'more than the password', set_of('foo barr'), $failure;
answers $server, "somebody else's password", set_of('foo pass:word with space'), $failure;
answers $server, 'another user', set_of('fox bar'), $failure;
answers $server, 'a long user', set_of('f' x 300 . ' bar'), $failure;
answers $server, 'the right ones', set_of('foo bar'), 'STORED';
answers $server, 'a password with colon and spaces', set_of('user2 pass:word with space'), 'STORED';
my $stats;
{
    my $connection = $server->connect;
    $connection->converse(set_of('foo bar'));
    $stats = $connection->stats;
}
is $stats->{auth_errors}, is_larder ? 6 : $stats->{auth_errors}, 'auth_errors';
is $stats->{auth_cmds}, is_larder ? 9 : $stats->{auth_cmds}, 'auth_cmds';

answers $server, 'the set of the password is not stored', set_of('foo bar') . "get x\r\n", 'STORED', 'END';
answers $server, 'afterwards a set is a set', set_of('foo bar') . set_of('foo bax') . "get x\r\n", 'STORED', 'STORED',
    'VALUE x 0 7', 'foo bax', 'END';

if (is_larder) {
    closes $server, 'a line under 6 bytes closes', "mn\r\n";
    closes $server, 'an empty one too', "\r\n";
    closes $server, 'a long line without an end closes', 'get ' . 'k' x 3000;
    answers $server, 'a long token', "set x 0 0 16385\r\n", 'CLIENT_ERROR auth token too long';
    answers $server, 'a refusal leaves it in step', "get foo\r\n" . set_of('foo baz') . set_of('foo bar') . "version\r\n", $refused,
        $failure, 'STORED', 'VERSION 1.6.45-larder-0.1.0';
    answers $server, 'a token that is longer than said', "set x 0 0 7\r\nfoo barX\r\n" . set_of('foo bar'), $termination, 'STORED';

    # Cut anywhere.
    my $session = "get foo\r\n" . set_of('foo baz') . "set x 0 0 7\r\nfoo barX\r\n" . set_of('user2 pass:word with space');
    my $expected = escaped(crlf($refused, $failure, $termination, 'STORED', 'MN'));
    my $wrong = 0;
    for my $cut (1 .. length($session) - 1) {
        my $connection = $server->connect;
        $connection->send(substr $session, 0, $cut);
        $connection->wait_consumed;
        $connection->send(substr($session, $cut) . "mn\r\n");
        my $reply = join '', map { $connection->read_line } 1 .. 5;
        $wrong++ if escaped($reply) ne $expected;
        $connection->close;
    }
    is $wrong, 0, 'cut at every byte';

    # HUP reads the file again.
    my $inside = $server->connect;
    $inside->converse(set_of('foo bar'));
    write_file("foo:new\n");
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /HUP: users and passwords read again/ }), 'HUP is heeded';
    answers $server, 'the old password is no longer right', set_of('foo bar'), $failure;
    answers $server, 'the new one is', set_of('foo new'), 'STORED';
    is $inside->ask('get x'), crlf('VALUE x 0 7', 'foo bax', 'END'), 'who was in stays in';
    write_file("no colon\n");
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /a line is not user:password/ }), 'a file that is wrong';
    answers $server, 'changes nothing', set_of('foo new'), 'STORED';
    unlink $path;
    $server->signal('HUP');
    ok wait_until(sub { $server->stderr =~ /-Y \S+: No such file/ }), 'nor does one that is gone';
    answers $server, 'changes nothing either', set_of('foo new'), 'STORED';
    is $inside->stats('settings')->{auth_enabled_ascii}, $path, 'stats settings names the file';
}
stops_cleanly $server;

# How often the bytes are in the memory of the process, as root or its owner could read it.
sub times_in_memory {
    my ($pid, $bytes) = @_;
    open my $memory, '<:raw', "/proc/$pid/mem" or return undef;
    my $times = 0;
    no warnings 'portable'; # addresses have 48 bits
    for my $range (Larder::read_file("/proc/$pid/maps") =~ /^([0-9a-f]+-[0-9a-f]+) rw/mg) {
        my ($from, $to) = map { hex } split /-/, $range;
        next if !sysseek $memory, $from, 0;
        for (my ($at, $end) = ($from, ''); $at < $to; $at += 1 << 20) {
            my $size = $to - $at < 1 << 20 ? $to - $at : 1 << 20;
            my $read = '';
            last if !sysread $memory, $read, $size;
            my $piece = $end . $read;
            $times += () = $piece =~ /\Q$bytes\E/g;
            $end = substr $piece, -length($bytes) + 1;
        }
    }
    return $times;
}

# Passwords are not left behind where they were read to, whatever has become of them.
sub leaves_no_passwords {
    my ($name, $listen, $args, $connect) = @_;
    my ($first, $second, $wrong, $half, $long) = map { "${_}Secret" . 'Wq7x' x 6 } qw(first second wrong half long);
    write_file("foo:$first\n");
    my $guarded = Larder->start(listen => $listen, tcp => 1, args => ['-t', 2, '-Y', $path, @$args]);
    for my $token ("foo $first", "foo $wrong") {
        my $client = $connect->($guarded);
        $client->send(set_of($token));
        $client->read_line;
        $client->close;
    }
    my $client = $connect->($guarded);
    $client->send(set_of("foo $long") =~ s/\r\n\z/$long\r\n/r);
    $client->read_line;
    $client->send("set x 0 0 9000\r\nfoo $half" . 'x' x 5000);
    $client->send($_) for 'x' x 1000, "$half";
    $client->close;
    my $known = times_in_memory($guarded->pid, $first);
  SKIP: {
        skip 'the memory of the process can not be read', 2 if !defined $known;
        ok wait_until(sub { times_in_memory($guarded->pid, $first) == 1 }), "$name: the password is known in one place";
        for my $secret ($wrong, $half, $long) {
            ok wait_until(sub { times_in_memory($guarded->pid, $secret) == 0 }, 10), substr($secret, 0, 5) . ' is in none';
        }
        write_file("foo:$second\n");
        $guarded->signal('HUP');
        ok wait_until(sub { $guarded->stderr =~ /passwords read again/ }), 'another password';
        is times_in_memory($guarded->pid, $first) . times_in_memory($guarded->pid, $second), '01', 'takes its place';
    }
    stops_cleanly $guarded;
}
if (is_larder && !is_sanitized) {
    leaves_no_passwords('TCP', ['-l', '127.0.0.1:0'], [], sub { $_[0]->connect });
    if (can_speak_tls) {
        my $files = certificates;
        leaves_no_passwords(
            'TLS',
            ['-l', 'notls:127.0.0.1:0,127.0.0.1:0'],
            ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key"],
            sub { tls_connect(tls_port($_[0]), '-no_ign_eof') },
        );
    }
}

# A file that can't be meant ends the start.
my %bad = ("nocolon\n" => 'no colon', "user:\n" => 'an empty password', 'u' x 300 . ":p\n" => 'a long user');
for my $content (sort keys %bad) {
    write_file($content);
    my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', '-Y', $path);
    ok defined $status && $status > 0 && $status < 128, "$bad{$content} ends the start";
}
unlink $path;
my ($status, $error) = starts_and_exits('-l', '127.0.0.1', '-p', '-1', '-Y', $path);
ok defined $status && $status > 0 && $status < 128, 'a file that is not there ends the start';
like $error, qr/\Alarderd: -Y \S+: No such file or directory\n\z/, 'in one line' if is_larder;

if (is_larder) {
    write_file('');
    my $nobody = Larder->start(args => ['-Y', $path]);
    ok $nobody->is_accepting, 'with an empty file it starts';
    answers $nobody, 'and lets nobody in', "get foo\r\n" . set_of('foo bar'), $refused, $failure;
    answers $nobody, 'not without a name either', set_of(' '), $failure;
    stops_cleanly $nobody;
    my $open = Larder->start;
    is $open->stats('settings')->{auth_enabled_ascii}, 'no', 'without -Y stats settings says no';
    stops_cleanly $open;
}
done_testing;
