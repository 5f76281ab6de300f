#ifndef LARDER_WORKER_H
#define LARDER_WORKER_H

/*
 * A worker: a thread with an event loop of its own that serves the connections it was given. It
 * lends them the buffers that they run with, one connection at a time.
 *
 * Threads: worker_create, worker_start, worker_post, worker_join and worker_destroy by the thread
 * that is the dispatcher; worker_stop and worker_clients too. The rest by the worker itself.
 *
 * Life: create, start, post..., stop, join, destroy. A worker that was never started is destroyed
 * too.
 */

#include "base/log_limit.h"
#include "net/mailbox.h"
#include "net/net_counters.h"
#include "net/roster.h"
#include "net/buffer.h"
#include "net/start_barrier.h"
#include "proto/proto.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <time.h>

struct connection;
struct logger;
struct tls;
struct watcher;

/* The lent input and output buffers, each of this size. */
#define LENT_SIZE PROTO_OUTPUT_SIZE_MIN

struct worker_config {
    struct protocol *protocol;    /* lent */
    struct buffer_budget *budget; /* lent; shared by all workers */
    struct logger *logger;        /* lent; shared by all workers */
    unsigned idle_seconds_max;    /* 0: for ever */
    const char *event_method;     /* NULL: libevent's choice */
    struct tls *tls;              /* lent; NULL: there is none */
    unsigned handshake_seconds_max;
};

/* What the connection that is running works with; between connections it holds nothing. */
struct lent_buffers {
    char *input;                    /* owned, LENT_SIZE bytes */
    char *output;                   /* owned, LENT_SIZE bytes */
    struct session_buffers session; /* in: unread, lent or the connection's own; out: lent */
    struct slice unsent;            /* lent or the connection's own */
    size_t moved;                   /* bytes read and sent since it began to run */
    struct watcher *watcher;        /* that it is to become when its session says so */
};

/* What a connection has read, while others read what has come to them. */
#define AHEAD_MAX 16
#define AHEAD_INPUT_SIZE_MAX 2048

struct read_ahead {
    struct connection *connection;
    struct store_key key; /* in the input: see session_expect */
    size_t size;
    char input[AHEAD_INPUT_SIZE_MAX];
};

struct worker {
    /* set once at creation */
    struct worker_config config;
    struct event_base *base;
    struct proto_thread *proto;
    struct start_barrier *barrier;
    pthread_t thread;
    clockid_t cpu_clock; /* of the thread, once it was started */
    bool started;

    /* any thread, under their own locks */
    struct mailbox mailbox;
    struct roster roster;

    /* the dispatcher's thread only */
    uint64_t given; /* connections posted */

    /* this worker's thread only */
    struct event mail_event;
    struct event tick_event;
    struct event deadline_event;
    struct lent_buffers lent;
    struct read_ahead *ahead; /* owned, AHEAD_MAX of them */
    unsigned ahead_count;
    unsigned ahead_next;       /* to go on; 0 while they are gathered */
    struct letter *line_first; /* connections that wait for a turn, in order */
    struct letter *line_last;
    bool turn_is_on;
    bool ticking;
    bool stopping;            /* the loop ends after this turn */
    bool draining;            /* connections close as soon as they have nothing to do */
    unsigned lingering_count; /* connections in CONNECTION_HANDSHAKE or CONNECTION_CLOSING */
    size_t buffers_told;      /* bytes of all connections' buffers, as the store was last told */
    uint32_t waited_at;       /* when it last waited for room in vain */
    struct log_limit refusal_log;

    /* written here, read anywhere */
    struct net_counters counters;
};

/* NULL: *why is a static text. */
struct worker *worker_create(const struct worker_config *config, const char **why);
void worker_destroy(struct worker *worker);

/* false: no thread can be had. Reports to the barrier when the loop runs. */
MUST_USE bool worker_start(struct worker *worker, struct start_barrier *barrier);
void worker_stop(struct worker *worker, bool graceful);
void worker_join(struct worker *worker);

void worker_post(struct worker *worker, struct connection *connection); /* consumes connection */

/* Connections that the worker has or is about to get. */
uint64_t worker_clients(const struct worker *worker);

/* What its thread has used; 0 where the system can't tell, or when it has ended. Any thread. */
uint64_t worker_cpu_nanoseconds(const struct worker *worker);

/* --- the worker's own, for its connections -------------------------------------------------- */

/* Before anything that touches the protocol; the turn ends before the loop sleeps. */
static inline void worker_begin_turn(struct worker *worker)
{
    if (!worker->turn_is_on) {
        worker->turn_is_on = true;
        proto_turn_start(worker->proto);
    }
}

/* Puts a connection at the end of the line. */
void worker_line_up(struct worker *worker, struct connection *connection);

/* Tells the store what buffers take, if that has changed by a step. Between connections: the turn
 * may pass. */
void worker_tell_buffers(struct worker *worker);

/* Where memory has no room yet for so many bytes of buffers more, since others still read in items
 * that have to go for them, waits a little. Between connections: the turn may pass. */
void worker_wait_for_room(struct worker *worker, size_t bytes);

/* Somebody else has work in this round of the loop. */
bool worker_is_awaited(const struct worker *worker);

/* A connection came to a state that it may not stay in for long, or left it. */
void worker_add_lingering(struct worker *worker);
void worker_remove_lingering(struct worker *worker);

#endif
