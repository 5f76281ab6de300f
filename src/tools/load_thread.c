#include "config.h"

#include "tools/load_thread.h"

#include "tools/bench_tls.h"
#include "tools/random_numbers.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_SIZE (256 * 1024)
#define TICK_MICROSECONDS 20000
#define SILENCE_NANOSECONDS 10000000000u /* a server that takes longer has stopped */
#define SECOND 1000000000u

uint64_t load_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static bool is_measuring(const struct load_thread *thread)
{
    return counter_read(&thread->load->phase) == LOAD_MEASURING;
}

static bool is_ending(const struct load_thread *thread)
{
    return counter_read(&thread->load->phase) == LOAD_ENDING;
}

static void stop(struct load_thread *thread)
{
    thread->stopped = true;
    event_base_loopbreak(thread->base);
}

static void fail(struct load_connection *connection, const char *what)
{
    load_note_problem(connection->thread->load, true, "connection %llu: %s",
                      (unsigned long long)connection->number, what);
    stop(connection->thread);
}

/* --- sending --------------------------------------------------------------------------------- */

static ssize_t write_some(struct load_connection *connection, const char *at, size_t size)
{
    if (connection->stream != NULL)
        return bench_stream_write(connection->stream, at, size);
    return send(connection->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What the socket does not take waits in `unsent`. */
static void send_bytes(struct load_connection *connection, const char *at, size_t size)
{
    ssize_t sent = write_some(connection, at, size);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        fail(connection, strerror(errno));
        return;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    if (is_measuring(connection->thread))
        connection->thread->tally.bytes_sent += taken;
    if (at == connection->thread->output.at && taken < size) {
        wire_output_add(&connection->unsent, at + taken, size - taken);
        event_add(connection->writable, NULL);
    } else if (at != connection->thread->output.at) {
        connection->unsent_at += taken;
    }
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
    struct load_connection *connection = context;
    struct wire_output *unsent = &connection->unsent;
    (void)fd, (void)events;
    send_bytes(connection, unsent->at + connection->unsent_at,
               unsent->size - connection->unsent_at);
    if (connection->unsent_at < unsent->size)
        return;
    unsent->size = connection->unsent_at = 0;
    event_del(connection->writable);
}

static void ask_set(struct load_connection *connection, uint32_t key)
{
    struct load_thread *thread = connection->thread;
    const struct bench_options *options = thread->load->options;
    const struct wire_set set = {
        .key = key,
        .value_size = (uint32_t)number_mix_draw(&options->value_size, &thread->random),
        .exptime = (uint32_t)number_mix_draw(&options->expiry, &thread->random),
        .version = options->verify ? (uint32_t)random_below(&thread->random, 65536) : 0,
    };
    wire_write_set(&thread->load->wire, &thread->output, &set);
    connection->asked[connection->asked_count++] = (struct wire_asked){.key_count = 0};
}

/* Writes a request for one key or several; *keys goes on behind them. */
static void ask_next(struct load_connection *connection, uint32_t **keys)
{
    struct load_thread *thread = connection->thread;
    const struct load *load = thread->load;
    const struct bench_options *options = load->options;
    uint64_t random = options->sets == 0 ? 0
                      : options->gets == 0
                          ? 0
                          : random_below(&thread->random, options->sets + options->gets);
    bool set = options->gets == 0 || (options->sets != 0 && random < options->sets);
    if (set) {
        ask_set(connection,
                (uint32_t)key_pattern_draw(&load->pattern, &connection->walk, &thread->random));
        return;
    }
    uint32_t count = (uint32_t)number_mix_draw(&options->multiget, &thread->random);
    for (uint32_t i = 0; i < count; i++)
        (*keys)[i] = (uint32_t)key_pattern_draw(&load->pattern, &connection->walk, &thread->random);
    wire_write_get(&load->wire, &thread->output, *keys, count);
    connection->asked[connection->asked_count++] =
        (struct wire_asked){.keys = *keys, .key_count = count};
    *keys += count;
}

/* Keys that were missed come first, and alone; they do not count as requests that were wanted. */
static void send_batch(struct load_connection *connection, uint64_t begun_at)
{
    struct load_thread *thread = connection->thread;
    uint32_t *keys = connection->keys;
    connection->asked_count = connection->asked_next = 0;
    connection->begun_at = begun_at;
    thread->output.size = 0;
    thread->busy_count++;
    if (connection->reader.missed_count > 0) {
        for (uint32_t i = 0; i < connection->reader.missed_count; i++)
            ask_set(connection, connection->missed[i]);
        connection->reader.missed_count = 0;
    } else {
        uint64_t count = thread->load->options->pipeline;
        if (count > connection->requests_left)
            count = connection->requests_left;
        for (uint64_t i = 0; i < count; i++)
            ask_next(connection, &keys);
        connection->requests_left -= count;
        connection->batch_number++;
    }
    send_bytes(connection, thread->output.at, thread->output.size);
}

/* --- when ------------------------------------------------------------------------------------ */

static uint64_t due_at(const struct load_connection *connection, uint64_t batch)
{
    const struct load *load = connection->thread->load;
    double place = (double)connection->number / (double)load->options->connections;
    return load->started_at + (uint64_t)(((double)batch + place) * load->batch_nanoseconds);
}

/* Its batch is answered, or there was none: sends the next one, if it is time for it. */
static void go_on(struct load_connection *connection, uint64_t now)
{
    struct load_thread *thread = connection->thread;
    if (is_ending(thread)) {
        if (thread->busy_count == 0)
            stop(thread);
        return;
    }
    if (connection->reader.missed_count > 0) {
        send_batch(connection, now);
    } else if (connection->requests_left == 0) {
        if (++thread->finished_count == thread->connection_count)
            stop(thread);
    } else if (thread->load->batch_nanoseconds == 0) {
        send_batch(connection, now);
    } else {
        uint64_t due = due_at(connection, connection->batch_number);
        if (due <= now)
            send_batch(connection, due);
    }
}

static void arm_timer(struct load_thread *thread, uint64_t due, uint64_t now)
{
    uint64_t microseconds = due > now ? (due - now + 999) / 1000 : 0;
    struct timeval wait = {.tv_sec = (time_t)(microseconds / 1000000),
                           .tv_usec = (suseconds_t)(microseconds % 1000000)};
    event_add(thread->timer, &wait);
}

/* Sends all that is due on connections that wait. One that is busy sends its own later, and the
 * time counts from when it was due. */
static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct load_thread *thread = context;
    uint64_t now = load_nanoseconds();
    (void)fd, (void)events;
    while (!is_ending(thread)) {
        struct load_connection *connection = &thread->connections[thread->due_connection];
        uint64_t due = due_at(connection, thread->due_batch);
        if (due > now) {
            arm_timer(thread, due, now);
            return;
        }
        bool waits = connection->asked_next == connection->asked_count;
        if (waits && connection->batch_number == thread->due_batch && connection->requests_left > 0)
            send_batch(connection, due);
        if (++thread->due_connection == thread->connection_count) {
            thread->due_connection = 0;
            thread->due_batch++;
        }
    }
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
    struct load_thread *thread = context;
    (void)fd, (void)events;
    if (is_ending(thread) && thread->busy_count == 0)
        stop(thread);
    if (thread->busy_count > 0 &&
        load_nanoseconds() - thread->last_reply_at > SILENCE_NANOSECONDS) {
        load_note_problem(thread->load, true, "no reply for 10 seconds");
        stop(thread);
    }
    if (thread->busy_count == 0)
        thread->last_reply_at = load_nanoseconds();
}

/* --- replies --------------------------------------------------------------------------------- */

static void note_wrong(struct load_connection *connection, const struct wire_asked *asked)
{
    const char *line = connection->reader.line;
    if (connection->reader.error)
        load_note_problem(connection->thread->load, false, "%s was answered by: %.*s",
                          asked->key_count == 0 ? "a set" : "a get", (int)strcspn(line, "\r\n"),
                          line);
    else
        load_note_problem(connection->thread->load, false,
                          "a get was answered by a value that was never set under its key");
}

static void count_answer(struct load_connection *connection, const struct wire_asked *asked,
                         uint64_t now)
{
    struct load_thread *thread = connection->thread;
    struct load_tally *tally = &thread->tally;
    const struct wire_reader *reader = &connection->reader;
    if (UNLIKELY(reader->error || reader->wrong))
        note_wrong(connection, asked);
    tally->errors += reader->error;
    tally->wrong += reader->wrong;
    if (!is_measuring(thread))
        return;
    counter_add(&thread->answered, 1);
    uint64_t took = now > connection->begun_at ? now - connection->begun_at : 0;
    if (asked->key_count == 0) {
        tally->sets++;
        histogram_record(&tally->set_times, took);
        return;
    }
    tally->gets++;
    tally->keys += asked->key_count;
    tally->hits += reader->hits;
    histogram_record(&tally->get_times, took);
}

/* false: the connection is of no use any more. */
static bool read_replies(struct load_connection *connection, const char *at, const char *end,
                         uint64_t now)
{
    const struct wire *wire = &connection->thread->load->wire;
    while (at < end) {
        if (connection->asked_next == connection->asked_count) {
            fail(connection, "bytes came that nobody had asked for");
            return false;
        }
        const struct wire_asked *asked = &connection->asked[connection->asked_next];
        switch (wire_read(wire, &connection->reader, asked, &at, end)) {
        case WIRE_MORE:
            return true;
        case WIRE_DONE:
            count_answer(connection, asked, now);
            connection->asked_next++;
            break;
        case WIRE_STRAYED:
            load_note_problem(connection->thread->load, true, "not a reply to %s: %.*s",
                              asked->key_count == 0 ? "a set" : "a get",
                              (int)strcspn(connection->reader.line, "\r\n"),
                              connection->reader.line);
            stop(connection->thread);
            return false;
        }
    }
    return true;
}

static ssize_t read_some(struct load_connection *connection, char *at, size_t size)
{
    if (connection->stream != NULL)
        return bench_stream_read(connection->stream, at, size);
    return recv(connection->fd, at, size, MSG_DONTWAIT);
}

static void on_readable(evutil_socket_t fd, short events, void *context)
{
    struct load_connection *connection = context;
    struct load_thread *thread = connection->thread;
    ssize_t size = read_some(connection, thread->input, INPUT_SIZE);
    (void)fd, (void)events;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        fail(connection, size == 0 ? "the server has closed it" : strerror(errno));
        return;
    }
    uint64_t now = load_nanoseconds();
    thread->last_reply_at = now;
    if (is_measuring(thread))
        thread->tally.bytes_received += (size_t)size;
    if (!read_replies(connection, thread->input, thread->input + size, now) ||
        connection->asked_next < connection->asked_count)
        return;
    thread->busy_count--;
    go_on(connection, now);
}

