#ifndef LARDER_PROTOCOL_H
#define LARDER_PROTOCOL_H

/*
 * What the sessions of a process share, and what those of one worker share.
 *
 * Threads: a proto_thread's counters are written by its worker and read by any thread.
 */

#include "base/counter.h"
#include "base/log_limit.h"
#include "base/mutex.h"
#include "base/record_ring.h"
#include "base/sampler.h"
#include "proto/hot_keys.h"
#include "proto/latency.h"
#include "proto/passwords.h"
#include "proto/prefix_stats.h"
#include "proto/proto.h"

struct proto_counters {
#define PROTO_COUNTER(name, text) struct counter name;
#include "proto/proto_stats.def"
#undef PROTO_COUNTER
};

struct protocol {
    /* set once at creation, read by any thread */
    struct protocol_config config;
    size_t inline_size_max;
    struct prefix_stats *prefixes; /* owned */

    /* any thread */
    _Atomic uint32_t latency_generation; /* how often the times were reset */
    _Atomic unsigned watched;            /* enum watch_kind; seldom changes */
    _Atomic bool told_is_news; /* the watchers' thread has been woken and has not looked yet */
    _Atomic uint64_t told;     /* lines that there ever were: their gid */

    /* under lock */
    struct mutex lock;
    struct proto_thread *threads GUARDED_BY(lock);
    struct proto_stats past GUARDED_BY(lock);     /* of threads that are gone */
    struct proto_stats baseline GUARDED_BY(lock); /* the sums at the last stats reset */

    /* under passwords_lock */
    struct mutex passwords_lock;
    struct passwords *passwords GUARDED_BY(passwords_lock); /* owned; NULL: nobody has one */
};

struct proto_thread {
    /* set once at creation */
    struct protocol *protocol;
    struct store_thread *store;
    struct hot_keys *hot_keys; /* owned; NULL: they are not counted */

    /* this worker's thread only */
    uint32_t now; /* seconds, of this turn */
    struct log_limit binary_log;
    struct sampler hot_keys_sampler;
    char bin[4096];   /* where bytes go that nobody will read */
    unsigned watched; /* enum watch_kind: what protocol->watched was */
    bool has_told;    /* and has not woken the watchers' thread */

    /* written here, read anywhere */
    struct proto_counters counters;
    struct latency_recorder latency; /* some of it is the worker's own */

    /* written here, taken by the watchers' thread; without room until the first line */
    struct record_ring ring;

    struct proto_thread *next; /* under protocol->lock */
};

/* With -Y; constant in time. */
MUST_USE bool protocol_knows_password(struct protocol *protocol, struct slice user,
                                      struct slice password);

#define COUNT(x, name) counter_add(&(x)->thread->counters.name, 1)

/* Reads the clock again, after a command has moved it. */
void proto_turn_refresh(struct proto_thread *thread);

void protocol_latency_reset(struct protocol *protocol);
void protocol_stats_reset(struct protocol *protocol);

#endif
