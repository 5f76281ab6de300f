"""Four larderds through libmemcached (python3-pylibmc): consistent hashing, a dead node is left out and comes back."""
import pylibmc

NODES = ["10.77.0.1:11211", "10.77.0.2:11211", "10.77.0.3:11211", "10.77.0.4:11211"]


def connect(nodes=NODES):
    return pylibmc.Client(nodes, behaviors={
        "ketama": True,          # few keys move when a node comes or goes
        "tcp_nodelay": True,
        "connect_timeout": 200,  # milliseconds
        "receive_timeout": 400000,  # microseconds
        "send_timeout": 400000,
        "remove_failed": 2,      # failures until a node is left out
        "retry_timeout": 1,      # seconds until a node that failed is tried again
        "dead_timeout": 1,       # seconds until one that was left out is
    })
