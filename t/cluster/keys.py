"""Sets and reads keys through one of the clients of doc/examples, as told on standard input.

keys.py EXAMPLES CLIENT: "set COUNT" and "get COUNT" are answered with one line of JSON each: which keys were right,
missing, wrong, or failed. A value names its key, so that another key's value is seen.
"""
import json
import sys

sys.path.insert(0, sys.argv[1])


def through_proxy():
    from pymemcache.client.base import Client
    return Client(("127.0.0.1", 22121), connect_timeout=5, timeout=5)


def connect(client):
    if client == "nutcracker":
        return through_proxy()
    return __import__(client + "_cluster").connect()


def set_key(cache, key, result):
    if not cache.set(key, "value of " + key):
        raise RuntimeError("not stored")
    result["right"].append(key)


def get_key(cache, key, result):
    value = cache.get(key)
    if isinstance(value, bytes):
        value = value.decode()
    kind = "missing" if value is None else "right" if value == "value of " + key else "wrong"
    result[kind].append(key)


def attempt(function, cache, key, result):
    """As an application does: a node that is found dead costs an error, and the next attempt goes elsewhere."""
    for _ in range(3):
        try:
            return function(cache, key, result)
        except Exception:
            pass
    result["failed"].append(key)


def main():
    cache = connect(sys.argv[2])
    for line in sys.stdin:
        word, count = line.split()
        result = {"right": [], "missing": [], "wrong": [], "failed": []}
        for i in range(int(count)):
            key = "key-%d" % i
            attempt(set_key if word == "set" else get_key, cache, key, result)
        print(json.dumps(result), flush=True)


main()
