#include "config.h"

#include "net/connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/connection_event.h"
#include "net/connection_output.h"
#include "net/logger.h"
#include "net/transport.h"
#include "net/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define COPIED_INPUT_MAX                                                                           \
    4096 /* so much is cheaper to copy before each read than to read beside                        \
          */
#define OWN_ROOM_MIN                                                                               \
    4096 /* less room is enlarged before reading, unless it is all that is wanted */
#define UNSENT_WHILE_PARKED 16384u /* more output than this is sent before waiting for a turn */
#define UNSENT_WHEN_WRITABLE 16384 /* in the socket, of a slow reader while memory is short */

/* What a state function wants next. */
enum step {
    STEP_GO_ON, /* run the function of the state that it is in now */
    STEP_SLEEP, /* until the descriptor is ready */
    STEP_PARK,  /* until the others had their turn */
    STEP_AHEAD, /* until the others have read */
    STEP_GONE,  /* the connection no longer exists */
};

static enum step run_session(struct connection *connection);

/* ---- closing */

static enum step drop(struct connection *connection, enum close_reason reason)
{
    connection_close(connection, reason);
    return STEP_GONE;
}

/* The budget of buffers is used up, or the memory. */
static enum step refuse(struct connection *connection)
{
    struct worker *worker = connection->worker;
    counter_add(&worker->counters.buffer_refusals, 1);
    log_write_limited(&worker->refusal_log, LOG_WARNING,
                      "closed a connection that needed a buffer: %zu of %zu bytes are in use",
                      buffer_budget_bytes(worker->config.budget), worker->config.budget->bytes_max);
    return drop(connection, CLOSE_ERROR);
}

static void tell_departure(struct connection *connection, enum close_reason reason)
{
    static const char *const reasons[] = {
        [CLOSE_NORMAL] = "normal",
        [CLOSE_ERROR] = "error",
        [CLOSE_IDLE] = "idle_timeout",
        [CLOSE_SHUTDOWN] = "shutdown",
    };
    connection_event_tell(connection->worker->proto, "conn_close", reasons[reason],
                          connection->descriptor);
}

static void count_departure(struct connection *connection, enum close_reason reason)
{
    if (connection->departed)
        return;
    counter_subtract(&connection->worker->counters.curr_connections, 1);
    connection->departed = true;
    tell_departure(connection, reason);
}

/*
 * Closing a socket that holds unread bytes resets the connection, and the client may never see the
 * last reply. So: no more output, then wait for the client to close; the worker's tick bounds
 * that. A server that stops waits only while there is input to read away.
 */
static enum step begin_closing(struct connection *connection, enum close_reason reason)
{
    if (transport_close_output(connection->tls, connection->descriptor) != 0)
        return drop(connection, CLOSE_ERROR);
    count_departure(connection, reason);
    worker_add_lingering(connection->worker);
    connection->worker->lent.session.in.size = 0;
    connection->state = CONNECTION_CLOSING;
    return STEP_GO_ON;
}

static enum step on_closing(struct connection *connection)
{
    struct lent_buffers *lent = &connection->worker->lent;
    ssize_t size = read(connection->descriptor, lent->input, LENT_SIZE);
    bool waits = size < 0 && errno == EAGAIN && !connection->worker->draining;
    bool may_have_more = size > 0 || (size < 0 && errno == EINTR);
    return waits || may_have_more ? STEP_SLEEP : drop(connection, CLOSE_NORMAL);
}

/* ---- the TLS handshake */

/* TLS memory counts in the budget of buffers, so a client may come when there is none left. */
static bool begin_handshake(struct connection *connection)
{
    struct worker *worker = connection->worker;
    if (connection->tls == NULL && !buffer_budget_is_exceeded(worker->config.budget))
        connection->tls = tls_stream_create(worker->config.tls, connection->descriptor,
                                            (enum net_security)connection->security);
    return connection->tls != NULL;
}

