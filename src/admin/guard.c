#include "config.h"

#include "admin/guard.h"

#include "base/clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#define PATIENCE 20000000 /* microseconds for a request to come, and for its reply to be taken */
#define REQUESTS_PER_SECOND 50
#define REQUESTS_AT_ONCE 100
#define UNSENT_MAX (1u << 20)

void guard_init(struct guard *guard, struct event_base *base, struct evconnlistener *listener)
{
    *guard = (struct guard){
        .base = base,
        .listener = listener,
        .tokens = REQUESTS_AT_ONCE,
        .filled_at = clock_microseconds(),
    };
}

static bool is_done(struct bufferevent *stream)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(stream, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void forget(struct guard_connection *connection)
{
    bufferevent_decref(connection->stream);
    connection->stream = NULL;
}

/* After evhttp was freed. */
void guard_end(struct guard *guard)
{
    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++)
        if (guard->connections[i].stream != NULL)
            forget(&guard->connections[i]);
}

/* ---- connections */

/* Frees the places of those that evhttp has done with; how many are free then. */
static size_t collect(struct guard *guard)
{
    size_t free_count = 0;
    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++) {
        struct guard_connection *connection = &guard->connections[i];
        if (connection->stream != NULL && is_done(connection->stream))
            forget(connection);
        free_count += connection->stream == NULL;
    }
    return free_count;
}

static struct guard_connection *find_place(struct guard *guard, const struct bufferevent *stream)
{
    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++)
        if (guard->connections[i].stream == stream)
            return &guard->connections[i];
    return NULL;
}

struct bufferevent *guard_create_stream(struct event_base *base, void *context)
{
    struct guard *guard = context;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, 0);
    collect(guard);
    struct guard_connection *place = find_place(guard, NULL);
    if (stream == NULL || place == NULL)
        return stream;
    bufferevent_incref(stream);
    *place = (struct guard_connection){stream, clock_microseconds() + PATIENCE};
    if (find_place(guard, NULL) == NULL) {
        guard->paused = true;
        evconnlistener_disable(guard->listener);
    }
    return stream;
}

/* evhttp takes it for the end of the connection, and frees it. */
static void end_late(struct guard *guard)
{
    uint64_t now = clock_microseconds();
    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++) {
        struct guard_connection *connection = &guard->connections[i];
        if (connection->stream != NULL && connection->deadline < now)
            bufferevent_trigger_event(connection->stream, BEV_EVENT_TIMEOUT, 0);
    }
}

void guard_tick(struct guard *guard)
{
    collect(guard);
    end_late(guard);
    if (guard->paused && collect(guard) > 0) {
        guard->paused = false;
        evconnlistener_enable(guard->listener);
    }
}

/* ---- requests */

static void fill_tokens(struct guard *guard)
{
    uint64_t now = clock_microseconds();
    guard->tokens += (double)(now - guard->filled_at) * REQUESTS_PER_SECOND / 1e6;
    if (guard->tokens > REQUESTS_AT_ONCE)
        guard->tokens = REQUESTS_AT_ONCE;
    guard->filled_at = now;
}

bool guard_admit(struct guard *guard, const struct bufferevent *stream)
{
    struct guard_connection *connection = find_place(guard, stream);
    fill_tokens(guard);
    if (guard->tokens < 1)
        return false;
    guard->tokens--;
    if (connection != NULL)
        connection->deadline = clock_microseconds() + PATIENCE;
    return true;
}

/* ---- replies */

struct sent_text {
    struct guard *guard;
    struct text text;
};

static void on_sent(const void *data, size_t size, void *context)
{
    struct sent_text *sent = context;
    (void)data;
    sent->guard->unsent -= size;
    text_end(&sent->text);
    free(sent);
}

bool guard_send(struct guard *guard, struct evbuffer *reply, struct text *text)
{
    struct sent_text *sent = malloc(sizeof(*sent));
    bool fits = guard->unsent + text->size <= UNSENT_MAX;
    if (sent == NULL || text->failed || text->size == 0 || !fits) {
        free(sent);
        text_end(text);
        return false;
    }
    *sent = (struct sent_text){guard, *text};
    if (evbuffer_add_reference(reply, text->at, text->size, on_sent, sent) != 0) {
        free(sent);
        text_end(text);
        return false;
    }
    guard->unsent += text->size;
    return true;
}
