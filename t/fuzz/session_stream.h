#ifndef LARDER_SESSION_STREAM_H
#define LARDER_SESSION_STREAM_H

/*
 * What a client sends, made from fewer bytes: a fuzzer that works on short inputs still finds large
 * values and full stores. Every byte below STREAM_CUT stands for itself; then
 *
 *   STREAM_CUT            nothing; delivery may end here
 *   STREAM_RUN n b        n * 16 + 1 times b
 *   STREAM_VALUE b        the value that the line before announces, of bytes b, and its line end
 *   STREAM_REPEAT n       n times more what was sent since the last repeat, each `~` in it a number
 *   STREAM_LITERAL b      the byte b
 */

#include "base/slice.h"

#include <stdint.h>

enum {
    STREAM_CUT = 0xfb,
    STREAM_RUN,
    STREAM_VALUE,
    STREAM_REPEAT,
    STREAM_LITERAL,
};

#define STREAM_SIZE_MAX (1536u << 10)
#define STREAM_CUTS_MAX 256

struct session_stream {
    char *at; /* lent, until the next is made */
    size_t size;
    size_t cuts[STREAM_CUTS_MAX]; /* ascending offsets */
    size_t cut_count;
};

void session_stream_init(struct session_stream *stream, const uint8_t *data, size_t size);

#endif
