#ifndef LARDER_BENCH_WIRE_H
#define LARDER_BENCH_WIRE_H

/*
 * Requests as bytes, in the classic text protocol or in meta commands, and the replies to them.
 *
 * Threads: a wire is read by all; a writer and a reader are one thread's at a time.
 */

#include "tools/bench_options.h"
#include "tools/value_pool.h"

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_KEY_SIZE_MAX 250
#define WIRE_LINE_SIZE_MAX 1024

/* How requests are written; set once. */
struct wire {
    const struct value_pool *pool; /* lent */
    const char *key_prefix;        /* lent */
    size_t key_prefix_size;
    size_t key_size;
    bool meta;
    bool verify;
    bool follow_keys; /* replies must say which key they are about */
};

void wire_init(struct wire *wire, const struct bench_options *options,
               const struct value_pool *pool);

/* Bytes that go out, as many requests as are appended. */
struct wire_output {
    char *at; /* owned */
    size_t size;
    size_t capacity;
};

void wire_output_end(struct wire_output *output);
void wire_output_add(struct wire_output *output, const char *at, size_t size);
void wire_write_get(const struct wire *wire, struct wire_output *output, const uint32_t *keys,
                    uint32_t key_count);

struct wire_set {
    uint32_t key;
    uint32_t value_size;
    uint32_t exptime;
    uint32_t version; /* travels in the client flags */
};

void wire_write_set(const struct wire *wire, struct wire_output *output,
                    const struct wire_set *set);

/* Whether the text is the key of that number. */
bool wire_key_is(const struct wire *wire, uint32_t number, struct slice text);

/* --- replies ------------------------------------------------------------------------------- */

/* A request whose reply is awaited. */
struct wire_asked {
    const uint32_t *keys; /* lent; of a get */
    uint32_t key_count;   /* 0: a set */
};

enum wire_step {
    WIRE_MORE,    /* all bytes are used up, and the reply is not whole */
    WIRE_DONE,    /* the reader's fields below tell the result of one request */
    WIRE_STRAYED, /* this is no reply to that request; nothing behind it can be trusted */
};

/* Reads the replies of one connection, cut anywhere. Starts as zeros. */
struct wire_reader {
    uint32_t hits;    /* keys found */
    bool error;       /* an error line, or a set that did not store */
    bool wrong;       /* a value other than what was set, or of a key that was not asked for */
    uint32_t *missed; /* lent; keys not found are added, if not NULL */
    uint32_t missed_count;
    char line[WIRE_LINE_SIZE_MAX]; /* the last one with something to say about an error */

    uint32_t next_key;    /* of those asked for: the first that may still come */
    const char *expected; /* the value as it should be; NULL: not checked */
    size_t body_left;     /* bytes of the value that are still to come */
    size_t end_left;      /* bytes of the line end behind it */
    size_t line_size;     /* bytes kept in `line` of a line that was cut */
    bool begun;
    bool last; /* the value is the whole reply */
};

/* Goes on at *at. */
enum wire_step wire_read(const struct wire *wire, struct wire_reader *reader,
                         const struct wire_asked *asked, const char **at, const char *end);

#endif