static enum step on_handshake(struct connection *connection)
{
    struct net_counters *counters = &connection->worker->counters;
    if (!begin_handshake(connection))
        return refuse(connection);
    switch (tls_stream_handshake(connection->tls)) {
    case TLS_WAITS:
        return STEP_SLEEP;
    case TLS_READY:
        counter_add(tls_stream_is_resumed(connection->tls) ? &counters->ssl_resumed_sessions
                                                           : &counters->ssl_new_sessions,
                    1);
        connection->linger_ticks = 0;
        worker_remove_lingering(connection->worker);
        connection->state = CONNECTION_READING;
        return STEP_GO_ON;
    case TLS_FAILED:
        break;
    }
    log_write(LOG_INFO, "<%d TLS handshake failed: %s", connection->descriptor,
              tls_stream_failure());
    return drop(connection, CLOSE_ERROR);
}

/* A text that the session keeps behind the output counts with the buffers. */
static bool account_for_session(struct connection *connection)
{
    struct buffer_budget *budget = connection->worker->config.budget;
    size_t before = connection->session_bytes;
    size_t now =
        session_may_have_tail(&connection->session) ? session_text_bytes(&connection->session) : 0;
    if (LIKELY(now == before))
        return true;
    if (now > before && !buffer_budget_take_for_client(budget, now - before))
        return false;
    if (now < before)
        buffer_budget_give_back(budget, before - now);
    connection->session_bytes = (uint32_t)now;
    return true;
}

/* What a client could hold on to by sending half a record, or by not reading. */
static bool holds_too_much(const struct connection *connection)
{
    return UNLIKELY(connection->tls != NULL) &&
           UNLIKELY(buffer_budget_is_exceeded(connection->worker->config.budget)) &&
           tls_stream_is_busy(connection->tls);
}

/* ---- reading */

static enum step on_nothing_read(struct connection *connection, ssize_t size)
{
    if (size < 0 && errno == EINTR)
        return STEP_GO_ON;
    if (size < 0 && errno == EAGAIN) {
        connection->drained = true;
        return STEP_SLEEP;
    }
    return drop(connection, size == 0 ? CLOSE_NORMAL : CLOSE_ERROR);
}

static void count_read(struct connection *connection, size_t size, size_t asked)
{
    struct worker *worker = connection->worker;
    counter_add(&worker->counters.bytes_read, size);
    worker->lent.moved += size;
    connection->drained = size < asked && !transport_has_more(connection->tls);
}

/* Unread input to the front of the lent buffer; the rest of that is room. */
static struct store_room lent_input_room(struct connection *connection)
{
    struct lent_buffers *lent = &connection->worker->lent;
    struct slice *in = &lent->session.in;
    if (in->size > 0 && in->at != lent->input)
        memmove(lent->input, in->at, in->size);
    in->at = lent->input;
    return (struct store_room){lent->input + in->size, LENT_SIZE - in->size};
}

/* A long request is read straight into the connection's own buffer, not copied at each read. */
static struct store_room own_input_room(struct connection *connection, size_t wanted)
{
    struct buffer_budget *budget = connection->worker->config.budget;
    struct slice *in = &connection->worker->lent.session.in;
    if (!buffer_keep(&connection->input, budget, *in))
        return (struct store_room){NULL, 0};
    *in = buffer_slice(connection->input);
    size_t room = connection->input->capacity - connection->input->end;
    if (room < OWN_ROOM_MIN && in->size + room < wanted &&
        !buffer_grow(&connection->input, budget, wanted))
        return (struct store_room){NULL, 0};
    *in = buffer_slice(connection->input);
    return (struct store_room){connection->input->bytes + connection->input->end,
                               connection->input->capacity - connection->input->end};
}

static struct store_room input_room(struct connection *connection)
{
    struct slice in = connection->worker->lent.session.in;
    size_t wanted = session_input_wanted(&connection->session);
    if (wanted <= in.size)
        wanted = in.size + 1;
    bool is_own = buffer_holds(connection->input, in.at);
    if (wanted > LENT_SIZE || (is_own && in.size > COPIED_INPUT_MAX))
        return own_input_room(connection, wanted);
    return lent_input_room(connection);
}

