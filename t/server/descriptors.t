# Running out of descriptors pauses accepting, is counted, and ends by itself when descriptors come free.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $prlimit = (grep { -x } map { "$_/prlimit" } split /:/, $ENV{PATH})[0];
plan skip_all => 'no prlimit here' if !defined $prlimit;

my $server = Larder->start(tcp => 1, args => ['-t', 2, '-c', 500]);
my $watcher = $server->connect;
wait_until(sub { $watcher->stats->{curr_connections} == 1 }) or BAIL_OUT('connections that nobody holds');
my $used = () = glob '/proc/' . $server->pid . '/fd/*';
my $room = 20;
my $descriptors = $used + $room;
system($prlimit, '--pid', $server->pid, "--nofile=$descriptors:$descriptors") == 0
    or plan skip_all => 'prlimit may not lower the limit of a process';

# The kernel lets them all connect; the server can take $room of them.
my @clients = map { Larder::Connection->connect_tcp('127.0.0.1', $server->port, 1) } 1 .. 2 * $room;
ok wait_until(sub { $watcher->stats->{listen_disabled_num} > 0 }), 'listen_disabled_num counts the pause';
my $cpu = cpu_ticks();
my $stats = $watcher->stats;
is $stats->{accepting_conns}, 0, 'accepting_conns tells it';
is scalar(() = $server->stderr =~ /out of descriptors: new clients wait/g), 1, 'and the log, once' if is_larder;
cmp_ok $stats->{curr_connections}, '<=', $room + 2, 'no more were taken than there are descriptors';
is $watcher->ask('set k 0 0 1', 'x', 'get k'), crlf('STORED', 'VALUE k 0 1', 'x', 'END'), 'those inside are served';

# What the process has burnt in user and system time, in hundredths of a second.
sub cpu_ticks {
    my @field = split ' ', Larder::read_file('/proc/' . $server->pid . '/stat') =~ s/^.*\) //sr;
    return $field[11] + $field[12];
}

# Whoever has an answer leaves, and makes room for one who waits; in the end all were answered.
my ($answered, @waiting) = (0, @clients);
wait_until(sub {
    my @still;
    for my $client (@waiting) {
        $client->{asked} ||= $client->send_some("get none\r\n");
        $client->fill if $client->{asked};
        if ($client->pending >= 5) {
            $answered++;
            $client->close;
        } else {
            push @still, $client;
        }
    }
    @waiting = @still;
    return !@waiting;
});
is $answered, 2 * $room, 'every client was answered in the end';
ok wait_until(sub { $watcher->stats->{accepting_conns} == 1 }), 'accepting again';
cmp_ok $server->memory_kib('VmHWM'), '<=', 68 * 1024, 'it took no memory' if is_larder && !is_sanitized;
cmp_ok cpu_ticks() - $cpu, '<', 500, 'the pause did not spin' if !is_sanitized;
is $server->converse("get k\r\n"), crlf('VALUE k 0 1', 'x', 'END'), 'new clients come in at once';

stops_cleanly $server;

SKIP: {
    my $setpriv = (grep { -x } map { "$_/setpriv" } split /:/, $ENV{PATH})[0];
    my @nobody = ('--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all');
    skip 'needs root and setpriv', 1 if $> != 0 || !defined $setpriv;
    skip 'the unprivileged user cannot reach the daemon', 1
        if system("$setpriv @nobody test -x '" . server_path() . "' 2>/dev/null") != 0;
    my ($status, $error) = starts_and_exits({no_user => 1, open_directory => 1, sandbox => "ulimit -n 64; exec $setpriv @nobody \"\$@\""},
        '-l', '127.0.0.1', '-p', '-1', '-c', '5000');
    ok $status, 'a limit that may not be raised ends the start';
    is scalar(() = $error =~ /\n/g), 1, 'with one line' or diag $error;
    like $error, qr/64|limit/, 'that names the limit';
}

done_testing;
