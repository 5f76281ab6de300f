#ifndef LARDER_TRACE_LINK_H
#define LARDER_TRACE_LINK_H

/*
 * A connection to a server in the text protocol, for requests by the thousand: all are written
 * first, then sent while their replies come in, so that neither side waits for the other to read.
 * Whatever goes wrong ends the program with a line that says why.
 */

#include "base/slice.h"
#include "tools/bench_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_bytes {
    char *at; /* owned */
    size_t size;
    size_t capacity;
};

struct trace_link {
    int fd;
    struct trace_bytes output;
    struct trace_bytes input;
};

struct trace_reply {
    bool value;        /* VALUE with its bytes, which are not kept, and END */
    uint64_t cas;      /* of a value that has one */
    struct slice line; /* else: without its end; lent until the next */
};

void trace_link_open(struct trace_link *link, const struct bench_server *server);
void trace_link_close(struct trace_link *link);

void trace_link_write(struct trace_link *link, struct slice bytes);

/* Sends what was written and hands over that many replies, in their order. */
void trace_link_exchange(struct trace_link *link, size_t reply_count,
                         void (*on_reply)(void *context, const struct trace_reply *reply),
                         void *context);

/* Sends one line, with its end, when nothing is awaited. Its answer is all that comes up to a line
 * of `last`, or to one that tells an error; lent until the next. */
struct slice trace_link_ask(struct trace_link *link, const char *line, const char *last);

#endif