/* --- life ------------------------------------------------------------------------------------ */

static uint64_t requests_of(const struct load *load, uint64_t number)
{
    const struct bench_options *options = load->options;
    if (options->requests == 0)
        return UINT64_MAX;
    return options->requests / options->connections +
           (number < options->requests % options->connections);
}

/* false: the load's problem says why. */
static bool connection_open(struct load_connection *connection)
{
    struct load *load = connection->thread->load;
    const struct bench_server *server = load->server;
    const char *why = NULL;
    connection->fd = bench_server_connect(server);
    if (connection->fd < 0)
        why = strerror(errno);
    else if (server->tls != NULL)
        connection->stream = bench_stream_create(server->tls, connection->fd, server->name, &why);
    if (connection->fd < 0 || (server->tls != NULL && connection->stream == NULL)) {
        load_note_problem(load, true, "%s: %s", server->name, why);
        return false;
    }
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    return true;
}

static bool connection_init(struct load_connection *connection, struct load_thread *thread,
                            uint64_t number)
{
    struct load *load = thread->load;
    const struct bench_options *options = load->options;
    size_t keys = options->pipeline * options->multiget.high;
    uint64_t first = number % options->keys;
    *connection = (struct load_connection){
        .thread = thread,
        .number = number,
        .walk = {.first = first, .next = first, .step = options->connections},
        .requests_left = requests_of(load, number),
        .asked =
            calloc(options->read_through ? keys : options->pipeline, sizeof(*connection->asked)),
        .keys = calloc(keys, sizeof(*connection->keys)),
        .missed = options->read_through ? calloc(keys, sizeof(*connection->missed)) : NULL,
    };
    if (!connection_open(connection))
        return false;
    connection->reader.missed = connection->missed;
    connection->readable =
        event_new(thread->base, connection->fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable =
        event_new(thread->base, connection->fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    if (connection->asked != NULL && connection->keys != NULL && connection->readable != NULL &&
        connection->writable != NULL && event_add(connection->readable, NULL) == 0)
        return true;
    load_note_problem(load, true, "no memory for %llu connections",
                      (unsigned long long)options->connections);
    return false;
}

static void connection_end(struct load_connection *connection)
{
    if (connection->readable != NULL)
        event_free(connection->readable);
    if (connection->writable != NULL)
        event_free(connection->writable);
    bench_stream_destroy(connection->stream);
    if (connection->fd >= 0 && connection->thread != NULL)
        close(connection->fd);
    wire_output_end(&connection->unsent);
    free(connection->asked);
    free(connection->keys);
    free(connection->missed);
}

static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

bool load_thread_init(struct load_thread *thread, struct load *load, unsigned number)
{
    uint64_t threads = load->options->threads, connections = load->options->connections;
    *thread = (struct load_thread){
        .load = load,
        .base = base_create(),
        .connection_count = connections / threads + (number < connections % threads),
        .random = random_state(load->options->seed, number),
        .input = malloc(INPUT_SIZE),
    };
    thread->connections = calloc(thread->connection_count, sizeof(*thread->connections));
    if (thread->base != NULL) {
        thread->tick = event_new(thread->base, -1, EV_PERSIST, on_tick, thread);
        thread->timer = evtimer_new(thread->base, on_timer, thread);
    }
    if (thread->connections == NULL || thread->input == NULL || thread->tick == NULL ||
        thread->timer == NULL) {
        load_note_problem(load, true, "no memory for a thread");
        return false;
    }
    for (uint64_t i = 0; i < thread->connection_count; i++)
        if (!connection_init(&thread->connections[i], thread, number + i * threads))
            return false;
    return true;
}

void load_thread_end(struct load_thread *thread)
{
    for (uint64_t i = 0; thread->connections != NULL && i < thread->connection_count; i++)
        connection_end(&thread->connections[i]);
    if (thread->tick != NULL)
        event_free(thread->tick);
    if (thread->timer != NULL)
        event_free(thread->timer);
    if (thread->base != NULL)
        event_base_free(thread->base);
    wire_output_end(&thread->output);
    free(thread->connections);
    free(thread->input);
}

void *load_thread_main(void *context)
{
    struct load_thread *thread = context;
    struct load *load = thread->load;
    const struct timeval tick = {.tv_usec = TICK_MICROSECONDS};
    thread->last_reply_at = load_nanoseconds();
    event_add(thread->tick, &tick);
    if (load->batch_nanoseconds > 0)
        arm_timer(thread, load->started_at, thread->last_reply_at);
    for (uint64_t i = 0; i < thread->connection_count; i++)
        if (load->batch_nanoseconds == 0 || thread->connections[i].requests_left == 0)
            go_on(&thread->connections[i], thread->last_reply_at);
    if (!thread->stopped)
        event_base_dispatch(thread->base);
    pthread_mutex_lock(&load->lock);
    load->threads_running--;
    pthread_cond_signal(&load->changed);
    pthread_mutex_unlock(&load->lock);
    return NULL;
}
