# What every test in t/attack asks of the daemon while it is attacked: memory within its bound, others served as if
# nothing was, and a log that does not run full.
package Larder::Attack;

use strict;
use warnings;

use Exporter qw(import);
use Test::More;
use Time::HiRes qw(time);

use Larder;

our @EXPORT = qw(attacked is_logged_once others_are_served stays_within);

use constant {MEMORY => 64, MARGIN => 4, LOG_INTERVAL => 10};

my $started = time;

# A daemon with -m 64 and two workers, and a client that was there before.
sub attacked {
    my %options = @_;
    my $server = Larder->start(%options, args => ['-m', MEMORY, '-t', 2, @{$options{args} // []}]);
    my $other = $server->connect;
    wait_until(sub { $other->stats->{curr_connections} == 1 }) or BAIL_OUT('connections that nobody holds');
    return ($server, $other);
}

sub stays_within {
    my ($server, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    SKIP: {
        skip 'other memory is used here', 1 if is_sanitized || !is_larder;
        cmp_ok $server->memory_kib('VmHWM'), '<=', (MEMORY + MARGIN) * 1024, "$name: within -m and " . MARGIN . ' MiB';
    }
}

# The one who was there, and one who comes now.
sub others_are_served {
    my ($server, $other, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $served = 0;
    for my $client ($other, $server->connect) {
        for my $number (1 .. 20) {
            my $value = chr(97 + $number) x (500 * $number);
            my $size = length $value;
            $served++ if $client->ask("set other$number 0 0 $size", $value, "get other$number")
                eq crlf('STORED', "VALUE other$number 0 $size", $value, 'END');
        }
    }
    is $served, 40, "$name: others are served";
}

# One line for each thread that can write it, and more only after the interval.
sub is_logged_once {
    my ($server, $pattern, $threads, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $lines = () = $server->stderr =~ /$pattern/g;
    cmp_ok $lines, '>=', 1, "$name: logged";
    cmp_ok $lines, '<=', $threads * (1 + int((time - $started) / LOG_INTERVAL)), "$name: and not again and again";
}

1;
