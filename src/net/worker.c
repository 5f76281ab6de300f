#include "config.h"

#include "net/worker.h"

#include "base/clock.h"
#include "net/connection.h"
#include "net/event_loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAIN_SECONDS                                                                              \
    3 /* for clients to take the replies that are under way when the server stops */
#define LINGER_TICKS 2 /* seconds for a client to take its last reply and to close */

static const struct timeval one_second = {1, 0};

static struct connection *connection_of_letter(struct letter *letter)
{
    return CONTAINER_OF(letter, struct connection, letter);
}

/* NULL at the end. `connection` NULL: the longest idle. */
static struct connection *next_connection(struct worker *worker, struct connection *connection)
{
    struct roster_entry *entry =
        roster_next(&worker->roster, connection == NULL ? NULL : &connection->entry);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct connection, entry);
}

/* ---- the line of those who wait for a turn */

void worker_line_up(struct worker *worker, struct connection *connection)
{
    connection->in_line = true;
    connection->letter.next = NULL;
    if (worker->line_first == NULL)
        worker->line_first = &connection->letter;
    else
        worker->line_last->next = &connection->letter;
    worker->line_last = &connection->letter;
}

/* Whoever joins the line meanwhile waits for the next round of the loop. */
static void run_line(struct worker *worker)
{
    struct letter *last = worker->line_last;
    struct letter *letter = worker->line_first;
    while (letter != NULL) {
        struct connection *connection = connection_of_letter(letter);
        bool was_last = letter == last;
        worker->line_first = letter->next;
        connection->in_line = false;
        worker_begin_turn(worker);
        connection_drive(connection);
        letter = was_last ? NULL : worker->line_first;
    }
}

bool worker_is_awaited(const struct worker *worker)
{
    return worker->line_first != NULL || worker->ahead_next < worker->ahead_count ||
           event_base_get_num_events(worker->base, EVENT_BASE_COUNT_ACTIVE) > 0;
}

/* ---- the tick: idle and lingering connections, once a second */

static void update_ticking(struct worker *worker)
{
    bool wanted = worker->config.idle_seconds_max > 0 || worker->lingering_count > 0;
    if (wanted == worker->ticking)
        return;
    if (!wanted)
        event_del(&worker->tick_event);
    else if (event_add(&worker->tick_event, &one_second) != 0)
        return;
    worker->ticking = wanted;
}

void worker_add_lingering(struct worker *worker)
{
    worker->lingering_count++;
    update_ticking(worker);
}

void worker_remove_lingering(struct worker *worker)
{
    CHECK(worker->lingering_count > 0);
    worker->lingering_count--;
}

static void close_idle(struct worker *worker)
{
    struct connection *connection;
    uint32_t now = clock_seconds();
    while ((connection = next_connection(worker, NULL)) != NULL && !connection->in_line &&
           connection_idle_seconds(connection, now) > worker->config.idle_seconds_max) {
        counter_add(&worker->counters.idle_kicks, 1);
        connection_close(connection, CLOSE_IDLE);
    }
}

static bool lingers_too_long(const struct worker *worker, struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_CLOSING:
        return ++connection->linger_ticks > LINGER_TICKS;
    case CONNECTION_HANDSHAKE:
        return ++connection->linger_ticks > worker->config.handshake_seconds_max;
    default:
        return false;
    }
}

static void close_lingering(struct worker *worker)
{
    struct connection *next;
    for (struct connection *connection = next_connection(worker, NULL); connection != NULL;
         connection = next) {
        next = next_connection(worker, connection);
        if (lingers_too_long(worker, connection))
            connection_close(connection, CLOSE_NORMAL);
    }
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    worker_begin_turn(worker);
    connections_go_on(worker);
    if (worker->config.idle_seconds_max > 0)
        close_idle(worker);
    if (worker->lingering_count > 0)
        close_lingering(worker);
    update_ticking(worker);
}

/* ---- mail */

static void on_deadline(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    worker->stopping = true;
}

