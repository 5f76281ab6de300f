# larder-bench: its options, its load and checks against a running server, its report and its exit codes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use Larder;
use Larder::Tls;
use Larder::Client;

my $top = $ENV{top_srcdir} // "$FindBin::Bin/../..";
my $program = ($ENV{top_builddir} // '.') . '/src/larder-bench';
plan skip_all => "$program is not built" if !-x $program;
my $directory = tempdir(CLEANUP => 1);

sub bench { return run_client(undef, $program, @_) }

# The result of one server, or of all with --versus, as data; the test fails where there is none.
sub bench_json {
    my ($expected, $name, @options) = @_;
    my ($status, $output) = bench('-q', '-j', "$directory/result.json", '-c', 4, @options);
    is $status, $expected, $name or diag $output;
    my $result = eval { decode_json(Larder::read_file("$directory/result.json")) };
    return $result // fail "JSON: $@";
}

# ---- options

for my $case (
    ['--connections 0', '--connections 0: wants a number from 1 to 100000 (connections in all, shared out among the threads (50))'],
    ['-P x', '--pipeline x: wants a number from 1 to 100000 (requests that a connection sends in one go (1))'],
    ['-d 10-5', '--value-size 10-5: wants N, LOW-HIGH or N:WEIGHT,LOW-HIGH:WEIGHT, from 0 to 1073741824 (bytes: 100, 10-1000, or with weights 100:70,1k-2k:30 (32))'],
    ['-d 10:0', qr/--value-size 10:0: wants N, LOW-HIGH/],
    ['-r 0:0', '--ratio 0:0: wants two numbers, not both 0, such as 1:9 (sets for so many gets (1:9))'],
    ['-p zipf:0', '--key-pattern zipf:0: wants uniform, sequential, zipf, or zipf: with 0.01 to 10 behind it (uniform, zipf, zipf:EXPONENT or sequential (uniform))'],
    ['-s never', '--seconds never: wants seconds, such as 10 or 0.5 (measure for so long (10))'],
    ['-s 0', '--seconds 0: wants more than 0, or --requests'],
    ['--key-size 8', '--key-size 8 is too small for this prefix and number of keys: wants 9 at least'],
    ['-t 3 -c 2', '--threads 3: wants no more than --connections, 2'],
    ['--speed', '--speed: no such option, or several begin so; --help lists them all'],
    ['-z', '-z: no such option; --help lists them all'],
    ['-c', '--connections wants N behind it (connections in all, shared out among the threads (50))'],
    ['--meta=1', '--meta takes no value'],
    ['one two', 'two: wants one server only; a second one goes behind --versus'],
    ['127.0.0.1:1,x', "127.0.0.1:1: wants the server's process number after the comma"],
) {
    my ($options, $line) = @$case;
    my ($status, $output) = bench(split ' ', $options);
    is $status, 64, "$options: exit 64";
    ref $line ? like $output, $line, 'and a line' : is $output, "larder-bench: $line\n", 'and the line';
}
my ($status, $help) = bench('--help');
is $status, 0, '--help';
my $page = Larder::read_file("$top/doc/larder-bench.1");
my @names = $help =~ /--([\w-]+)/g;
is_deeply [grep { $page !~ /^\.It(?: Fl \w ,)? Fl \\-\Q$_\E(?: |$)/m } @names], [], 'the manual has every option';
SKIP: {
    skip 'no mandoc here', 1 if system('command -v mandoc >/dev/null 2>&1') != 0;
    is join('', grep { !/referenced manual not found/ } `mandoc -Tlint '$top/doc/larder-bench.1' 2>&1`), '', 'mandoc finds nothing wrong';
}
like((bench('--version'))[1], qr/^larder-bench \d/, '--version');
is +(bench("$directory/nobody"))[0], 69, 'no server: exit 69';

# ---- load

my $tcp = Larder->start(tcp => 1, args => ['-t', 2, '-m', 64]);
my $unix = Larder->start(args => ['-t', 1, '-m', 64]);
my $at = '127.0.0.1:' . $tcp->port;

my $result = bench_json(0, 'a short run over TCP, with every byte checked', '-f', '-v', '-k', 2000, '-n', 10_000, '-P', 7, '-t', 2, $at);
my $server = $result->{servers}[0];
is $server->{gets} + $server->{sets}, 10_000, 'so many requests';
is $server->{hits}, $server->{gets}, 'all keys were there';
cmp_ok $server->{sets}, '>', 700, 'a tenth of them were sets';
is $server->{errors} + $server->{wrong_values}, 0, 'all was right';
is $server->{pid}, $tcp->pid, 'it has found the process number';
cmp_ok $server->{get_us}{p50}, '<=', $server->{get_us}{'p99.99'}, 'percentiles rise';
is $server->{get_us}{count}, $server->{gets}, 'each get was timed';
is $tcp->stats->{curr_items}, 2000, 'every key was set';

$result = bench_json(0, 'meta commands, several keys, sizes in a list, over a unix socket', '-f', '-v', '-m', '-g', '1-30', '-d',
    '0-10:1,1k-2k:3,40k:1', '-p', 'zipf', '-k', 500, '-n', 3000, '-e', '100-200', $unix->unix_path);
is $result->{servers}[0]{misses}, 0, 'nothing was missed';
cmp_ok $result->{servers}[0]{hits}, '>', $result->{servers}[0]{gets} * 5, 'gets had many keys';
cmp_ok $unix->stats->{cmd_set}, '>', 500, 'and there were sets';

$result = bench_json(0, 'classic gets of several keys', '-v', '-g', '10', '-r', '0:1', '-k', 500, '-n', 500, 'unix:' . $unix->unix_path);
is $result->{servers}[0]{hits}, 5000, 'all found';

$result = bench_json(0, 'read-through', '-v', '-T', '-r', '0:1', '-p', 'sequential', '-k', 1000, '-n', 3000, '-g', 5, '-P', 3,
    '--key-prefix', 'through-', '--key-size', 20, $at);
$server = $result->{servers}[0];
is $server->{misses}, 1000, 'each key was missed once';
is $server->{sets}, 1000, 'and set';
is $server->{hits}, 14_000, 'and found from then on';

$result = bench_json(0, 'at a fixed rate', '-R', 400, '-n', 60, '-k', 100, '-f', $at);
cmp_ok $result->{servers}[0]{requests_per_second}{median}, '<', 600, 'no faster than asked';

$result = bench_json(0, 'for a time, after a warm-up', '-s', 0.5, '-w', 0.1, '-k', 100, '-f', $at);
cmp_ok $result->{servers}[0]{gets}, '>', 0, 'gets were counted';

$result = bench_json(0, 'two servers', '-f', '-k', 100, '-n', 400, '--rounds', 3, '--versus', $unix->unix_path, $at);
is scalar(@{$result->{servers}}), 2, 'both are there';
is scalar(@{$_->{rounds}}), 3, "$_->{server}: 3 rounds" for @{$result->{servers}};
ok exists $result->{ratio}{server_cpu}, 'and the ratio';
my ($versus_status, $table) = bench('-c', 2, '-k', 100, '-n', 100, '--rounds', 1, '--versus', $unix->unix_path . ',' . $unix->pid, $at);
is $versus_status, 0, 'the table';
like $table, qr/^ +\Q$at\E +\Q@{[$unix->unix_path]}\E +ratio$/m, 'has a column for each';
like $table, qr{^requests/s +\d+ +\d+ +[\d.]+$}m, 'with the rate';
like $table, qr{^server CPU, us/request +(?:[\d.]+|-) +(?:[\d.]+|-)}m, 'and the processor time';
like +(bench('-n', 10, '-c', 1, '-j', '-', $at))[1], qr/^\{.*\}\n\z/, 'JSON on standard output, alone';

# ---- what goes wrong

my $connection = $tcp->connect;
$connection->ask('set key-000000000005 0 0 32', 'x' x 32);
$result = bench_json(1, 'a value that somebody else has set', '-v', '-r', '0:1', '-p', 'sequential', '-k', 10, '-n', 10, $at);
cmp_ok $result->{servers}[0]{wrong_values}, '>=', 1, 'is found';
like $result->{servers}[0]{problem}, qr/never set under its key/, 'and told';
is +(bench_json(0, 'unless values are not checked', '-r', '0:1', '-k', 10, '-n', 10, $at))->{servers}[0]{wrong_values}, 0, 'fine';

SKIP: {
    skip 'what is too large is larder\'s own default here', 2 if !is_larder();
    $result = bench_json(1, 'sets that the server refuses', '-r', '1:0', '-d', '2m', '-n', 4, '-k', 10, $at);
    is $result->{servers}[0]{errors}, 4, 'are errors';
}

my $doomed = Larder->start(tcp => 1);
my $pid = open(my $output, '-|', "$program -q -c 3 -s 600 -f -k 100 127.0.0.1:" . $doomed->port . ' 2>&1; echo status $?') // die "fork: $!";
ok wait_until(sub { ($doomed->stats->{cmd_get} // 0) > 100 }), 'a run is under way';
$doomed->stop('KILL');
$doomed->{checked} = 1;
my $said = do { local $/; <$output> };
like $said, qr/^larder-bench: connection \d: .*\nstatus 1\n\z/, 'the server dies: exit 1';

# ---- TLS

SKIP: {
    skip 'no TLS, or no openssl command', 1 if !is_larder() || !can_speak_tls;
    my $files = certificates;
    my $server = Larder->start(
        listen => ['-l', 'notls:127.0.0.1:0,127.0.0.1:0'],
        tcp => 1,
        args => ['-Z', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key,ssl_verify_mode=2,ssl_ca_cert=$files/ca.pem"],
    );
    my $name = '127.0.0.1:' . tls_port($server);
    my @ours = ('--tls', '--tls-cert', "$files/client.pem", '--tls-key', "$files/client.key");
    $result = bench_json(0, 'over TLS', @ours, '--tls-ca', "$files/ca.pem", '-f', '-v', '-c', 7, '-t', 2, '-P', 20, '-k', 500,
        '-d', '10-1k:9,50k:1', '-n', 3000, $name . ',' . $server->pid);
    is $result->{servers}[0]{misses}, 0, 'nothing was missed';
    cmp_ok $server->stats->{ssl_new_sessions}, '>=', 7, 'and the server has seen as many sessions';
    $result = bench_json(0, 'whatever the certificate', @ours, '--tls-skip-verify', '-n', 100, '-k', 10, $name);
    for my $case ([[@ours, '--tls-ca', "$files/other.pem"], qr/certificate verify failed/, 'a server that is not trusted'],
        [['--tls', '--tls-ca', "$files/other.pem", '--tls-key', 'x', '--tls-cert', '/dev/null'], qr{--tls-cert /dev/null: }, 'no certificate'])
    {
        my ($status, $said) = bench('-n', 10, '-c', 1, @{$case->[0]}, $name);
        cmp_ok $status, '>', 0, $case->[2];
        like $said, qr/^larder-bench: .*$case->[1]/m, 'and why';
    }
    like +(bench('--tls-skip-verify', $name))[1], qr/want --tls too/, '--tls-skip-verify alone';
    stops_cleanly $server;
}

stops_cleanly $_ for $tcp, $unix;
done_testing;
