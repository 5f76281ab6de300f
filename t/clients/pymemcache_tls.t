#!/usr/bin/perl
# pymemcache over TLS, with a certificate of its own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Larder;
use Larder::Client;
use Larder::Tls;

larder_only('its listeners');
plan skip_all => 'no TLS, or no openssl command' if !can_speak_tls;
my $python = program_or_skip('/usr/bin/python3', "-c 'import pymemcache, ssl'");

my $files = certificates;
my $server = Larder->start(
    listen => ['-l', 'notls:127.0.0.1:0,mtls:127.0.0.1:0'],
    tcp => 1,
    args => ['-Z', '-I', '4m', '-o', "ssl_chain_cert=$files/server.pem,ssl_key=$files/server.key,ssl_ca_cert=$files/ca.pem"],
);
my ($status, $said) = run_client(undef, $python, '-c', <<'END', tls_port($server), $files);
import ssl, sys
from pymemcache.client.base import Client, PooledClient
port, files = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=files + '/ca.pem')
context.load_cert_chain(files + '/client.pem', files + '/client.key')
for kind in Client, PooledClient:
    client = kind(('localhost', port), tls_context=context, timeout=20, connect_timeout=20)
    value = bytes(range(256)) * 8192
    assert client.set('large', value)
    assert client.get('large') == value
    assert client.set_many({'k%d' % i: b'v%d' % i for i in range(200)}) == []
    assert client.get_many(['k%d' % i for i in range(200)]) == {'k%d' % i: b'v%d' % i for i in range(200)}
    assert client.incr('none', 1) is None
    assert client.delete('large')
    client.close()
print('fine')
END
is $status, 0, 'pymemcache over TLS';
is $said, "fine\n", 'all as it should be';
stops_cleanly $server;
done_testing;