/* What was received is answered, what is being sent is sent; then each connection is closed. */
static void start_draining(struct worker *worker)
{
    static const struct timeval patience = {DRAIN_SECONDS, 0};
    struct connection *next;
    connections_go_on(worker); /* those that have just come may have read ahead */
    worker->draining = true;
    if (event_add(&worker->deadline_event, &patience) != 0)
        worker->stopping = true;
    for (struct connection *connection = next_connection(worker, NULL); connection != NULL;
         connection = next) {
        next = next_connection(worker, connection);
        if (!connection->in_line)
            connection_drive(connection);
    }
}

static void on_mail(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    enum mailbox_order order;
    struct letter *letter = mailbox_take(&worker->mailbox, &order);
    (void)descriptor;
    (void)what;
    worker_begin_turn(worker);
    connections_go_on(worker);
    while (letter != NULL) {
        struct connection *connection = connection_of_letter(letter);
        letter = letter->next;
        connection_adopt(connection, worker);
    }
    if (order == MAILBOX_HALT)
        worker->stopping = true;
    else if (order == MAILBOX_DRAIN && !worker->draining)
        start_draining(worker);
}

/* ---- the thread */

/* Told in steps: the sum is shared, and the store has to make room for it. */
#define BUFFERS_TOLD_STEP (64u << 10)

static void tell(struct worker *worker, size_t bytes)
{
    bool more = bytes >= worker->buffers_told;
    worker->buffers_told = bytes;
    proto_note_buffers(worker->proto, bytes);
    if (more)
        buffer_budget_set_room(worker->config.budget, proto_room_for_buffers(worker->proto));
}

void worker_tell_buffers(struct worker *worker)
{
    size_t now = buffer_budget_bytes(worker->config.budget);
    size_t change =
        now > worker->buffers_told ? now - worker->buffers_told : worker->buffers_told - now;
    if (LIKELY(change < BUFFERS_TOLD_STEP))
        return;
    buffer_budget_trim(worker->config.budget);
    tell(worker, now);
}

#define ROOM_WAIT_MILLISECONDS 100u

/* Items go at once, but their memory only when every worker has passed a turn, and one of them may
 * be kept from its processor. Nobody waits for this worker, which passes turns while it waits. Once
 * it was in vain it does not wait again in that second: others are to be served too. */
void worker_wait_for_room(struct worker *worker, size_t bytes)
{
    struct buffer_budget *budget = worker->config.budget;
    const struct timespec pause = {.tv_nsec = 1000000};
    if (LIKELY(buffer_budget_has_room(budget, bytes)) ||
        worker->waited_at == proto_turn_now(worker->proto))
        return;
    for (unsigned waited = 0; waited < ROOM_WAIT_MILLISECONDS; waited++) {
        proto_note_buffers(worker->proto, buffer_budget_bytes(budget) + bytes);
        buffer_budget_set_room(budget, proto_room_for_buffers(worker->proto));
        if (buffer_budget_has_room(budget, bytes))
            return;
        if (!proto_room_is_coming(worker->proto))
            break;
        (void)nanosleep(&pause, NULL);
    }
    worker->waited_at = proto_turn_now(worker->proto);
}

static void end_turn(struct worker *worker)
{
    if (worker->turn_is_on)
        worker_tell_buffers(worker);
    if (worker->turn_is_on)
        proto_turn_stop(worker->proto);
    worker->turn_is_on = false;
}

static void close_all(struct worker *worker)
{
    struct connection *connection;
    worker_begin_turn(worker);
    worker->line_first = NULL;
    while ((connection = next_connection(worker, NULL)) != NULL)
        connection_close(connection, CLOSE_SHUTDOWN);
    end_turn(worker);
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    start_barrier_report(worker->barrier);
    while (!worker->stopping) {
        int flags = EVLOOP_ONCE | (worker->line_first != NULL ? EVLOOP_NONBLOCK : 0);
        CHECK(event_base_loop(worker->base, flags) >= 0);
        connections_go_on(worker);
        run_line(worker);
        connections_go_on(worker);
        end_turn(worker);
        if (worker->draining && next_connection(worker, NULL) == NULL)
            worker->stopping = true;
    }
    close_all(worker);
    return NULL;
}

