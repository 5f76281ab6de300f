#ifndef LARDER_DISPATCHER_H
#define LARDER_DISPATCHER_H

/*
 * The dispatcher: accepts clients, chooses a worker for each, hands it over. It also receives the
 * process's signals, and the order to stop.
 *
 * Threads: one thread, the caller of net_run; dispatcher_stop and dispatcher_lock_listeners by any.
 *
 * Ownership: the dispatcher owns its listeners; the workers are lent.
 */

#include "base/log_limit.h"
#include "net/listener.h"
#include "net/mailbox.h"
#include "net/net_counters.h"
#include "net/worker.h"

struct dispatcher_callback;
struct logger;

struct dispatcher_config {
    unsigned connections_max;
    enum net_dispatch dispatch;
    const char *event_method;
};

struct dispatcher {
    /* set once at creation */
    struct dispatcher_config config;
    struct event_base *base;
    struct worker **workers; /* lent; before the first listener */
    struct logger *logger;   /* lent; before the first listener */
    unsigned worker_count;

    /* any thread, under their own locks */
    struct mailbox mailbox; /* carries no letters, only the order to stop */
    struct mutex listeners_lock;
    struct listener *listeners GUARDED_BY(listeners_lock);

    /* the dispatcher's thread only */
    struct event mail_event;
    struct event resume_event;
    struct dispatcher_callback *callbacks; /* owned */
    unsigned next_worker;
    bool paused;          /* no descriptors are left: the listeners are not watched */
    uint64_t paused_from; /* of clock_microseconds, not yet counted */
    bool stopping;
    bool graceful;
    struct log_limit pause_log;
    struct log_limit full_log;

    /* written here, read anywhere */
    struct net_counters counters;
};

/* false: *why is a static text. */
MUST_USE bool dispatcher_init(struct dispatcher *dispatcher, const struct dispatcher_config *config,
                              const char **why);
void dispatcher_end(struct dispatcher *dispatcher);

/* Consumes a list of listeners and watches them. false: no memory; they are closed. */
MUST_USE bool dispatcher_add_listeners(struct dispatcher *dispatcher, struct listener *list);

/* false: no memory. */
MUST_USE bool dispatcher_add_signal(struct dispatcher *dispatcher, int signal,
                                    void (*on_signal)(int signal, void *context), void *context);

/* on_tick(-1, context) is called each time that so many microseconds have passed. */
MUST_USE bool dispatcher_add_timer(struct dispatcher *dispatcher, uint64_t microseconds,
                                   void (*on_tick)(int, void *context), void *context);

/* Serves until dispatcher_stop; then the listeners are closed. Returns whether to stop gracefully.
 */
bool dispatcher_run(struct dispatcher *dispatcher);
void dispatcher_stop(struct dispatcher *dispatcher, bool graceful);

#endif
