# Makes calls of the daemon under test fail: the test's side of t/faults/faults.c, which says what the file holds.
package Larder::Faults;

use strict;
use warnings;

use File::Temp qw(tempdir tempfile);
use FindBin;
use Test::More;

use Larder;

my @kinds = qw(allocate read write accept thread descriptor interrupt again);
my %place_of = map { $kinds[$_] => 32 * $_ } 0 .. $#kinds;
my %of_all = (read_most => 32 * @kinds, write_most => 32 * @kinds + 8, blocks => 32 * @kinds + 16);

sub library_path { return ($ENV{top_builddir} // '.') . '/t/faults/faults.so' }

# Ends the test where calls can't be made to fail.
sub needed {
    larder_only('its calls are made to fail');
    plan skip_all => 'the sanitizers come before any other library' if is_sanitized();
    plan skip_all => 't/faults/faults.so is not built here' if !-e library_path();
}

sub new {
    my ($class) = @_;
    my ($file, $path) = tempfile('larder-faults-XXXXXX', TMPDIR => 1, UNLINK => 1);
    syswrite $file, "\0" x (32 * @kinds + 24);
    return bless {file => $file, path => $path}, $class;
}

# What Larder->start needs as its `environment`.
sub environment {
    my ($self) = @_;
    return {LD_PRELOAD => library_path(), LARDER_FAULTS => $self->{path}};
}

sub put {
    my ($self, $place, @numbers) = @_;
    sysseek $self->{file}, $place, 0;
    syswrite $self->{file}, pack 'q*', @numbers;
}

sub get {
    my ($self, $place) = @_;
    sysseek $self->{file}, $place, 0;
    sysread $self->{file}, my $bytes, 8;
    return unpack 'q', $bytes;
}

# From now on the call number $left of that kind fails, and then each $every-th, if that is given.
sub arm {
    my ($self, $kind, $left, $every) = @_;
    $self->put($place_of{$kind} + 8, $every // 0);
    $self->put($place_of{$kind}, $left);
}

sub disarm {
    my ($self, $kind) = @_;
    $self->arm($kind, 0, 0);
}

# A program that tests take for the daemon, whose calls fail as this says: its path.
sub program {
    my ($self) = @_;
    return $self->{program} if defined $self->{program};
    $self->{directory} = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my %environment = %{$self->environment};
    my $path = "$self->{directory}/larderd";
    open my $script, '>', $path or die "$path: $!";
    print $script "#!/bin/sh\n", map({ "export $_='$environment{$_}'\n" } sort keys %environment), "exec '", server_path(), "' \"\$@\"\n";
    close $script;
    chmod 0755, $path;
    return $self->{program} = $path;
}

# Those tests pass with it, and so many calls of that kind were made, or hit.
sub pass_tests {
    my ($self, $what, $count, @tests) = @_;
    my $before = $count->();
    local $ENV{LARDERD} = $self->program;
    local $ENV{HARNESS_OPTIONS};
    my $report = `prove -I $FindBin::Bin/../lib @tests 2>&1`;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok $? == 0, "tests by a daemon of $what" or diag $report;
    cmp_ok $count->(), '>', $before + 1000, 'whose calls were caught';
}

# No read, no write moves more than so many bytes; 0 lets them go on.
sub limit_bytes {
    my ($self, $read_most, $write_most) = @_;
    $self->put($of_all{read_most}, $read_most, $write_most);
}

sub calls { return $_[0]->get($place_of{$_[1]} + 16) }

sub hits { return $_[0]->get($place_of{$_[1]} + 24) }

# Blocks of memory that are allocated now.
sub blocks { return $_[0]->get($of_all{blocks}) }

# The same, once the bystander is the only client.
sub blocks_at_rest {
    my ($self, $bystander) = @_;
    wait_until(sub { $bystander->stats->{curr_connections} == 1 }) or diag 'connections are left';
    return $self->blocks;
}

# The same, when there have been as many clients and watchers as a test may come to have: libevent keeps a block for each
# descriptor that a thread ever had.
sub blocks_after_crowd {
    my ($self, $server, $bystander) = @_;
    for my $hello ("mn\r\n", "watch\r\n") {
        my @crowd = map { $server->connect } 1 .. 16;
        $_->send($hello) && $_->read_line for @crowd;
        $_->close for @crowd;
        $self->blocks_at_rest($bystander);
    }
    return $self->blocks;
}

1;
