#!/usr/bin/perl
# doc/OPERATIONS.md names every line of the log that asks for action, and none that is no longer written.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
chdir $top or die "$top: $!";

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

my $string = qr/"(?:[^"\\]|\\.)*"/;
my $arguments = qr/(?:[^";]|$string)*?/;

# The strings of a call, joined as the compiler does; what stands for a value becomes x.
sub message {
    my ($text) = @_;
    $text =~ s/\bPRI\w+/""/g;
    my ($first) = $text =~ /((?:$string\s*)+)/ or return '';
    my $message = join '', map { s/^"|"$//gr } $first =~ /$string/g;
    return $message =~ s/%[-.*0-9]*(?:zu|ju|lu|[dusc])?/x/gr;
}

# Errors and warnings, and the reasons that become such; what is wrong with an option is told by option_complain.
sub messages_of {
    my ($path) = @_;
    my $text = read_file($path);
    my @found = map { message($_) } grep { /LOG_(?:ERROR|WARNING)/ } $text =~ /\blog_write(?:_limited)?\(($arguments)\);/g;
    # What follows the name of an option there has its row with that name.
    return @found if $path =~ /config_file|option_reader|command_line|listen_addresses|tls_\w+|daemonize/;
    push @found, map { message($_) } $text =~ /\*why = ($string(?:\s*$string)*);/g;
    return @found, map { message($_) } $text =~ /\b(?:complain|fail)\(($arguments)\);/g;
}

my %messages = map { $_ => 1 } grep { /\w{2}.*\w{2}/ && !/^wants / } map { messages_of($_) } glob 'src/{base,store,proto,net,admin,daemon}/*.c';
cmp_ok scalar keys %messages, '>', 40, 'the messages are found';

# Each row begins with what the line begins with; words in capitals and ... stand for anything.
my ($section) = read_file('doc/OPERATIONS.md') =~ /^## Log lines that ask for action\n(.*?)^## /ms or die 'no such section';
my @rows = map { /^\| (`.*?`) \| / ? $1 =~ /`([^`]+)`/g : () } split /\n/, $section;
my %used;
sub pattern {
    my ($row) = @_;
    my $end = $row =~ /\.\.\.$/ ? '' : '$';
    my @parts = split /(?:\.\.\.|\b[A-Z]\b|\b(?:FILE|LINE|USER|HOST|PORT|OPTION|ADDRESS)\b)/, $row, -1;
    return '^' . join('.*?', map { quotemeta } @parts) . $end;
}
for my $message (sort keys %messages) {
    my @matching = grep { my $pattern = pattern($_); $message =~ /$pattern/ } @rows;
    ok @matching > 0, $message or diag 'doc/OPERATIONS.md has no row that begins so';
    $used{$_} = 1 for @matching;
}

# Written by other means than log_write: bug:, a line of the configuration, what the log says of itself.
my @others = grep { !$used{$_} && !/^(?:bug:|FILE:LINE:|N lines of the log|closed a connection that speaks)/ } @rows;
is_deeply \@others, [], 'no row tells of what is not written';
done_testing;
