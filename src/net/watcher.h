#ifndef LARDER_WATCHER_H
#define LARDER_WATCHER_H

/*
 * One watcher: a socket that is sent lines, and a buffer that holds what it has not taken yet. The
 * buffer does not grow; lines that find no room are counted, and the number is sent before the next
 * line that does.
 *
 * Threads: made and filled by a worker, which hands it to the logger; from then on the logger's.
 * `entry` and `descriptor` may be read under the lock of the logger's roster.
 */

#include "base/check.h"
#include "base/slice.h"
#include "net/mailbox.h"
#include "net/roster.h"

#include <event2/event_struct.h>
#include <stdint.h>

struct logger;
struct tls_stream;

struct watcher {
    /* set once, before it is handed over */
    struct logger *logger;
    int descriptor;         /* owned */
    struct tls_stream *tls; /* owned; NULL: plain */
    unsigned kinds;         /* enum watch_kind */
    uint32_t since;         /* of clock_seconds */
    size_t capacity;        /* of `bytes` */
    struct letter letter;

    /* any thread, under the lock of the logger's roster */
    struct roster_entry entry;

    /* the logger's thread only */
    struct event read_event;
    struct event write_event; /* added while the socket takes no more */
    bool is_full;             /* the socket is: write_event is added */
    uint64_t skipped;         /* lines since the last that found room */
    size_t start;             /* of what is held */
    size_t held;
    char bytes[];
};

/* NULL: no memory. It has no descriptor yet, nor a stream. */
struct watcher *watcher_create(unsigned kinds, size_t capacity);
void watcher_destroy(struct watcher *watcher); /* closes the socket */

/* What it is sent before any line; there is room for it. */
void watcher_add_first(struct watcher *watcher, struct slice bytes);

/* false: there was no room, and the line is skipped. */
MUST_USE bool watcher_add_line(struct watcher *watcher, struct slice line);

/* Sends what the socket takes, adds what was sent to *sent. false: the client is gone. */
MUST_USE bool watcher_send(struct watcher *watcher, uint64_t *sent);

#endif