static void accept_input(struct connection *connection, size_t size)
{
    struct slice *in = &connection->worker->lent.session.in;
    in->size += size;
    if (buffer_holds(connection->input, in->at))
        connection->input->end += (uint32_t)size;
}

static enum step go_on_reading(struct connection *connection)
{
    if (connection->worker->lent.session.in.size < session_input_wanted(&connection->session))
        return connection->drained ? STEP_SLEEP : STEP_GO_ON;
    return run_session(connection);
}

/* Whether what was read, and all of it, is worth waiting with. */
static bool may_wait(const struct connection *connection, size_t size)
{
    const struct worker *worker = connection->worker;
    return size <= AHEAD_INPUT_SIZE_MAX && worker->lent.session.in.size == size &&
           connection->input == NULL && connection->drained && worker->ahead_next == 0 &&
           worker->ahead_count < AHEAD_MAX && !worker->draining &&
           session_is_admitted(&connection->session);
}

/*
 * Of several connections that are ready, all read before the first answers. So their requests wait
 * for memory together, and the code of each stage is in the processor's caches for the next: with
 * 50 connections a get of 32 bytes takes 4 % less, one of 1 or 16 KiB 8 %.
 */
static enum step read_ahead(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct slice in = worker->lent.session.in;
    struct read_ahead *ahead = &worker->ahead[worker->ahead_count++];
    ahead->connection = connection;
    ahead->size = in.size;
    memcpy(ahead->input, in.at, in.size);
    session_expect(&connection->session, worker->proto, (struct slice){ahead->input, in.size},
                   &ahead->key);
    connection->state = CONNECTION_AHEAD;
    return STEP_AHEAD;
}

static enum step on_ahead(struct connection *connection)
{
    struct worker *worker = connection->worker;
    CHECK(worker->ahead_next > 0);
    const struct read_ahead *ahead = &worker->ahead[worker->ahead_next - 1];
    CHECK(ahead->connection == connection);
    worker->lent.session.in = (struct slice){ahead->input, ahead->size};
    connection->state = CONNECTION_READING;
    return go_on_reading(connection);
}

static enum step on_reading(struct connection *connection)
{
    if (connection_has_moved_enough(connection))
        return STEP_PARK;
    struct store_room room = input_room(connection);
    if (room.at == NULL)
        return refuse(connection);
    ssize_t size = transport_read(connection->tls, connection->descriptor, room.at, room.size);
    if (UNLIKELY(size <= 0))
        return on_nothing_read(connection, size);
    count_read(connection, (size_t)size, room.size);
    accept_input(connection, (size_t)size);
    if (may_wait(connection, (size_t)size))
        return read_ahead(connection);
    return go_on_reading(connection);
}

/* A large value goes straight to its place in the store; what follows it, to the lent buffer. */
static enum step on_filling(struct connection *connection)
{
    struct lent_buffers *lent = &connection->worker->lent;
    if (connection_has_moved_enough(connection))
        return STEP_PARK;
    CHECK(lent->session.in.size == 0);
    struct store_room room = session_fill_room(&connection->session);
    if (room.size == 0)
        return run_session(connection);
    struct iovec vectors[] = {{room.at, room.size}, {lent->input, LENT_SIZE}};
    ssize_t result = transport_readv(connection->tls, connection->descriptor, vectors, 2);
    if (UNLIKELY(result <= 0))
        return on_nothing_read(connection, result);
    size_t size = (size_t)result;
    count_read(connection, size, room.size + LENT_SIZE);
    size_t filled = size < room.size ? size : room.size;
    session_fill_advance(&connection->session, filled);
    lent->session.in = (struct slice){lent->input, size - filled};
    if (size < room.size)
        return connection->drained ? STEP_SLEEP : STEP_GO_ON;
    return run_session(connection);
}

/* ---- running and sending */

static enum step on_parked(struct connection *connection)
{
    return run_session(connection);
}

