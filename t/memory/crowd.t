# Memory: idle, full, and while 1,000 connections ask for 100 values of 10 KiB each and read late, VmHWM stays within
# -m and 4 MiB; also where the kernel gives huge pages to everybody.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Poll qw(POLLIN);
use Test::More;
use Time::HiRes qw(time);

use Larder;

larder_only('memcached keeps its hash table outside -m');
plan skip_all => 'a sanitizer uses memory of its own' if is_sanitized;

use constant {CONNECTIONS => 1000, KEYS => 100, VALUE_SIZE => 10_240};

my $huge_pages_path = '/sys/kernel/mm/transparent_hugepage/enabled';
my $huge_pages_before;

sub first_line {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    return scalar(<$file>) // '';
}

sub set_huge_pages {
    my ($value) = @_;
    open my $file, '>', $huge_pages_path or return 0;
    return syswrite($file, $value) && CORE::close $file;
}

END {
    my $status = $?;
    set_huge_pages($huge_pages_before) if defined $huge_pages_before;
    $? = $status;
}

sub available_mib {
    open my $file, '<', '/proc/meminfo' or return 0;
    return (map { /^MemAvailable:\s+(\d+) kB/ ? $1 >> 10 : () } <$file>)[0] // 0;
}

# Half as much again as there is room for.
sub fill {
    my ($server, $megabytes) = @_;
    my $value = 'v' x VALUE_SIZE;
    my $count = int($megabytes * 1.5 * 2**20 / VALUE_SIZE);
    my @connections = map { $server->connect } 1 .. 4;
    my @batch;
    for my $number (1 .. $count) {
        push @batch, sprintf("set key%07d 0 0 %d noreply\r\n%s\r\n", $number, VALUE_SIZE, $value);
        next if @batch < 50 && $number < $count;
        $connections[$number % @connections]->send(join '', splice @batch);
    }
    $_->converse('') for @connections;
    $_->close for @connections;
    return $count;
}

# Every connection asks; nobody reads until all have asked.
sub ask_in_a_crowd {
    my ($server, $newest, $kept) = @_;
    my @connections = map { $server->connect } 1 .. CONNECTIONS;
    for my $connection (@connections) {
        my @keys = map { sprintf 'key%07d', $newest - int rand $kept } 1 .. KEYS;
        $connection->send_some("get @keys\r\n");
    }
    $_->wait_consumed for @connections;
    return @connections;
}

# How many have got their whole answer, byte for byte as long as it must be.
sub read_answers {
    my (@connections) = @_;
    my $expected = KEYS * length(sprintf "VALUE key0000000 0 %d\r\n\r\n", VALUE_SIZE) + KEYS * VALUE_SIZE + 5;
    my $poll = IO::Poll->new;
    my ($whole, $bytes, $end) = (0, undef, time + deadline_seconds());
    my %got = map { $_->socket => 0 } @connections;
    $poll->mask($_->socket => POLLIN) for @connections;
    while ($poll->handles && time < $end) {
        $poll->poll(1);
        for my $socket ($poll->handles(POLLIN)) {
            my $read = sysread $socket, $bytes, 1 << 20;
            next if !defined $read;
            $got{$socket} += $read;
            $end = time + deadline_seconds() if $read;
            next if $read && $got{$socket} < $expected;
            $whole++ if $got{$socket} == $expected && $bytes =~ /END\r\n\z/;
            $poll->remove($socket);
        }
    }
    return $whole;
}

sub stays_within {
    my ($name, @arguments) = @_;
    my ($megabytes) = map { $arguments[$_] eq '-m' ? $arguments[$_ + 1] : () } 0 .. $#arguments;
    my $server = Larder->start(args => [@arguments, '-c', CONNECTIONS + 10]);
    my $bound = ($megabytes + 4) * 1024;
    my $rest = $server->memory_kib('VmHWM');
    cmp_ok $rest, '<=', 8 * 1024 + $megabytes * 1024 / 64, "$name: idle, it takes little more than the index's first size";
    my $newest = fill($server, $megabytes);
    my $full = $server->memory_kib('VmHWM');
    cmp_ok $full, '<=', $bound, "$name: full";
    cmp_ok $server->stats->{evictions}, '>', 0, "$name: it was";
    my @connections = ask_in_a_crowd($server, $newest, $megabytes * 50);
    my $asked = $server->memory_kib('VmHWM');
    is read_answers(@connections), CONNECTIONS, "$name: everybody gets everything";
    my $crowd = $server->memory_kib('VmHWM');
    cmp_ok $crowd, '<=', $bound, "$name: with " . CONNECTIONS . ' who read late';
    note "$name: VmHWM $rest kB idle, $full full, $asked when all had asked, $crowd when all had read";
    stops_cleanly $server;
}

sub try_both_sizes {
    my ($pages) = @_;
    stays_within("-m 64 -t 4, $pages", '-m', 64, '-t', 4);
    SKIP: {
        skip 'too little memory is free for -m 1024', 1 if available_mib() < 1600;
        stays_within("-m 1024, $pages", '-m', 1024);
    }
}

try_both_sizes('huge pages as they are');
SKIP: {
    my ($before) = first_line($huge_pages_path) =~ /\[(\w+)\]/;
    skip 'the kernel has no transparent huge pages', 1 if !defined $before;
    skip 'they are on "always" already', 1 if $before eq 'always';
    skip 'only root may set them', 1 if !set_huge_pages('always');
    $huge_pages_before = $before;
    try_both_sizes('huge pages always');
    ok set_huge_pages($before), 'and set back';
    undef $huge_pages_before;
}

done_testing;
