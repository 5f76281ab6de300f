#include "config.h"

#include "net/dispatcher.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/connection.h"
#include "net/logger.h"
#include "net/event_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTS_MAX 512 /* in one go, so that signals are not kept waiting */

static const char full_reply[] = "ERROR Too many open connections\r\n";
static const struct timeval pause_time = {0, 10000};

/* What is called for a signal or a timer. */
struct dispatcher_callback {
    struct dispatcher_callback *next;
    struct event event;
    void (*call)(int number, void *context); /* number: the signal, or -1 */
    void *context;
};

/* ---- one client */

static struct worker *choose_in_turn(struct dispatcher *dispatcher)
{
    struct worker *worker = dispatcher->workers[dispatcher->next_worker];
    dispatcher->next_worker = (dispatcher->next_worker + 1) % dispatcher->worker_count;
    return worker;
}

/* In turn among those that have equally few. */
static struct worker *choose_least(struct dispatcher *dispatcher)
{
    struct worker *chosen = choose_in_turn(dispatcher);
    for (unsigned i = 0; i < dispatcher->worker_count; i++) {
        struct worker *worker =
            dispatcher->workers[(dispatcher->next_worker + i) % dispatcher->worker_count];
        if (worker_clients(worker) < worker_clients(chosen))
            chosen = worker;
    }
    return chosen;
}

static uint64_t count_clients(const struct dispatcher *dispatcher)
{
    uint64_t count = counter_read(&dispatcher->logger->counters.curr_connections);
    for (unsigned i = 0; i < dispatcher->worker_count; i++)
        count += worker_clients(dispatcher->workers[i]);
    return count;
}

/* Bytes that the client has sent already are read, or closing would reset the connection. */
static void turn_away(struct dispatcher *dispatcher, int descriptor, enum net_security security)
{
    char unread[512];
    counter_add(&dispatcher->counters.rejected_connections, 1);
    log_write_limited(&dispatcher->full_log, LOG_WARNING,
                      "turned a client away: %u connections are open (-c)",
                      dispatcher->config.connections_max);
    if (security == NET_PLAIN)
        while (send(descriptor, full_reply, sizeof(full_reply) - 1, MSG_NOSIGNAL) < 0 &&
               errno == EINTR)
            continue;
    shutdown(descriptor, SHUT_WR);
    while (recv(descriptor, unread, sizeof(unread), MSG_DONTWAIT) < 0 && errno == EINTR)
        continue;
    close(descriptor);
}

static void admit(struct dispatcher *dispatcher, int descriptor, enum net_security security)
{
    if (count_clients(dispatcher) >= dispatcher->config.connections_max ||
        descriptor >= event_loop_descriptor_end(dispatcher->base)) {
        turn_away(dispatcher, descriptor, security);
        return;
    }
    struct connection *connection = connection_create(descriptor);
    if (connection == NULL) {
        close(descriptor);
        return;
    }
    connection->security = (uint8_t)security;
    log_write(LOG_DEBUG, "<%d new auto-negotiating client connection", descriptor);
    counter_add(&dispatcher->counters.total_connections, 1);
    counter_add(&dispatcher->counters.curr_connections, 1);
    counter_add(&dispatcher->counters.connection_structures, 1);
    worker_post(dispatcher->config.dispatch == NET_DISPATCH_LEAST ? choose_least(dispatcher)
                                                                  : choose_in_turn(dispatcher),
                connection);
}

/* ---- accepting */

/* false: there are no descriptors (or no memory for one). */
static bool accept_all(struct dispatcher *dispatcher, const struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            admit(dispatcher, descriptor, listener->security);
            continue;
        }
        switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return false;
        case EAGAIN:
            return true;
        default: /* this client is gone already, or was interrupted: the next one */
            break;
        }
    }
    return true;
}

static bool watch_listeners(struct dispatcher *dispatcher) NO_THREAD_CHECK
{
    for (struct listener *listener = dispatcher->listeners; listener; listener = listener->next)
        if (event_add(&listener->event, NULL) != 0)
            return false;
    counter_set(&dispatcher->counters.accepting_conns, 1);
    return true;
}

