"""Every command of pymemcache against host and port given; ends with the number of checks made."""
import sys

from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient

made = 0


def check(found, wanted):
    global made
    made += 1
    if found != wanted:
        sys.exit(f"check {made}: found {found!r}, wanted {wanted!r}")


def session(client, prefix):
    k = prefix
    check(client.set(k + "a", b"one", noreply=False), True)
    check(client.get(k + "a"), b"one")
    check(client.get(k + "none"), None)
    check(client.get(k + "none", default=b"d"), b"d")
    check(client.add(k + "a", b"two", noreply=False), False)
    check(client.add(k + "b", b"two", noreply=False), True)
    check(client.replace(k + "c", b"x", noreply=False), False)
    check(client.replace(k + "b", b"three", noreply=False), True)
    check(client.append(k + "b", b">", noreply=False), True)
    check(client.prepend(k + "b", b"<", noreply=False), True)
    check(client.get(k + "b"), b"<three>")
    check(client.set_many({k + "m%d" % i: b"v%d" % i for i in range(200)}, noreply=False), [])
    many = client.get_many([k + "m%d" % i for i in range(250)])
    check(len(many), 200)
    check(many[k + "m199"], b"v199")
    value, unique = client.gets(k + "a")
    check(value, b"one")
    check(client.cas(k + "a", b"cas", unique, noreply=False), True)
    check(client.cas(k + "a", b"again", unique, noreply=False), False)
    check(client.cas(k + "none", b"x", b"1", noreply=False), None)
    check(client.set(k + "n", b"10", noreply=False), True)
    check(client.incr(k + "n", 5), 15)
    check(client.decr(k + "n", 20), 0)
    check(client.incr(k + "none", 1), None)
    check(client.touch(k + "n", 1000, noreply=False), True)
    check(client.touch(k + "none", 1000, noreply=False), False)
    check(client.delete(k + "n", noreply=False), True)
    check(client.delete(k + "n", noreply=False), False)
    check(client.delete_many([k + "m1", k + "m2"], noreply=False), True)
    check(client.get(k + "m1"), None)
    large = bytes(range(256)) * 3000
    check(client.set(k + "large", large, noreply=False), True)
    check(client.get(k + "large"), large)
    client.set(k + "silent", b"s", noreply=True)
    check(client.get(k + "silent"), b"s")
    check(client.set(k + "gone", b"x", expire=-1, noreply=False), True)
    check(client.get(k + "gone"), None)


address = (sys.argv[1], int(sys.argv[2]))
session(Client(address, timeout=20, connect_timeout=20), "plain:")
session(PooledClient(address, max_pool_size=4, timeout=20), "pooled:")
hashed = HashClient([address], timeout=20)
check(hashed.set("h", b"1", noreply=False), True)
check(hashed.get_many(["h", "i"]), {"h": b"1"})
plain = Client(address, timeout=20)
check(plain.version().startswith(b"1.6"), True)
check(b"curr_items" in plain.stats(), True)
check(plain.flush_all(noreply=False), True)
check(plain.get("plain:a"), None)
plain.quit()
print(f"{made} checks")
