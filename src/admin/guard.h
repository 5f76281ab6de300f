#ifndef LARDER_GUARD_H
#define LARDER_GUARD_H

/*
 * What keeps clients of the admin endpoint from taking more than their share: so many connections
 * at a time, and the next wait unaccepted; each must bring a whole request and take its reply
 * within a time; so many requests a second; so many bytes of replies that nobody has taken yet.
 *
 * evhttp tells nobody when a connection goes away. Each has a bufferevent from here, of which the
 * guard holds a reference; evhttp takes its callbacks off when it has done with one.
 *
 * Threads: the admin thread's only.
 */

#include "base/check.h"
#include "base/text.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdint.h>

#define GUARD_CONNECTIONS_MAX 32

struct guard_connection {
    struct bufferevent *stream; /* a reference is owned; NULL: the place is free */
    uint64_t deadline;          /* microseconds */
};

struct guard {
    struct event_base *base;
    struct evconnlistener *listener; /* lent */
    struct guard_connection connections[GUARD_CONNECTIONS_MAX];
    bool paused; /* all places are taken: nobody is accepted */
    double tokens;
    uint64_t filled_at; /* microseconds, when tokens were last added */
    size_t unsent;      /* bytes of replies */
};

void guard_init(struct guard *guard, struct event_base *base, struct evconnlistener *listener);
void guard_end(struct guard *guard);

/* evhttp's callback for a new connection. */
struct bufferevent *guard_create_stream(struct event_base *base, void *guard);

/* Once a second: ends connections that are past their time, and takes new ones again. */
void guard_tick(struct guard *guard);

/* A request has come on the stream, which has its time again; false: too many come. */
MUST_USE bool guard_admit(struct guard *guard, const struct bufferevent *stream);

/* Moves a text into a reply; false: too much is unsent, or no memory. Consumes text. */
MUST_USE bool guard_send(struct guard *guard, struct evbuffer *reply, struct text *text);

#endif
