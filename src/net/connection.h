#ifndef LARDER_CONNECTION_H
#define LARDER_CONNECTION_H

/*
 * One client: a socket, its session and what it is waiting for. connection_states.def lists the
 * places where it can sleep. While it runs it uses buffers that its worker lends; asleep it owns a
 * buffer only for an incomplete request or for output that the socket did not take.
 *
 * Threads: created by the dispatcher, which hands it over through the worker's mailbox; then its
 * worker's alone. What is shown may be read under the lock of the worker's roster.
 *
 * Life: connection_create, connection_adopt, connection_drive each time that there is something to
 * do; it destroys itself when the client is gone, or is handed over to the logger as a watcher.
 */

#include "net/buffer.h"
#include "net/mailbox.h"
#include "net/roster.h"
#include "proto/proto.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

struct tls_stream;
struct worker;

/* Why a connection is closed, as watchers are told it. */
enum close_reason { CLOSE_NORMAL, CLOSE_ERROR, CLOSE_IDLE, CLOSE_SHUTDOWN };

enum connection_state {
#define CONNECTION_STATE(name, run, shown) name,
#include "net/connection_states.def"
#undef CONNECTION_STATE
    CONNECTION_RUNNING, /* not a place to sleep: only ever shown */
};

struct connection {
    /* set once at creation or adoption; and `security`, below */
    struct worker *worker;
    int descriptor;

    /* written by this worker's thread, read anywhere; and `shown_state`, below */
    _Atomic uint32_t active_at; /* the second of the last activity */

    /* any thread, under the lock of the worker's roster */
    struct roster_entry entry;

    /* this worker's thread only */
    struct letter letter; /* in the mailbox, later in the line of those who wait for a turn */
    struct event event;
    struct session session;
    struct tls_stream *tls; /* owned; NULL: plain, or the handshake has not begun */
    struct buffer *input;   /* owned: read and not consumed, while asleep */
    struct buffer *output;  /* owned: produced and not sent, while asleep */
    uint32_t session_bytes; /* of the session, as counted with the buffers */
    uint8_t linger_ticks;   /* seconds spent in CONNECTION_HANDSHAKE, or in CONNECTION_CLOSING */
    uint8_t state : 4;      /* enum connection_state */
    uint8_t said : 4;       /* enum session_state: what the session wants when all is sent */
    uint8_t security : 2;   /* enum net_security */
    bool drained : 1;       /* the last read came back short: asking again would only say EAGAIN */
    bool in_line : 1;       /* among the worker's connections that wait for a turn */
    bool on_write : 1;      /* the event watches for room to write, not for input */
    bool writable : 1;      /* the event loop has just said that there is room to write */
    bool tamed : 1;         /* its socket is writable only when little is left to send */
    bool departed : 1;      /* no longer counted as a client */
    _Atomic uint8_t shown_state; /* enum connection_state, for others */
};

/* Consumes the descriptor if it succeeds. NULL: no memory. */
struct connection *connection_create(int descriptor);

/* The worker's: from the mailbox into its event loop, and a first look at the input. */
void connection_adopt(struct connection *connection, struct worker *worker);

/* Goes on until it has to wait. It may be gone afterwards. Inside a turn of the worker. */
void connection_drive(struct connection *connection);

/* Those that have read ahead answer now. Inside a turn of the worker, between connections. */
void connections_go_on(struct worker *worker);

/* Whatever it is doing. Inside a turn of the worker. It is gone afterwards. */
void connection_close(struct connection *connection, enum close_reason reason);

/* For a connection that no worker has adopted: closes it. */
void connection_discard(struct connection *connection);

/* Seconds since the last activity. */
uint32_t connection_idle_seconds(const struct connection *connection, uint32_t now);

/* As `stats conns` prints it. Any thread, under the lock of the worker's roster. */
const char *connection_state_name(const struct connection *connection);

/* Of enum connection_state; any thread that holds the roster's lock. */
static inline unsigned connection_shown_state(const struct connection *connection)
{
    return atomic_load_explicit(&connection->shown_state, memory_order_relaxed);
}

#endif