static void unwatch_listeners(struct dispatcher *dispatcher) NO_THREAD_CHECK
{
    for (struct listener *listener = dispatcher->listeners; listener; listener = listener->next)
        event_del(&listener->event);
    counter_set(&dispatcher->counters.accepting_conns, 0);
}

static void count_pause(struct dispatcher *dispatcher)
{
    uint64_t now = clock_microseconds();
    counter_add(&dispatcher->counters.time_in_listen_disabled_us, now - dispatcher->paused_from);
    dispatcher->paused_from = now;
}

/* A listener that can't accept stays readable: watching it would only spin. */
static void pause_accepting(struct dispatcher *dispatcher)
{
    log_write_limited(
        &dispatcher->pause_log, LOG_WARNING,
        "out of descriptors: new clients wait (raise the limit of open files, or lower -c)");
    unwatch_listeners(dispatcher);
    dispatcher->paused = true;
    dispatcher->paused_from = clock_microseconds();
    counter_add(&dispatcher->counters.listen_disabled_num, 1);
    CHECK(event_add(&dispatcher->resume_event, &pause_time) == 0);
}

static void on_resume(evutil_socket_t descriptor, short what, void *context) NO_THREAD_CHECK
{
    struct dispatcher *dispatcher = context;
    bool ready = true;
    (void)descriptor;
    (void)what;
    count_pause(dispatcher);
    for (struct listener *listener = dispatcher->listeners; ready && listener != NULL;
         listener = listener->next)
        ready = accept_all(dispatcher, listener);
    if (ready && watch_listeners(dispatcher))
        dispatcher->paused = false;
    else
        CHECK(event_add(&dispatcher->resume_event, &pause_time) == 0);
}

static void on_client(evutil_socket_t descriptor, short what, void *context)
{
    struct listener *listener = context;
    (void)descriptor;
    (void)what;
    if (!listener->dispatcher->paused && !accept_all(listener->dispatcher, listener))
        pause_accepting(listener->dispatcher);
}

bool dispatcher_add_listeners(struct dispatcher *dispatcher, struct listener *list)
{
    for (struct listener *listener = list; listener != NULL; listener = listener->next) {
        listener->dispatcher = dispatcher;
        event_assign(&listener->event, dispatcher->base, listener->descriptor, EV_READ | EV_PERSIST,
                     on_client, listener);
    }
    mutex_lock(&dispatcher->listeners_lock);
    struct listener **end = &dispatcher->listeners;
    while (*end != NULL)
        end = &(*end)->next;
    *end = list;
    mutex_unlock(&dispatcher->listeners_lock);
    return dispatcher->paused || watch_listeners(dispatcher);
}

static void close_listeners(struct dispatcher *dispatcher)
{
    unwatch_listeners(dispatcher);
    event_del(&dispatcher->resume_event);
    mutex_lock(&dispatcher->listeners_lock);
    while (dispatcher->listeners != NULL) {
        struct listener *listener = dispatcher->listeners;
        dispatcher->listeners = listener->next;
        listener_close(listener);
    }
    mutex_unlock(&dispatcher->listeners_lock);
}

/* ---- signals, timers and the order to stop */

static void on_callback_event(evutil_socket_t number, short what, void *context)
{
    struct dispatcher_callback *callback = context;
    (void)what;
    callback->call((int)number, callback->context);
}

static struct dispatcher_callback *callback_create(void (*call)(int number, void *context),
                                                   void *context)
{
    struct dispatcher_callback *callback = calloc(1, sizeof(*callback));
    if (callback == NULL)
        return NULL;
    callback->call = call;
    callback->context = context;
    return callback;
}

/* Consumes it. `timeout` NULL: there is none. */
static bool add_callback(struct dispatcher *dispatcher, struct dispatcher_callback *callback,
                         const struct timeval *timeout)
{
    if (event_add(&callback->event, timeout) != 0) {
        free(callback);
        return false;
    }
    callback->next = dispatcher->callbacks;
    dispatcher->callbacks = callback;
    return true;
}

