"""Every command of python-memcached against host and port given; ends with the number of checks made."""
import random
import socket
import sys

import memcache

made = 0


def check(found, wanted):
    global made
    made += 1
    if found != wanted:
        sys.exit(f"check {made}: found {found!r:.200}, wanted {wanted!r:.200}")


def move_clock(seconds):
    """With the daemon's debug commands."""
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(b"debugtime %s\r\n" % seconds)
        check(connection.recv(100), b"OK\r\n")


host, port = sys.argv[1], int(sys.argv[2])
client = memcache.Client([f"{host}:{port}"], socket_timeout=20, cache_cas=True)

check(client.set("text", "one"), True)
check(client.get("text"), "one")
check(client.get("none"), None)
check(client.add("text", "two"), False)
check(client.add("added", "two"), True)
check(client.replace("absent", "x"), False)
check(client.replace("added", "three"), True)
check(bool(client.append("added", ">")), True)
check(bool(client.prepend("added", "<")), True)
check(client.get("added"), "<three>")
check(client.set("bytes", b"\0\r\nEND\r\n\xff"), True)
check(client.get("bytes"), b"\0\r\nEND\r\n\xff")
check(client.set("number", 10), True)
check(client.get("number"), 10)
check(client.incr("number", 5), 15)
check(client.decr("number", 20), 0)
check(client.incr("absent"), None)
check(client.set("pickle", {"list": [1, None, "x"]}), True)
check(client.get("pickle"), {"list": [1, None, "x"]})

check(client.gets("text"), "one")
check(client.cas("text", "swapped"), True)
check(client.gets("text"), "swapped")
check(memcache.Client([f"{host}:{port}"]).set("text", "by another"), True)
check(bool(client.cas("text", "lost")), False)
check(client.get("text"), "by another")

check(client.set_multi({f"m{i}": f"value {i}" for i in range(500)}), [])
many = client.get_multi([f"m{i}" for i in range(600)])
check(len(many), 500)
check(many["m499"], "value 499")
check(client.set_multi({"a": "1", "b": "2"}, key_prefix="p_"), [])
check(client.get_multi(["a", "b", "c"], key_prefix="p_"), {"a": "1", "b": "2"})
check(client.delete_multi([f"m{i}" for i in range(500)]), 1)
check(client.get_multi([f"m{i}" for i in range(500)]), {})

noise = random.Random(1).randbytes(900_000)
check(client.set("large", noise), True)
check(client.get("large"), noise)
plain = b"again and again " * 100_000
check(client.set("compressed", plain, min_compress_len=1000), True)
check(client.get("compressed"), plain)
with socket.create_connection((host, port), timeout=20) as connection:
    connection.sendall(b"mg compressed s\r\n")
    check(int(connection.recv(100).split(b"s")[1]) < 10_000, True)

check(client.touch("text", 1000), 1)
check(client.delete("text"), 1)
check(client.get("text"), None)
move_clock(b"p")
check(client.set("short", "lived", time=30), True)
move_clock(b"29")
check(client.get("short"), "lived")
move_clock(b"2")
check(client.get("short"), None)

(_, stats), = client.get_stats()
check(stats["version"].startswith("1.6"), True)
check(int(stats["curr_items"]) > 0, True)
client.flush_all()
check(client.get("large"), None)
client.disconnect_all()
print(f"{made} checks")
