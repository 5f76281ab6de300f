#include "config.h"

#include "net/logger.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/record_ring.h"
#include "net/connection_event.h"
#include "net/event_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES_SIZE 65536
#define ROUNDS_MAX 16 /* of taking and sending, before new watchers have their turn */

static struct watcher *next_watcher(struct logger *logger, struct watcher *watcher)
{
    struct roster_entry *entry =
        roster_next(&logger->watchers, watcher == NULL ? NULL : &watcher->entry);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct watcher, entry);
}

/* ---- who watches what */

static void tell_kinds_locked(struct logger *logger) REQUIRES(logger->lock)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < LOGGER_WATCHERS_MAX; i++)
        kinds |= logger->watching[i];
    protocol_watch(logger->config.protocol, kinds);
}

/* The place of one that watches just those kinds; 0: a free one. -1: there is none. */
static int find_place_locked(const struct logger *logger, unsigned kinds) REQUIRES(logger->lock)
{
    for (int i = 0; i < LOGGER_WATCHERS_MAX; i++)
        if (logger->watching[i] == kinds)
            return i;
    return -1;
}

static void forget_kinds(struct logger *logger, unsigned kinds)
{
    mutex_lock(&logger->lock);
    logger->watching[find_place_locked(logger, kinds)] = 0;
    tell_kinds_locked(logger);
    mutex_unlock(&logger->lock);
}

/* ---- putting lines into buffers */

static void put_line(struct logger *logger, unsigned kind, struct slice line)
{
    struct watcher *watcher = NULL;
    while ((watcher = next_watcher(logger, watcher)) != NULL) {
        if ((watcher->kinds & kind) == 0)
            continue;
        if (watcher_add_line(watcher, line))
            counter_add(&logger->counters.log_watcher_sent, 1);
        else
            counter_add(&logger->counters.log_watcher_skipped, 1);
    }
}

static void put_lines(struct logger *logger, struct slice records)
{
    uint32_t kind;
    struct slice line;
    while (record_next(&records, &kind, &line))
        put_line(logger, kind, line);
}

/* false: there was nothing. */
static bool take_lines(struct logger *logger)
{
    bool any = false;
    for (unsigned i = 0; i < logger->config.worker_count; i++) {
        size_t size = proto_take_told(logger->config.workers[i]->proto, logger->lines, LINES_SIZE);
        put_lines(logger, (struct slice){logger->lines, size});
        any = any || size > 0;
    }
    return any;
}

/* ---- sending */

static void tell_departure(struct logger *logger, int descriptor, const char *reason)
{
    char text[CONNECTION_EVENT_SIZE_MAX];
    char line[PROTO_TOLD_SIZE_MAX];
    struct slice event = connection_event_write(text, "conn_close", reason, descriptor);
    size_t size = protocol_write_told(logger->config.protocol, line, event);
    put_line(logger, WATCH_CONNEVENTS, (struct slice){line, size});
}

static void close_watcher(struct logger *logger, struct watcher *watcher, const char *reason)
{
    log_write(LOG_DEBUG, "<%d watcher closed", watcher->descriptor);
    roster_remove(&logger->watchers, &watcher->entry);
    event_del(&watcher->read_event);
    event_del(&watcher->write_event);
    forget_kinds(logger, watcher->kinds);
    tell_departure(logger, watcher->descriptor, reason);
    buffer_budget_give_back(logger->config.budget, sizeof(*watcher) + watcher->capacity);
    counter_subtract(&logger->counters.log_watchers, 1);
    counter_subtract(&logger->counters.curr_connections, 1);
    watcher_destroy(watcher);
}

/* false: it is gone. */
static bool send_to(struct logger *logger, struct watcher *watcher)
{
    uint64_t sent = 0;
    bool fine = watcher_send(watcher, &sent);
    counter_add(&logger->counters.bytes_written, sent);
    bool is_full = watcher->held > 0;
    if (fine && is_full != watcher->is_full)
        fine = (is_full ? event_add(&watcher->write_event, NULL)
                        : event_del(&watcher->write_event)) == 0;
    watcher->is_full = is_full;
    return fine;
}

/* The others are told of one that is gone, so they have to be looked at again. */
static bool send_to_all(struct logger *logger)
{
    bool all_there = true;
    struct watcher *next;
    for (struct watcher *watcher = next_watcher(logger, NULL); watcher != NULL; watcher = next) {
        next = next_watcher(logger, watcher);
        if (watcher->is_full || send_to(logger, watcher))
            continue;
        close_watcher(logger, watcher, "error");
        all_there = false;
    }
    return all_there;
}

static void pump(struct logger *logger)
{
    bool more = true;
    protocol_begin_taking(logger->config.protocol);
    for (int rounds = 0; more && rounds < ROUNDS_MAX; rounds++) {
        more = take_lines(logger);
        while (!send_to_all(logger))
            continue;
    }
    if (more)
        logger_wake(logger);
}

/* ---- a watcher's socket */

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct watcher *watcher = context;
    struct logger *logger = watcher->logger;
    (void)descriptor;
    (void)what;
    if (!send_to(logger, watcher))
        close_watcher(logger, watcher, "error");
}

/* What a watcher says is not heard, but that it goes. */
static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    struct watcher *watcher = context;
    struct logger *logger = watcher->logger;
    char unheard[4096];
    (void)what;
    ssize_t size = read(descriptor, unheard, sizeof(unheard));
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    close_watcher(logger, watcher, size == 0 ? "normal" : "error");
    pump(logger);
}