/*
 * Signals are the dispatcher's: the worker's thread inherits a mask that blocks them all, but for
 * the one that tells of a system call that is not allowed.
 */
bool worker_start(struct worker *worker, struct start_barrier *barrier)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGSYS);
    worker->barrier = barrier;
    start_barrier_expect(barrier);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    worker->started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (!worker->started)
        start_barrier_report(barrier);
#ifdef HAVE_PTHREAD_GETCPUCLOCKID
    else if (pthread_getcpuclockid(worker->thread, &worker->cpu_clock) != 0)
        worker->cpu_clock = 0;
#endif
#ifdef HAVE_PTHREAD_SETNAME_NP
    if (worker->started)
        pthread_setname_np(worker->thread, "worker");
#endif
    return worker->started;
}

uint64_t worker_cpu_nanoseconds(const struct worker *worker)
{
    struct timespec used = {0};
    if (worker->cpu_clock == 0 || clock_gettime(worker->cpu_clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

void worker_stop(struct worker *worker, bool graceful)
{
    if (worker->started)
        mailbox_give_order(&worker->mailbox, graceful ? MAILBOX_DRAIN : MAILBOX_HALT);
}

void worker_join(struct worker *worker)
{
    if (worker->started)
        CHECK(pthread_join(worker->thread, NULL) == 0);
    worker->started = false;
}

void worker_post(struct worker *worker, struct connection *connection)
{
    worker->given++;
    mailbox_post(&worker->mailbox, &connection->letter);
}

/* The dispatcher counts arrivals; this worker's counter only ever goes down, from 0. */
uint64_t worker_clients(const struct worker *worker)
{
    return worker->given + counter_read(&worker->counters.curr_connections);
}

/* ---- life */

static bool add_events(struct worker *worker)
{
    event_assign(&worker->mail_event, worker->base, worker->mailbox.read_end, EV_READ | EV_PERSIST,
                 on_mail, worker);
    event_assign(&worker->tick_event, worker->base, -1, EV_PERSIST, on_tick, worker);
    event_assign(&worker->deadline_event, worker->base, -1, 0, on_deadline, worker);
    update_ticking(worker);
    return event_add(&worker->mail_event, NULL) == 0;
}

static bool acquire_parts(struct worker *worker, const char **why)
{
    worker->base = event_loop_create(worker->config.event_method, why);
    if (worker->base == NULL)
        return false;
    *why = "no memory for a worker";
    worker->lent.input = malloc(LENT_SIZE);
    worker->lent.output = malloc(LENT_SIZE);
    worker->ahead = calloc(AHEAD_MAX, sizeof(*worker->ahead));
    worker->proto = proto_thread_create(worker->config.protocol);
    worker->lent.session.out = worker->lent.output;
    worker->lent.session.out_capacity = LENT_SIZE;
    return worker->lent.input != NULL && worker->lent.output != NULL && worker->ahead != NULL &&
           worker->proto != NULL && add_events(worker);
}

struct worker *worker_create(const struct worker_config *config, const char **why)
{
    *why = "no memory for a worker";
    struct worker *worker = aligned_alloc(CACHE_LINE, sizeof(*worker));
    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof(*worker));
    worker->config = *config;
    if (!mailbox_init(&worker->mailbox)) {
        *why = "no descriptors for a worker's pipe";
        free(worker);
        return NULL;
    }
    roster_init(&worker->roster);
    if (acquire_parts(worker, why))
        return worker;
    worker_destroy(worker);
    return NULL;
}

void worker_destroy(struct worker *worker)
{
    enum mailbox_order order;
    struct letter *letter = mailbox_take(&worker->mailbox, &order);
    CHECK(!worker->started);
    while (letter != NULL) {
        struct connection *connection = connection_of_letter(letter);
        letter = letter->next;
        connection_discard(connection);
    }
    if (worker->proto != NULL)
        proto_thread_destroy(worker->proto);
    if (worker->base != NULL)
        event_base_free(worker->base);
    roster_end(&worker->roster);
    mailbox_end(&worker->mailbox);
    free(worker->lent.input);
    free(worker->lent.output);
    free(worker->ahead);
    free(worker);
}
