"""Four larderds through pymemcache's HashClient: rendezvous hashing, a dead node is left out and comes back."""
from pymemcache.client.hash import HashClient

NODES = [("10.77.0.1", 11211), ("10.77.0.2", 11211), ("10.77.0.3", 11211), ("10.77.0.4", 11211)]


def connect(nodes=NODES):
    return HashClient(
        nodes,
        connect_timeout=0.2,
        timeout=0.4,
        no_delay=True,
        retry_attempts=0,  # a node is left out at its first failure; else sets in the meantime get lost
        dead_timeout=1,    # seconds until it is tried again, which costs one request an error
    )