/* All of it but its socket, which is closed already or somebody else's. */
static void destroy(struct connection *connection)
{
    struct worker *worker = connection->worker;
    session_end(&connection->session, worker->proto);
    buffer_budget_give_back(worker->config.budget, connection->session_bytes);
    buffer_free(&connection->input, worker->config.budget);
    buffer_free(&connection->output, worker->config.budget);
    if (connection->state == CONNECTION_HANDSHAKE)
        counter_add(&worker->counters.ssl_handshake_errors, 1);
    if (connection->state == CONNECTION_HANDSHAKE || connection->state == CONNECTION_CLOSING)
        worker_remove_lingering(worker);
    tls_stream_destroy(connection->tls);
    counter_subtract(&worker->counters.connection_structures, 1);
    free(connection);
}

static void leave_worker(struct connection *connection)
{
    CHECK(connection->state != CONNECTION_AHEAD);
    roster_remove(&connection->worker->roster, &connection->entry);
    event_del(&connection->event);
}

/* The client has become a watcher: its socket, and what it is to read first, go to the logger. */
static enum step hand_over(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct session_buffers *buffers = &worker->lent.session;
    struct watcher *watcher = worker->lent.watcher;
    leave_worker(connection);
    watcher->descriptor = connection->descriptor;
    watcher->tls = connection->tls;
    connection->tls = NULL;
    watcher_add_first(watcher, (struct slice){buffers->out, buffers->out_size});
    counter_subtract(&worker->counters.curr_connections, 1);
    destroy(connection);
    logger_give(worker->config.logger, watcher);
    return STEP_GONE;
}

/*
 * Lets the session answer what is in the buffer; what it wants next is done when the answer is
 * sent. A session that yields while nobody waits goes on at once: it is at the back of the loop
 * already. So does one whose input there is no memory to keep meanwhile.
 */
static enum step run_session(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct lent_buffers *lent = &worker->lent;
    connection->writable = false;
    enum session_state said;
    for (;;) {
        said = session_run(&connection->session, worker->proto, &lent->session);
        if (LIKELY(said != SESSION_YIELDING))
            break;
        counter_add(&worker->counters.conn_yields, 1);
        if (worker_is_awaited(worker) && !buffer_budget_is_short(worker->config.budget))
            break;
    }
    if (UNLIKELY(said == SESSION_WATCHING))
        return hand_over(connection);
    connection->said = (uint8_t)said;
    lent->unsent = (struct slice){lent->session.out, lent->session.out_size};
    if (said == SESSION_YIELDING && lent->unsent.size <= UNSENT_WHILE_PARKED) {
        connection->state = CONNECTION_PARKED;
        return STEP_PARK;
    }
    connection->state = CONNECTION_SENDING;
    return STEP_GO_ON;
}

/*
 * The buffers' memory is short: the next piece of a reply is only produced when the client has
 * taken most of the last, so that it goes into the socket whole and need not be kept. Unix sockets
 * are writable only then anyway; TCP can be told to be.
 */
static void wait_for_reader(struct connection *connection)
{
#ifdef TCP_NOTSENT_LOWAT
    int unsent_max = UNSENT_WHEN_WRITABLE;
    if (!connection->tamed)
        setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max,
                   sizeof(unsent_max));
#endif
    connection->tamed = true;
}

/* All is sent: what the session wanted next. */
static enum step after_sending(struct connection *connection)
{
    struct worker *worker = connection->worker;
    switch ((enum session_state)connection->said) {
    case SESSION_READING:
        connection->state = CONNECTION_READING;
        return connection->drained ? STEP_SLEEP : STEP_GO_ON;
    case SESSION_FILLING:
        connection->state = CONNECTION_FILLING;
        return connection->drained ? STEP_SLEEP : STEP_GO_ON;
    case SESSION_SENDING:
        if (buffer_budget_is_short(worker->config.budget) && !connection->writable) {
            wait_for_reader(connection);
            return STEP_SLEEP;
        }
        worker->lent.session.out_size = 0;
        return run_session(connection);
    case SESSION_YIELDING:
        connection->state = CONNECTION_PARKED;
        return STEP_PARK;
    case SESSION_CLOSING:
        return begin_closing(connection,
                             session_is_broken(&connection->session) ? CLOSE_ERROR : CLOSE_NORMAL);
    case SESSION_WATCHING: /* was handed over */
        break;
    }
    CHECK(!"a state that sessions have");
    return STEP_GONE;
}

