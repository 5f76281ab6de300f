#ifndef LARDER_LOGGER_H
#define LARDER_LOGGER_H

/*
 * Who tells watchers what happens: a thread with an event loop of its own. It takes the lines that
 * the workers' proto_threads have written and puts them into the buffers of the watchers that asked
 * for them. Nobody ever waits for it or for a watcher: what finds no room is dropped and counted.
 *
 * Threads: logger_reserve and logger_give by the worker that has the client; logger_wake by any
 * thread that was told of by protocol_watch; logger_init, logger_stop and logger_end by the one
 * that is the dispatcher. The rest is the logger's own.
 *
 * Life: logger_init; the thread, its loop and its memory come with the first watcher and stay;
 * logger_stop once the workers have ended; logger_end.
 */

#include "net/buffer.h"
#include "net/net_counters.h"
#include "net/watcher.h"
#include "net/worker.h"

#define LOGGER_WATCHERS_MAX 20 /* as many as memcached admits */

struct logger_config {
    struct protocol *protocol;    /* lent */
    struct buffer_budget *budget; /* lent */
    struct worker **workers;      /* lent */
    unsigned worker_count;
    const char *event_method;
    size_t watcher_buffer_size; /* of each watcher */
    size_t worker_buffer_size;  /* that each worker's lines take, as the protocol is configured */
};

struct logger {
    /* set once at creation */
    struct logger_config config;

    /* set once, under lock, with the first watcher */
    struct event_base *base;
    char *lines; /* owned: what was taken last */
    struct mailbox mailbox;
    struct event mail_event;
    pthread_t thread;

    /* any thread, under lock */
    struct mutex lock;
    bool started GUARDED_BY(lock);
    unsigned watching[LOGGER_WATCHERS_MAX] GUARDED_BY(lock); /* kinds of each; 0: a free place */

    /* any thread, under its own lock */
    struct roster watchers;

    /* the logger's thread only */
    bool stopping;

    /* written here, read anywhere */
    struct net_counters counters;
};

void logger_init(struct logger *logger, const struct logger_config *config);
void logger_stop(struct logger *logger); /* sends what sockets take, closes all */
void logger_end(struct logger *logger);

/* A watcher without a socket, which the caller is to give within the same turn. */
MUST_USE enum watch_start logger_reserve(struct logger *logger, unsigned kinds,
                                         struct watcher **watcher);

/* Consumes the watcher, which has its descriptor, and as much in its buffer as it is to be sent. */
void logger_give(struct logger *logger, struct watcher *watcher);

/* Something was told. No lock is taken. */
void logger_wake(struct logger *logger);

#endif