static void adopt(struct logger *logger, struct watcher *watcher)
{
    event_assign(&watcher->read_event, logger->base, watcher->descriptor, EV_READ | EV_PERSIST,
                 on_readable, watcher);
    event_assign(&watcher->write_event, logger->base, watcher->descriptor, EV_WRITE | EV_PERSIST,
                 on_writable, watcher);
    roster_add(&logger->watchers, &watcher->entry);
    counter_add(&logger->counters.log_watchers, 1);
    counter_add(&logger->counters.curr_connections, 1);
    if (event_add(&watcher->read_event, NULL) != 0)
        close_watcher(logger, watcher, "error");
}

static void on_mail(evutil_socket_t descriptor, short what, void *context)
{
    struct logger *logger = context;
    enum mailbox_order order;
    struct letter *letter = mailbox_take(&logger->mailbox, &order);
    (void)descriptor;
    (void)what;
    while (letter != NULL) {
        struct watcher *watcher = CONTAINER_OF(letter, struct watcher, letter);
        letter = letter->next;
        adopt(logger, watcher);
    }
    logger->stopping = order != MAILBOX_CARRY_ON;
    pump(logger);
}

/* ---- the thread */

static void *logger_main(void *context)
{
    struct logger *logger = context;
    struct watcher *watcher;
#ifdef HAVE_PTHREAD_SETNAME_NP
    pthread_setname_np(pthread_self(), "logger"); /* from outside it would take a file to write */
#endif
    while (!logger->stopping)
        CHECK(event_base_loop(logger->base, EVLOOP_ONCE) >= 0);
    while ((watcher = next_watcher(logger, NULL)) != NULL)
        close_watcher(logger, watcher, "shutdown");
    return NULL;
}

static size_t shared_memory(const struct logger *logger)
{
    return LINES_SIZE + logger->config.worker_count * logger->config.worker_buffer_size;
}

static bool start_thread(struct logger *logger)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* as in worker_start */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    bool started = pthread_create(&logger->thread, NULL, logger_main, logger) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return started;
}

static bool acquire_loop(struct logger *logger)
{
    const char *why;
    logger->lines = malloc(LINES_SIZE);
    logger->base = event_loop_create(logger->config.event_method, &why);
    if (logger->lines == NULL || logger->base == NULL)
        return false;
    event_assign(&logger->mail_event, logger->base, logger->mailbox.read_end, EV_READ | EV_PERSIST,
                 on_mail, logger);
    return event_add(&logger->mail_event, NULL) == 0 && start_thread(logger);
}

static void release_loop(struct logger *logger)
{
    if (logger->base != NULL)
        event_base_free(logger->base);
    free(logger->lines);
    logger->base = NULL;
    logger->lines = NULL;
    mailbox_end(&logger->mailbox);
}

static bool start_locked(struct logger *logger) REQUIRES(logger->lock)
{
    if (logger->started)
        return true;
    if (!buffer_budget_take(logger->config.budget, shared_memory(logger)))
        return false;
    if (mailbox_init(&logger->mailbox)) {
        logger->started = acquire_loop(logger);
        if (!logger->started)
            release_loop(logger);
    }
    if (!logger->started)
        buffer_budget_give_back(logger->config.budget, shared_memory(logger));
    return logger->started;
}

/* ---- for others */

static struct watcher *create_watcher(struct logger *logger, unsigned kinds)
{
    size_t capacity = logger->config.watcher_buffer_size;
    size_t cost = sizeof(struct watcher) + capacity;
    if (!buffer_budget_take(logger->config.budget, cost))
        return NULL;
    struct watcher *watcher = watcher_create(kinds, capacity);
    if (watcher == NULL) {
        buffer_budget_give_back(logger->config.budget, cost);
        return NULL;
    }
    watcher->logger = logger;
    watcher->since = clock_seconds();
    return watcher;
}

static enum watch_start reserve_locked(struct logger *logger, unsigned kinds,
                                       struct watcher **watcher) REQUIRES(logger->lock)
{
    int place = find_place_locked(logger, 0);
    if (place < 0)
        return WATCH_TOO_MANY;
    if (!start_locked(logger) || (*watcher = create_watcher(logger, kinds)) == NULL)
        return WATCH_FAILED;
    logger->watching[place] = kinds;
    tell_kinds_locked(logger);
    return WATCH_STARTED;
}

enum watch_start logger_reserve(struct logger *logger, unsigned kinds, struct watcher **watcher)
{
    mutex_lock(&logger->lock);
    enum watch_start start = reserve_locked(logger, kinds, watcher);
    mutex_unlock(&logger->lock);
    return start;
}

void logger_give(struct logger *logger, struct watcher *watcher)
{
    mailbox_post(&logger->mailbox, &watcher->letter);
}

void logger_wake(struct logger *logger)
{
    mailbox_ring(&logger->mailbox);
}

void logger_init(struct logger *logger, const struct logger_config *config) NO_THREAD_CHECK
{
    *logger = (struct logger){.config = *config};
    mutex_init(&logger->lock, LOCK_LOGGER);
    roster_init(&logger->watchers);
}

void logger_stop(struct logger *logger) NO_THREAD_CHECK
{
    if (!logger->started)
        return;
    mailbox_give_order(&logger->mailbox, MAILBOX_HALT);
    CHECK(pthread_join(logger->thread, NULL) == 0);
    release_loop(logger);
    logger->started = false;
}

void logger_end(struct logger *logger) NO_THREAD_CHECK
{
    CHECK(!logger->started);
    roster_end(&logger->watchers);
    mutex_end(&logger->lock);
}
