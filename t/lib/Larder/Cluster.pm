# Four larderds on a network of their own: each in a network namespace with its own address, all on one bridge, whose
# namespace the test itself is in. Needs root; nothing of it is seen outside.
package Larder::Cluster;

use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Larder;
use Larder::Connection;

use constant NODES => 1 .. 4;
use constant OWN_ADDRESS => '10.77.0.254';

sub address { return "10.77.0.$_[0]" }

sub has_command { return system("command -v $_[0] >/dev/null 2>&1") == 0 }

# Runs the test again in namespaces of its own, or skips it where that can't be.
sub enter {
    return if $ENV{LARDER_IN_NAMESPACE};
    plan skip_all => 'network namespaces need root' if $> != 0;
    plan skip_all => 'no ip and unshare here' if !has_command('ip') || !has_command('unshare');
    plan skip_all => 'no network namespaces here' if system('unshare --net --mount ip link set lo up 2>/dev/null') != 0;
    $ENV{LARDER_IN_NAMESPACE} = 1;
    exec 'unshare', '--net', '--mount', $^X, (map { "-I$_" } @INC), $0 or die "unshare: $!";
}

sub run { system(@_) == 0 or die "@_: status $?\n" }

sub start {
    my ($class) = @_;
    my $self = bless {directory => tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1), processes => {}}, $class;
    run(qw(mount -t tmpfs tmpfs /run));
    run(qw(ip link set lo up));
    run(qw(ip link add bridge0 type bridge));
    run(qw(ip addr add), OWN_ADDRESS . '/24', qw(dev bridge0));
    run(qw(ip link set bridge0 up));
    for my $node (NODES) {
        run('ip', 'netns', 'add', "node$node");
        run(qw(ip link add), "veth$node", qw(type veth peer name eth0 netns), "node$node");
        run(qw(ip link set), "veth$node", qw(master bridge0 up));
        run('ip', '-n', "node$node", qw(addr add), address($node) . '/24', qw(dev eth0));
        run('ip', '-n', "node$node", qw(link set), $_, 'up') for 'lo', 'eth0';
        $self->start_node($node);
    }
    return $self;
}

# Starts a program whose end is seen to; it accepts at $address and $port when this returns.
sub launch {
    my ($self, $name, $address, $port, @command) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{directory}/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    $self->{processes}{$name} = $pid;
    wait_until(sub { eval { Larder::Connection->connect_tcp($address, $port)->close; 1 } })
        or die "$name does not accept: " . Larder::read_file("$self->{directory}/$name.log");
}

sub start_node {
    my ($self, $node) = @_;
    $self->launch("node$node", address($node), 11211, 'ip', 'netns', 'exec', "node$node", server_path(), '-u', 'root', '-l',
        address($node), '-t', 1, '-m', 64, split ' ', $ENV{LARDERD_ARGS} // '');
}

# Ends it as a machine's failure does.
sub kill_node {
    my ($self, $node) = @_;
    my $pid = delete $self->{processes}{"node$node"};
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub connect_node {
    my ($self, $node) = @_;
    return Larder::Connection->connect_tcp(address($node), 11211);
}

# Which of the keys a node holds.
sub held {
    my ($self, $node, @keys) = @_;
    my $connection = $self->connect_node($node);
    my %held = map { $_ => 1 } $connection->converse("get @keys\r\n") =~ /^VALUE (\S+)/mg;
    $connection->close;
    return \%held;
}

sub DESTROY {
    my ($self) = @_;
    local $?;
    kill 'TERM', values %{$self->{processes}};
    waitpid $_, 0 for values %{$self->{processes}};
}

1;
