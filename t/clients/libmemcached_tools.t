# libmemcached's command line tools: store, show, touch, remove and look.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;

my %tool = map { $_ => program_or_skip($_) } qw(memccp memccat memcstat memcrm memctouch memcping memcexist memcflush memcdump);
my $server = Larder->start(tcp => 1);
my $servers = '--servers=127.0.0.1:' . $server->port;

my $first = $server->directory . '/first.txt';
my $second = $server->directory . '/second.bin';
my $binary = join '', map { chr($_ * 7 % 256) } 1 .. 300_000;
for (([$first, "hello from a file\n"], [$second, $binary])) {
    open my $file, '>:raw', $_->[0] or die "$_->[0]: $!";
    print {$file} $_->[1];
    close $file;
}

# The tools' exit codes and their output are all there is to see.
sub tool {
    my ($name, @arguments) = @_;
    return run_client(undef, $tool{$name}, $servers, @arguments);
}

is((tool('memcping'))[0], 0, 'memcping');
is((tool('memccp', $first, $second))[0], 0, 'memccp stores files');
my $reply = $server->converse("get first.txt\r\n");
is $reply, "VALUE first.txt 0 18\r\nhello from a file\n\r\nEND\r\n", 'the server has the first';
ok $server->converse("get second.bin\r\n") eq "VALUE second.bin 0 300000\r\n$binary\r\nEND\r\n", 'and the second';

my ($status, $text) = tool('memccat', 'first.txt');
is $status, 0, 'memccat';
like $text, qr/^hello from a file$/m, 'shows the file';
my $copy = $server->directory . '/copy.bin';
is((tool('memccat', "--file=$copy", 'second.bin'))[0], 0, 'memccat into a file');
ok Larder::read_file($copy) eq $binary, 'gives the same bytes';
isnt((tool('memccat', 'none'))[0], 0, 'memccat of nothing fails');

($status, $text) = tool('memcstat');
is $status, 0, 'memcstat';
like $text, qr/curr_items:?\s+2\b/, 'shows the items';
like $text, qr/version:?\s+1\.6/, 'and the version';

($status, $text) = tool('memcdump');
is $status, 0, 'memcdump';
is join(' ', sort split ' ', $text), 'first.txt second.bin', 'lists the keys';

$server->converse(join '', map { "set dumped:$_ 0 0 1 noreply\r\nx\r\n" } 1 .. 3000);
($status, $text) = tool('memcdump');
is scalar(() = $text =~ /^dumped:\d+$/mg), 3000, 'memcdump of many keys';

is((tool('memcexist', 'first.txt'))[0], 0, 'memcexist finds');
is((tool('memctouch', '--expire=5000', 'first.txt'))[0], 0, 'memctouch');
like $server->converse("mg first.txt t\r\n"), qr/^HD t(?:5000|49\d\d)\r\n\z/, 'gives a new time to live';
isnt((tool('memctouch', '--expire=5000', 'none'))[0], 0, 'memctouch of nothing fails');

is((tool('memcrm', 'first.txt'))[0], 0, 'memcrm');
is $server->converse("get first.txt\r\n"), "END\r\n", 'removes';
isnt((tool('memcexist', 'first.txt'))[0], 0, 'memcexist finds no more');
is((tool('memcflush'))[0], 0, 'memcflush');
is $server->converse("get second.bin\r\n"), "END\r\n", 'flushes';

stops_cleanly $server;
isnt((tool('memcping'))[0], 0, 'memcping of nobody fails');
done_testing;
