#!/usr/bin/perl
# Four larderds behind nutcracker, libmemcached and pymemcache, set up as in doc/examples: when one is killed only its share
# of the keys is missed, and when it comes back it has that share again; no value is ever another key's.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open2;
use JSON::PP;
use Test::More;

use Larder;
use Larder::Cluster;

use constant COUNT => 600;
use constant VICTIM => 2;

larder_only('the cluster is of larderds');
Larder::Cluster::enter();

my $top = $ENV{top_srcdir} // '.';
my @keys = map { "key-$_" } 0 .. COUNT - 1;
my $cluster = Larder::Cluster->start;

sub is_there {
    my ($client) = @_;
    return system('/usr/bin/python3 -c "import pymemcache" 2>/dev/null') == 0 && Larder::Cluster::has_command('nutcracker')
        if $client eq 'nutcracker';
    return system("/usr/bin/python3 -c 'import $client' 2>/dev/null") == 0;
}

# nutcracker with the example's file, but for the time until a dead node is tried again, which a test can't wait for.
sub start_nutcracker {
    my $text = Larder::read_file("$top/doc/examples/nutcracker.yml");
    $text =~ s/(server_retry_timeout:) 30000/$1 500/ or die 'server_retry_timeout';
    my $path = "$cluster->{directory}/nutcracker.yml";
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file;
    $cluster->launch('nutcracker', '127.0.0.1', 22121, 'nutcracker', '-c', $path, '-o', "$cluster->{directory}/proxy.log", '-a',
        '127.0.0.1', '-s', 22222, '-p', "$cluster->{directory}/nutcracker.pid");
}

# One round of the client over all keys: {right, missing, wrong, failed}, each a list of keys.
sub all_keys {
    my ($client, $what) = @_;
    print {$client->{to}} "$what @{[COUNT]}\n";
    my $line = readline $client->{from} // die 'the client ended';
    return decode_json($line);
}

# Rounds until none failed and the keys missed are those; what was wrong or missed beyond them on the way.
sub settles {
    my ($client, $name, @missing) = @_;
    my %expected = map { $_ => 1 } @missing;
    my %odd;
    my $settled = wait_until(sub {
        my $round = all_keys($client, 'get');
        $odd{$_} = 1 for @{$round->{wrong}}, grep { !$expected{$_} } @{$round->{missing}};
        return !@{$round->{failed}} && "@{$round->{missing}}" eq "@missing";
    });
    ok $settled, $name;
    is_deeply [sort keys %odd], [], 'no other key is missed, no value is wrong meanwhile';
}

sub try_client {
    my ($name) = @_;
    $cluster->connect_node($_)->converse("flush_all\r\n") for Larder::Cluster::NODES;
    my $pid = open2(my $from, my $to, '/usr/bin/python3', '-B', "$FindBin::Bin/keys.py", "$top/doc/examples", $name);
    my $client = {from => $from, to => $to};

    is_deeply all_keys($client, 'set')->{failed}, [], "$name: all keys are set";
    is_deeply all_keys($client, 'get')->{right}, \@keys, 'and read';
    my @held = map { $cluster->held($_, @keys) } Larder::Cluster::NODES;
    is eval { my $sum = 0; $sum += keys %$_ for @held; $sum }, COUNT, 'each is on one node';
    is scalar(grep { keys %$_ < COUNT / 12 } @held), 0, 'every node has a share' or diag join ' ', map { scalar keys %$_ } @held;
    my @share = grep { $held[VICTIM - 1]{$_} } @keys;

    $cluster->kill_node(VICTIM);
    settles($client, 'a node is killed: its share is missed', @share);
    is_deeply all_keys($client, 'set')->{failed}, [], 'others stand in for it';
    is_deeply all_keys($client, 'get')->{right}, \@keys, 'and have all keys';

    $cluster->start_node(VICTIM);
    settles($client, 'it is back, and empty: its share is missed again', @share);
    is_deeply all_keys($client, 'set')->{failed}, [], 'all is set';
    is_deeply all_keys($client, 'get')->{right}, \@keys, 'and read';
    my $held = $cluster->held(VICTIM, @keys);
    is_deeply [grep { $held->{$_} } @keys], \@share, 'the node has the share that it had';
    close $to;
    waitpid $pid, 0;
}

for my $client (qw(nutcracker pylibmc pymemcache)) {
    SKIP: {
        skip "$client is not here", 1 if !is_there($client);
        start_nutcracker() if $client eq 'nutcracker';
        try_client($client);
    }
}
done_testing;
