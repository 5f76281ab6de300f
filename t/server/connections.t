# A thousand connections at once, each setting and getting.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use Larder;

my $many = 1000;
if ((POSIX::sysconf(POSIX::_SC_OPEN_MAX()) // 0) < $many + 50) {
    plan skip_all => 'too few descriptors for this test' if $ENV{LARDER_MORE_DESCRIPTORS};
    $ENV{LARDER_MORE_DESCRIPTORS} = 1;
    exec '/bin/sh', '-c', 'ulimit -n $(ulimit -Hn); exec "$@"', 'sh', $^X, $0;
}

my $server = Larder->start(args => ['-c', 2000, '-t', 4]);
my @clients = map { $server->connect } 1 .. $many;

my $wrong = 0;
$clients[$_]->send("set k$_ $_ 0 " . length("value of $_") . "\r\nvalue of $_\r\n") for 0 .. $#clients;
$wrong += $_->read_line ne "STORED\r\n" for @clients;
is $wrong, 0, 'each sets';

$clients[$_]->send("get k$_\r\n") for 0 .. $#clients;
for my $number (0 .. $#clients) {
    my $value = "value of $number";
    my $expected = crlf("VALUE k$number $number " . length $value, $value, 'END');
    $wrong++ if $clients[$number]->read_until("END\r\n") ne $expected;
}
is $wrong, 0, 'each gets its own';

# All of them write to one key and read another's.
for my $round (1 .. 3) {
    $clients[$_]->send('set shared 0 0 6' . "\r\n" . sprintf('%06d', $_) . "\r\nget k" . ($many - 1 - $_) . "\r\n") for 0 .. $#clients;
    for my $number (0 .. $#clients) {
        my $other = $many - 1 - $number;
        $wrong++ if $clients[$number]->read_line ne "STORED\r\n";
        $wrong++ if $clients[$number]->read_until("END\r\n") !~ /\r\nvalue of $other\r\n/;
    }
}
is $wrong, 0, 'each meets the others';

my $stats = $clients[0]->stats;
is $stats->{curr_connections}, $many, 'curr_connections';
is $stats->{curr_items}, $many + 1, 'curr_items';
is $stats->{cmd_set}, 4 * $many, 'cmd_set';
is $stats->{get_hits}, 4 * $many, 'get_hits';

$_->close for @clients[1 .. $#clients];
ok wait_until(sub { $clients[0]->stats->{curr_connections} == 1 }), 'they leave';

stops_cleanly $server;
done_testing;
