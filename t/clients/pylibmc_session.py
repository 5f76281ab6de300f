"""The commands of pylibmc against host and port given; ends with the number of checks made."""
import sys

import pylibmc

made = 0


def check(found, wanted):
    global made
    made += 1
    if found != wanted:
        sys.exit(f"check {made}: found {found!r}, wanted {wanted!r}")


def session(client):
    check(client.set("text", "one"), True)
    check(client.get("text"), "one")
    check(client.set("number", 41), True)
    check(client.incr("number"), 42)
    check(client.decr("number", 2), 40)
    check(client.get("number"), 40)
    check(client.set("object", {"list": [1, 2.5, None], "text": "\u30c6"}), True)
    check(client.get("object"), {"list": [1, 2.5, None], "text": "\u30c6"})
    check(client.get("none"), None)
    check(client.add("text", "two"), False)
    check(client.replace("text", "three"), True)
    check(client.set("raw", b"middle"), True)
    check(client.append("raw", b">"), True)
    check(client.prepend("raw", b"<"), True)
    check(client.get("raw"), b"<middle>")
    check(client.set_multi({"m%d" % i: "value %d" % i for i in range(300)}), [])
    check(len(client.get_multi(["m%d" % i for i in range(400)])), 300)
    check(client.delete_multi(["m%d" % i for i in range(300)]), True)
    check(client.get_multi(["m1", "m2"]), {})
    large = "large value " * 60000
    check(client.set("large", large), True)
    check(client.get("large"), large)
    check(client.set("squeezed", large, min_compress_len=1000), True)
    check(client.get("squeezed"), large)
    check(client.touch("text", 1000), True)
    check(client.delete("text"), True)
    check(client.delete("text"), False)


address = "%s:%s" % (sys.argv[1], sys.argv[2])
session(pylibmc.Client([address], binary=False, behaviors={"tcp_nodelay": True}))
with_cas = pylibmc.Client([address], binary=False, behaviors={"cas": True, "no_block": False})
session(with_cas)
check(with_cas.set("c", "one"), True)
value, unique = with_cas.gets("c")
check(value, "one")
check(with_cas.cas("c", "two", unique), True)
check(with_cas.cas("c", "three", unique), False)
check(with_cas.get("c"), "two")
check(with_cas.get_stats()[0][1]["version"][:3] in ("1.6", b"1.6"), True)
buffered = pylibmc.Client([address], binary=False, behaviors={"no_block": True})
for i in range(1000):
    buffered.set("b%d" % i, str(i))
check(len(buffered.get_multi(["b%d" % i for i in range(1000)])), 1000)
check(with_cas.flush_all(), True)
check(with_cas.get("c"), None)
print(f"{made} checks")
