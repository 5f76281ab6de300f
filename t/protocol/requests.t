# Hundreds of requests, right and wrong, in every form that a line can take: each is answered with just these bytes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;

my %byte_of = (r => "\r", n => "\n", t => "\t", '\\' => '\\');

sub bytes_of_cell {
    my ($cell) = @_;
    $cell =~ s/\\(?:x([0-9a-f]{2})|(.))/defined $1 ? chr hex $1 : $byte_of{$2}/ge;
    return $cell;
}

# [kind, yes or no, sent, answered]
sub rows {
    open my $table, '<', "$FindBin::Bin/requests.tsv" or die "requests.tsv: $!\n";
    return map { [split /\t/] } grep { !/^#/ } map { chomp; $_ } <$table>;
}

my $server = Larder->start(args => ['-t', 1], no_debug => 1);
my $connection = $server->connect;
my $items = crlf('flush_all', 'set a 5 0 3', 'abc', 'set n 7 0 2', '10');

# The replies of rows that are not answered as the table says, and how many rows of each kind were.
my (%right, %wrong);
for my $row (rows()) {
    my ($kind, $in_original, $sent, $answered) = @$row;
    next if !is_larder && $in_original ne 'yes';
    $connection->converse($items);
    my ($reply, $closed) = $connection->converse(bytes_of_cell($sent));
    my $expected = bytes_of_cell($answered // '');
    if ($reply eq $expected && !$closed) {
        $right{$kind}++;
    } else {
        push @{$wrong{$kind}}, $sent;
        diag "sent $sent\nnot answered " . escaped($expected) . 'but ' . escaped($reply) if keys %wrong <= 3;
    }
    $connection = $server->connect if $closed;
}

is_deeply $wrong{$_} // [], [], "$_: " . ($right{$_} // 0) . ' rows' for sort keys %{{%right, %wrong}};
cmp_ok scalar keys %right, '>', 30, 'the table has all kinds';

$connection->close;
stops_cleanly $server;
done_testing;
