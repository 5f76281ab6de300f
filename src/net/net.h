#ifndef LARDER_NET_H
#define LARDER_NET_H

/*
 * The network: a dispatcher thread that accepts, workers that serve, sockets, event loops. It knows
 * no command; what the bytes mean is the protocol's.
 *
 * Threads: net_create, net_listen_*, net_run and net_destroy are called by one thread, which is the
 * dispatcher while it is inside net_run. net_stop may be called by any thread and from the
 * callbacks. The workers are net's own.
 *
 * Life: net_create, net_start_workers (returns when every worker's loop is ready), net_listen_*,
 * net_run (returns after net_stop and after the replies in flight are finished), net_destroy.
 */

#include "base/check.h"
#include "base/text.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct net;

enum net_dispatch { NET_DISPATCH_IN_TURN, NET_DISPATCH_LEAST };

/* How clients of a listener speak. */
enum net_security {
    NET_PLAIN,         /* without TLS */
    NET_TLS,           /* with TLS; client certificates as net_tls_config.verify has it */
    NET_TLS_ONE_SIDED, /* with TLS; no client certificates */
    NET_TLS_MUTUAL,    /* with TLS; every client must have a certificate */
};

/* In memcached's order (ssl_verify_mode). */
enum net_verify { NET_VERIFY_NONE, NET_VERIFY_REQUEST, NET_VERIFY_REQUIRE, NET_VERIFY_ONCE };

struct net_tls_config {
    const char *chain_path;       /* the server's certificate and those above it, PEM */
    const char *key_path;         /* NULL: in chain_path */
    const char *authorities_path; /* whom client certificates must come from; NULL: nobody */
    const char *ciphers;          /* of TLS 1.2 and below; NULL: OpenSSL's choice */
    enum net_verify verify;
    unsigned version_min;           /* 0 to 3: TLS 1.0 to 1.3 */
    unsigned handshake_seconds_max; /* a client that takes longer is closed */
    size_t memory_max;              /* bytes for connections, beside net_config's */
    bool key_is_der;                /* or else PEM */
    bool resume;                    /* clients may resume sessions */
    bool wipe;                      /* what was read is wiped from OpenSSL's memory */
};

struct net_config {
    struct protocol *protocol; /* lent; may be given later by net_set_protocol */
    unsigned worker_count;     /* -t, at least 1 */
    unsigned connections_max;  /* -c: clients admitted at the same time */
    unsigned idle_seconds_max; /* -o idle_timeout; 0: for ever */
    int backlog;               /* -b */
    enum net_dispatch dispatch;
    const char *event_method;   /* epoll, poll, select; NULL: libevent's choice */
    size_t buffer_memory_max;   /* bytes that all connections' own buffers may take together */
    size_t watcher_buffer_size; /* of each watcher */
    size_t worker_buffer_size;  /* for watchers, in each worker: the protocol's told_size_max */
};

/* NULL on failure; *why is then a text owned by net (static or valid until the next call). */
struct net *net_create(const struct net_config *config, const char **why);
void net_destroy(struct net *net);

/* Before net_start_workers: for a protocol that is created after the network it looks at. */
void net_set_protocol(struct net *net, struct protocol *protocol);

/*
 * Before net_start_workers: listeners may then ask for TLS. The config's texts are lent. false:
 * `why` says what is wrong.
 */
MUST_USE bool net_enable_tls(struct net *net, const struct net_tls_config *config,
                             struct text *why);

/*
 * Any thread: reads the certificates again, for connections that are yet to come. false: `why` says
 * what is wrong, and nothing has changed.
 */
MUST_USE bool net_refresh_certificates(struct net *net, struct text *why);

/* Any thread: seconds since the certificates were read; 0 without TLS. */
uint32_t net_certificates_age(const struct net *net);

MUST_USE bool net_start_workers(struct net *net, const char **why);

/*
 * Listens on every address of `host` (NULL: any), the workers having been started. port 0: a free
 * one, the same for all addresses if it is free on all. Of several addresses one that the machine
 * lacks is passed over; with `optional` even the only one. false: *why is a line that names address
 * and reason.
 */
struct net_tcp_listener {
    const char *host; /* a name or number; NULL: all addresses */
    uint16_t port;
    bool optional;
    enum net_security security; /* all but NET_PLAIN: after net_enable_tls */
};
MUST_USE bool net_listen_tcp(struct net *net, const struct net_tcp_listener *listener,
                             const char **why);

/* mode: of the socket's file, which is removed when the network stops. */
MUST_USE bool net_listen_unix(struct net *net, const char *path, mode_t mode, const char **why);

/* Listens on a socket that somebody else has opened and bound. Consumes it. A unix one is plain. */
MUST_USE bool net_listen_inherited(struct net *net, int descriptor, enum net_security security,
                                   const char **why);

/* One line a listener, "TCP INET: 11211" or "TCP INET6: 11211", as MEMCACHED_PORT_FILENAME holds.
 */
void net_write_ports(struct net *net, struct text *text);

/* Before net_run, in whose loop `on_signal` is then called. false: no memory. */
MUST_USE bool net_on_signal(struct net *net, int signal,
                            void (*on_signal)(int signal, void *context), void *context);

/* Before net_run, in whose loop `on_tick` is then called again and again. false: no memory. */
bool net_on_tick(struct net *net, uint64_t microseconds, void (*on_tick)(int, void *context),
                 void *context);

/*
 * Serves until net_stop. When it returns the workers have ended, and unix sockets are removed.
 * false: the system's event mechanism failed.
 */
MUST_USE bool net_run(struct net *net);

/* Graceful: replies in flight are finished first (bounded by a few seconds). */
void net_stop(struct net *net, bool graceful);

/* --- watching ------------------------------------------------------------------------------ */

/* By the session that is running, of itself: session_host.watch. */
MUST_USE enum watch_start net_watch(struct net *net, struct session *session, unsigned kinds);

void net_wake_watchers(struct net *net); /* any thread: session_host.wake_watchers */

/* --- looking (any thread) ------------------------------------------------------------------ */

struct net_stats {
#define NET_COUNTER(name, text) uint64_t name;
#include "net/net_stats.def"
#undef NET_COUNTER
};

void net_stats_read(struct net *net, struct net_stats *stats);
void net_stats_reset(struct net *net);

unsigned net_worker_count(const struct net *net);

/* One worker's share of the work; the figures only ever rise. */
struct net_worker_load {
    uint64_t cpu_nanoseconds; /* of its thread; 0 where the system can't tell */
    uint64_t bytes_read;
    uint64_t bytes_written;
};

void net_worker_load_read(struct net *net, unsigned worker, struct net_worker_load *load);

/* How many of a worker's connections are in each state; it can't take or close one meanwhile. */
#define NET_STATES_MAX 16
void net_count_connections(struct net *net, unsigned worker, uint64_t counts[NET_STATES_MAX]);

/* The name of a state, as `stats conns` has it; NULL: there are no more. */
const char *net_state_name(unsigned state);

/* The STAT lines of `stats conns`, ascending by descriptor, listeners included. */
void net_write_connections(struct net *net, struct text *text);

#endif
