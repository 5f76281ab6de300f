# nginx serves pages out of the cache (memcached_pass): the same bytes, misses handed on, expiry, gzip by client flags.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Compress::Gzip qw(gzip);
use IO::Socket::UNIX;
use Test::More;

use Larder;
use Larder::Client;

local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
my $nginx = program_or_skip('nginx');
my $server = Larder->start(tcp => 1);
my $directory = $server->directory;
my $front = "$directory/front";

open my $file, '>', "$directory/nginx.conf" or die "nginx.conf: $!";
print {$file} <<"END";
daemon off;
master_process off;
pid $directory/nginx.pid;
error_log $directory/nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path $directory/body;
    proxy_temp_path $directory/proxy;
    fastcgi_temp_path $directory/fastcgi;
    uwsgi_temp_path $directory/uwsgi;
    scgi_temp_path $directory/scgi;
    upstream cache {
        server 127.0.0.1:@{[$server->port]};
        keepalive 4;
    }
    server {
        listen unix:$front;
        location / {
            set \$memcached_key "\$uri\$is_args\$args";
            memcached_gzip_flag 2;
            memcached_pass cache;
            error_page 404 = \@made;
        }
        location \@made {
            return 200 "made anew: \$uri";
        }
    }
}
END
close $file or die "nginx.conf: $!";

my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDERR, '>', "$directory/nginx.stderr";
    exec $nginx, '-p', $directory, '-c', "$directory/nginx.conf" or POSIX::_exit(127);
}
END { kill 'KILL', $pid if $pid }
my $runs = wait_until sub { -S $front && IO::Socket::UNIX->new(Peer => $front) };
ok $runs, 'nginx runs' or BAIL_OUT(Larder::read_file("$directory/nginx.stderr"));

my $browser = Larder::Connection->connect_unix($front);

# (status, headers, body), on one connection that is kept.
sub page {
    my ($uri) = @_;
    $browser->send("GET $uri HTTP/1.1\r\nHost: test\r\n\r\n");
    my $head = $browser->read_until("\r\n\r\n");
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    return ($head =~ /^HTTP\S+ (\d+)/, $head, defined $length ? $browser->read_exactly($length) : '');
}

sub serves {
    my ($uri, $expected, $name) = @_;
    my ($status, $head, $body) = page($uri);
    ok $status == 200 && $body eq $expected, $name or diag $head . escaped($body);
    return $head;
}

sub put {
    my ($key, $value, $flags, $exptime) = @_;
    my $reply = $server->converse("set $key " . ($flags // 0) . ' ' . ($exptime // 0) . ' ' . length($value) . "\r\n$value\r\n");
    is $reply, "STORED\r\n", 'a page is stored';
}

put '/index.html', '<p>hello</p>';
serves '/index.html', '<p>hello</p>', 'and served';
serves '/none.html', 'made anew: /none.html', 'a miss is handed on';
my $large = join '', map { chr($_ * 31 % 256) } 1 .. 900_000;
put '/large?version=2', $large;
serves '/large?version=2', $large, 'a large one with an argument';
put '/empty', '';
serves '/empty', '', 'an empty one';
put '/line%20end', "a\r\nEND\r\nb\r\n";
serves '/line%20end', "a\r\nEND\r\nb\r\n", 'a key that nginx escapes, and a value that looks like a reply';
gzip(\'compressed before', \my $compressed) or die 'gzip';
put '/zipped', $compressed, 2;
like serves('/zipped', $compressed, 'a compressed one'), qr/^Content-Encoding: gzip/mi, 'is marked so by its flags';

$server->clock_at(0);
put '/short', 'lived', 0, 30;
$server->clock_at(29);
serves '/short', 'lived', 'until its time has passed';
$server->clock_at(31);
serves '/short', 'made anew: /short', 'and no longer';

my $before = $server->stats;
for my $number (1 .. 300) {
    my ($status, undef, $body) = page($number % 3 ? '/index.html' : '/none');
    $number % 3 ? $body eq '<p>hello</p>' : $body eq 'made anew: /none' or fail "page $number: $status $body";
}
my $after = $server->stats;
is $after->{get_hits} - $before->{get_hits}, 200, '200 pages out of the cache';
is $after->{get_misses} - $before->{get_misses}, 100, 'and 100 that are not there';
cmp_ok $after->{total_connections} - $before->{total_connections}, '<', 10, 'over connections that nginx keeps';
is Larder::read_file("$directory/nginx.log"), '', 'nginx has nothing to complain about';

kill 'TERM', $pid;
waitpid $pid, 0;
is $?, 0, 'nginx ends';
$pid = 0;
stops_cleanly $server;
done_testing;
