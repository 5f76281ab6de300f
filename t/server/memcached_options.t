#!/usr/bin/perl
# Every option of memcached's works, is accepted as one that means nothing here, or is refused for a reason that is
# told; none is unknown (memcached_options.tsv).
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub rows {
    my @rows;
    for my $line (split /\n/, Larder::read_file("$FindBin::Bin/memcached_options.tsv")) {
        next if $line =~ /^#/;
        my ($option, $value, $outcome) = split /\t/, $line;
        $value =~ s/FILE/$directory\/file/;
        push @rows, {option => $option, value => $value, outcome => $outcome};
    }
    return @rows;
}

# As it stands on a command line.
sub words {
    my ($row) = @_;
    my ($option, $value) = @$row{qw(option value)};
    return ('-o', $option =~ s/^-o //r . ($value eq '' ? '' : "=$value")) if $option =~ /^-o /;
    return ($value eq '' ? $option : "$option=$value") if $option =~ /^--/;
    return ($option, $value eq '' ? () : $value);
}

my @rows = rows();
cmp_ok scalar @rows, '>', 130, 'the list is read';
open my $file, '>', "$directory/file" or die "$directory/file: $!";
print $file "user:password\n";
close $file;

if (!is_larder) {
    # The list holds nothing that memcached itself has not, but for what came after 1.6.18 and --napi_ids, which its help says.
    for my $row (grep { $_->{option} !~ /proxy_|relaxed_privileges|--napi_ids/ } @rows) {
        my ($status, $error) = starts_and_exits(words($row), '-V');
        unlike $error, qr/unrecognized option|invalid option|Illegal suboption/, join ' ', words($row);
    }
    done_testing;
    exit;
}

my ($status, $error, $help) = starts_and_exits('--help');
my ($works, $accepted) = split /^Accepted without effect.*\n/m, $help;
my ($status_of_version, $errors, $version) = starts_and_exits('--version');
my %lacks = (Z => 'TLS', drop_privileges => 'seccomp');
delete $lacks{$_} for grep { $version =~ /, $lacks{$_}\b/ } keys %lacks;

# Where --help tells of an option: `works`, `accepted` or ''.
sub place_in_help {
    my ($option) = @_;
    my ($name) = $option =~ /^(?:-o (?:no_)?|--|-)(.+)/;
    $name =~ s/^v+\z/v/;
    my $line = $option =~ /^-o / ? qr/^   (?:\[no_\])?\Q$name\E\b/m : $option =~ /^--/ ? qr/^(?:-.,|   ) --\Q$name\E\b/m : qr/^-\Q$name\E\b/m;
    return $works =~ $line ? 'works' : $accepted =~ $line ? 'accepted' : '';
}

# What ssl_chain_cert and the like need beside them is needed in the end only, and -l, -s and -u are given anyway.
for my $row (@rows) {
    my @words = words($row);
    my $name = join(' ', @words) =~ s/\Q$directory\E/FILE/r;
    my ($part) = grep { $row->{option} =~ /^(?:-|--enable-ssl|-o (?:no_)?)\Q$_\E$/ } keys %lacks;
    next if defined $part && $row->{option} !~ /no_/;
    my @beside = $row->{option} =~ /^(?:-Z|--enable-ssl)$/ ? ('-o', "ssl_chain_cert=$directory/file") : ();
    my ($status, $error, $output) = starts_and_exits(@words, @beside, '--check-config');
    if ($row->{outcome} =~ /^(works|accepted)$/) {
        is $status, 0, "$name is taken" or diag $error;
        is place_in_help($row->{option}), $1, "$name: --help says so";
    } else {
        is $status, 64, "$name is refused";
        like $error, qr/\Alarderd: [^\n]*\Q$row->{outcome}\E[^\n]*\n\z/, "$name: for its reason";
        is place_in_help($row->{option}), '', "$name: --help does not offer it" if $row->{option} !~ /^-[Bl]$/;
    }
}

{
    # All at once that mean nothing.
    my $server = Larder->start(args => [map { words($_) } grep { $_->{outcome} eq 'accepted' } @rows]);
    converses $server, 'and with all that mean nothing it serves', ['set k 0 0 1', 'x', 'get k'] => ['STORED', 'VALUE k 0 1', 'x', 'END'];
    stops_cleanly $server;
}

done_testing;
