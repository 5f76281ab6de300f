#!/usr/bin/perl
# The log: one line an event, as text, with systemd's priorities or as JSON; more with -v; and clients can't fill it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;

use Larder;

larder_only('its log has lines of its own');

sub lines_of {
    my ($server) = @_;
    return split /\n/, $server->stderr;
}

# Serves and stops; the lines of the log.
sub log_of {
    my (%options) = @_;
    my $server = Larder->start(%options);
    $server->converse(['get k']);
    stops_cleanly $server;
    return lines_of($server);
}

sub all_like {
    my ($name, $pattern, @lines) = @_;
    cmp_ok scalar @lines, '>', 4, "$name: there are lines";
    is_deeply [grep { $_ !~ $pattern } @lines], [], "$name: all of them so";
}

# ---- formats

all_like 'text', qr/^larderd: \w/, log_of();
all_like 'the journal', qr/^<[345]>(?!larderd)\w/, log_of(args => ['-o', 'log_format=journal']);

my $as_systemd = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM';
all_like 'standard error is the journal', qr/^<5>\w/, log_of(sandbox => $as_systemd);
all_like 'and may be text', qr/^larderd: /, log_of(sandbox => $as_systemd, args => ['-o', 'log_format=text']);
all_like 'the journal was somewhere else', qr/^larderd: /, log_of(environment => {JOURNAL_STREAM => '1:2'});

{
    my @lines = log_of(args => ['-o', 'log_format=json', '-l', '127.0.0.1']);
    my @objects = map { eval { decode_json($_) } // {message => "no JSON: $_"} } @lines;
    all_like 'JSON: time', qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, map { $_->{time} // '' } @objects;
    all_like 'JSON: level', qr/^notice$/, map { $_->{level} // '' } @objects;
    is $objects[-1]{message}, 'stopped', 'JSON: message';
}

{
    # What stands in it can't break a line or an object.
    my $odd = "[a\"b\\c\n\x01\x{fc}\x7f";
    my ($status, $log) = starts_and_exits('-o', 'log_format=json', '-l', $odd);
    is $status, 64, 'an odd address is refused';
    my $object = eval { decode_json($log) } // {};
    is $object->{message}, '-l [a"b\\c????: wants host, host:port or [v6]:port', 'JSON: quoted';
    is $object->{level}, 'error', 'JSON: an error';
    ($status, $log) = starts_and_exits('-l', $odd);
    is $log, "larderd: -l [a\"b\\c????: wants host, host:port or [v6]:port\n", 'text: one line';
}

# ---- how much

is scalar(grep { /connection/ } log_of()), 0, 'without -v no line for a connection';
like join("\n", log_of(args => ['-vv'])), qr/<\d+ new auto-negotiating client connection\n.*<\d+ connection closed\./s, '-vv: one for its start and end';

{
    my $server = Larder->start(args => ['-t', 1]);
    my $seen = sub { return scalar grep { /binary protocol/ } lines_of($server) };
    closes $server, 'the binary protocol', "\x80" . "\0" x 23 for 1 .. 3;
    is $seen->(), 1, 'three causes of the same kind, one line';
    stops_cleanly $server;
}

# A log that can't be written, as on a full disk, is counted and hinders nobody.
SKIP: {
    skip 'no /dev/full here', 2 if !-c '/dev/full';
    my $full = Larder->start(sandbox => 'exec 2>/dev/full');
    converses $full, 'a log on a full disk', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];
    cmp_ok $full->stats->{log_lines_lost}, '>', 0, 'log_lines_lost counts what is not in it';
    is $full->stop, 0, 'it serves to the end';
}

done_testing;