static enum step on_sending(struct connection *connection)
{
    switch (connection_send(connection)) {
    case SENT_ALL:
        connection->worker->lent.session.out_size = 0;
        return after_sending(connection);
    case SENT_SHORT:
        connection->writable = false;
        return STEP_SLEEP;
    case SENT_ENOUGH:
        return STEP_PARK;
    case SEND_FAILED:
        break;
    }
    return drop(connection, CLOSE_ERROR);
}

/* ---- the driver */

static enum step (*const state_functions[])(struct connection *) = {
#define CONNECTION_STATE(name, run, shown) [name] = run,
#include "net/connection_states.def"
#undef CONNECTION_STATE
};

static void show(struct connection *connection, uint32_t now, enum connection_state state)
{
    atomic_store_explicit(&connection->active_at, now, memory_order_relaxed);
    atomic_store_explicit(&connection->shown_state, (uint8_t)state, memory_order_relaxed);
}

static uint32_t last_active(const struct connection *connection)
{
    return atomic_load_explicit(&connection->active_at, memory_order_relaxed);
}

/* What the connection kept while it slept goes on the worker's desk. */
static void take_up(struct connection *connection)
{
    struct lent_buffers *lent = &connection->worker->lent;
    CHECK(lent->session.gap_count == 0);
    lent->moved = 0;
    lent->session.in = buffer_slice(connection->input);
    lent->session.out_size = 0;
    lent->session.client = connection->descriptor;
    lent->unsent = buffer_slice(connection->output);
    if (connection->state == CONNECTION_PARKED && connection->output != NULL) {
        memcpy(lent->output, lent->unsent.at, lent->unsent.size);
        lent->session.out_size = lent->unsent.size;
        buffer_free(&connection->output, connection->worker->config.budget);
    }
    atomic_store_explicit(&connection->shown_state, CONNECTION_RUNNING, memory_order_relaxed);
}

/* Watches for input, or for room to send; a system call only when that changes. */
static bool watch(struct connection *connection)
{
    bool on_write =
        connection->state == CONNECTION_SENDING || transport_wants_write(connection->tls);
    if (on_write == connection->on_write)
        return true;
    struct event *event = &connection->event;
    connection->on_write = on_write;
    event_del(event);
    event_assign(event, event_get_base(event), connection->descriptor,
                 (short)((on_write ? EV_WRITE : EV_READ) | EV_PERSIST), event_get_callback(event),
                 connection);
    return event_add(event, NULL) == 0;
}

/* Keeps what is on the desk, and no more, until the connection runs again. */
static void put_down(struct connection *connection, enum step step)
{
    struct worker *worker = connection->worker;
    struct buffer_budget *budget = worker->config.budget;
    worker_wait_for_room(worker, buffer_growth(connection->output, worker->lent.unsent));
    if (!buffer_keep(&connection->input, budget, worker->lent.session.in) ||
        !buffer_keep(&connection->output, budget, worker->lent.unsent) ||
        !account_for_session(connection) || holds_too_much(connection)) {
        refuse(connection);
        return;
    }
    if (UNLIKELY(connection->output != NULL || connection->session_bytes > 0))
        worker_tell_buffers(worker); /* at once: a turn can fill many */
    uint32_t now = proto_turn_now(worker->proto);
    if (worker->config.idle_seconds_max > 0 && now != last_active(connection))
        roster_touch(&worker->roster, &connection->entry);
    show(connection, now, connection->state);
    if (step == STEP_PARK)
        worker_line_up(worker, connection);
    else if (!watch(connection))
        connection_close(connection, CLOSE_ERROR);
}