bool dispatcher_add_signal(struct dispatcher *dispatcher, int signal,
                           void (*on_signal)(int signal, void *context), void *context)
{
    struct dispatcher_callback *callback = callback_create(on_signal, context);
    if (callback == NULL)
        return false;
    evsignal_assign(&callback->event, dispatcher->base, signal, on_callback_event, callback);
    return add_callback(dispatcher, callback, NULL);
}

bool dispatcher_add_timer(struct dispatcher *dispatcher, uint64_t microseconds,
                          void (*on_tick)(int, void *context), void *context)
{
    struct timeval time = {(time_t)(microseconds / 1000000), (suseconds_t)(microseconds % 1000000)};
    struct dispatcher_callback *callback = callback_create(on_tick, context);
    if (callback == NULL)
        return false;
    event_assign(&callback->event, dispatcher->base, -1, EV_PERSIST, on_callback_event, callback);
    return add_callback(dispatcher, callback, &time);
}

static void on_mail(evutil_socket_t descriptor, short what, void *context)
{
    struct dispatcher *dispatcher = context;
    enum mailbox_order order;
    (void)descriptor;
    (void)what;
    mailbox_take(&dispatcher->mailbox, &order);
    dispatcher->stopping = order != MAILBOX_CARRY_ON;
    dispatcher->graceful = order == MAILBOX_DRAIN;
}

void dispatcher_stop(struct dispatcher *dispatcher, bool graceful)
{
    mailbox_give_order(&dispatcher->mailbox, graceful ? MAILBOX_DRAIN : MAILBOX_HALT);
}

/* Clients whom the kernel has accepted already are served: their first request may be on its way.
 */
static void accept_last(struct dispatcher *dispatcher) NO_THREAD_CHECK
{
    for (struct listener *listener = dispatcher->listeners; listener; listener = listener->next)
        accept_all(dispatcher, listener);
}

bool dispatcher_run(struct dispatcher *dispatcher)
{
    bool served = true;
    while (!dispatcher->stopping && served)
        served = event_base_loop(dispatcher->base, EVLOOP_ONCE) >= 0;
    if (dispatcher->graceful)
        accept_last(dispatcher);
    close_listeners(dispatcher);
    return served;
}

/* ---- life */

bool dispatcher_init(struct dispatcher *dispatcher, const struct dispatcher_config *config,
                     const char **why) NO_THREAD_CHECK
{
    memset(dispatcher, 0, sizeof(*dispatcher));
    dispatcher->config = *config;
    dispatcher->base = event_loop_create(config->event_method, why);
    if (dispatcher->base == NULL)
        return false;
    if (!mailbox_init(&dispatcher->mailbox)) {
        *why = "no descriptors for the dispatcher's pipe";
        event_base_free(dispatcher->base);
        return false;
    }
    mutex_init(&dispatcher->listeners_lock, LOCK_CONNECTIONS);
    event_assign(&dispatcher->mail_event, dispatcher->base, dispatcher->mailbox.read_end,
                 EV_READ | EV_PERSIST, on_mail, dispatcher);
    event_assign(&dispatcher->resume_event, dispatcher->base, -1, 0, on_resume, dispatcher);
    if (event_add(&dispatcher->mail_event, NULL) == 0)
        return true;
    *why = "no memory for the dispatcher";
    dispatcher_end(dispatcher);
    return false;
}

void dispatcher_end(struct dispatcher *dispatcher)
{
    close_listeners(dispatcher);
    while (dispatcher->callbacks != NULL) {
        struct dispatcher_callback *callback = dispatcher->callbacks;
        dispatcher->callbacks = callback->next;
        event_del(&callback->event);
        free(callback);
    }
    event_base_free(dispatcher->base);
    mutex_end(&dispatcher->listeners_lock);
    mailbox_end(&dispatcher->mailbox);
}