/* While the worker drains, a connection that would wait for input is closed instead. */
static enum step end_drained(struct connection *connection, enum step step)
{
    bool reads = connection->state != CONNECTION_SENDING && connection->state != CONNECTION_CLOSING;
    if (step != STEP_SLEEP || !reads)
        return step;
    return connection->worker->lent.moved > 0 ? begin_closing(connection, CLOSE_SHUTDOWN)
                                              : drop(connection, CLOSE_SHUTDOWN);
}

static enum step next_step(struct connection *connection)
{
    struct worker *worker = connection->worker;
    enum step step = state_functions[connection->state](connection);
    return UNLIKELY(worker->draining) && step != STEP_GONE ? end_drained(connection, step) : step;
}

void connection_drive(struct connection *connection)
{
    struct worker *worker = connection->worker;
    bool is_secret = session_is_secret(&connection->session, worker->config.protocol);
    enum step step;
    take_up(connection);
    do
        step = next_step(connection);
    while (step == STEP_GO_ON);
    if (LIKELY(step != STEP_GONE && step != STEP_AHEAD))
        put_down(connection, step);
    if (UNLIKELY(is_secret))
        explicit_bzero(worker->lent.input, LENT_SIZE);
}

void connections_go_on(struct worker *worker)
{
    for (unsigned i = 0; i < worker->ahead_count; i++)
        session_expect_item(worker->proto, &worker->ahead[i].key);
    while (worker->ahead_next < worker->ahead_count)
        connection_drive(worker->ahead[worker->ahead_next++].connection);
    worker->ahead_count = 0;
    worker->ahead_next = 0;
}

/* ---- life */

static void on_ready(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;
    struct worker *worker = connection->worker;
    (void)descriptor;
    if (connection->in_line || connection->state == CONNECTION_AHEAD)
        return;
    connection->writable = what & EV_WRITE;
    worker_begin_turn(worker);
    connection_drive(connection);
    if (worker->ahead_count == AHEAD_MAX)
        connections_go_on(worker);
}

struct connection *connection_create(int descriptor)
{
    struct connection *connection = malloc(sizeof(*connection));
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.descriptor = descriptor, .state = CONNECTION_READING};
    session_init(&connection->session);
    return connection;
}

void connection_discard(struct connection *connection)
{
    close(connection->descriptor);
    free(connection);
}

void connection_adopt(struct connection *connection, struct worker *worker)
{
    struct event *event = &connection->event;
    connection->worker = worker;
    show(connection, clock_seconds(), CONNECTION_READING);
    roster_add(&worker->roster, &connection->entry);
    event_assign(event, worker->base, connection->descriptor, EV_READ | EV_PERSIST, on_ready,
                 connection);
    connection_event_tell(worker->proto, "conn_new", NULL, connection->descriptor);
    if (connection->security != NET_PLAIN) {
        connection->state = CONNECTION_HANDSHAKE; /* TLS takes memory only when the client speaks */
        worker_add_lingering(worker);
    }
    if (event_add(event, NULL) != 0)
        connection_close(connection, CLOSE_ERROR);
    else if (connection->security == NET_PLAIN)
        connection_drive(connection);
}

void connection_close(struct connection *connection, enum close_reason reason)
{
    log_write(LOG_DEBUG, "<%d connection closed.", connection->descriptor);
    count_departure(connection, reason);
    leave_worker(connection);
    close(connection->descriptor);
    destroy(connection);
}

uint32_t connection_idle_seconds(const struct connection *connection, uint32_t now)
{
    uint32_t last = last_active(connection);
    return now > last ? now - last : 0; /* debugtime may turn the clock back */
}

const char *connection_state_name(const struct connection *connection)
{
    static const char *const names[] = {
#define CONNECTION_STATE(name, run, shown) [name] = shown,
#include "net/connection_states.def"
#undef CONNECTION_STATE
    };
    unsigned state = connection_shown_state(connection);
    const char *said = session_state_name(&connection->session);
    if (state == CONNECTION_RUNNING)
        return said;
    if (state == CONNECTION_READING && strcmp(said, "conn_swallow") == 0)
        return said;
    return names[state];
}
