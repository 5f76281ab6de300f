#ifndef LARDER_TRACE_SOURCE_H
#define LARDER_TRACE_SOURCE_H

/*
 * Where the requests of a trace come from: families of artificial traces, shaped after what is
 * published of caches in use ("A large scale analysis of hundreds of in-memory cache clusters at
 * Twitter", Yang et al., OSDI 2020, and its tables for each cluster). A family, a seed and a number
 * give one request, always the same.
 *
 * A request is for a key that was never asked for before; or for one of the recent past; or for one
 * by its rank in Zipf's law. A new key takes some rank over, or never comes back (a *one-hit
 * wonder*). Sizes are log-normal, and a key keeps its own. Some families read a long row of cold
 * keys now and then.
 *
 * Threads: a source is one thread's.
 */

#include "base/check.h"
#include "tools/key_pattern.h"

#include <stdbool.h>
#include <stdint.h>

#define TRACE_TIMES 3 /* different times-to-live of a family */

struct trace_family {
    const char *name;
    const char *text;
    double skew; /* the exponent of Zipf's law */
    uint32_t keys;
    uint32_t key_size;
    double value_mean, value_spread; /* spread: of the logarithm */
    double fresh;                    /* share of requests for a new key; of those ... */
    double never_again;              /* ... so many never come back */
    double recent;                   /* of the others: asked for again for having been just now */
    double sets, adds, cas;          /* what of the others is more than a read */
    double resized;                  /* of sets and cas: those that change the size */
    double rate;                     /* requests a second of the trace's own time */
    uint32_t scan_every, scan_length;
    struct trace_time {
        double share;
        uint32_t seconds;
    } times[TRACE_TIMES];
    uint32_t clock_step; /* seconds by which a replay moves the server's clock */
};

extern const struct trace_family trace_families[];
extern const unsigned trace_family_count;

const struct trace_family *trace_family_find(const char *name); /* NULL: there is none */

/* read: a miss is followed by a set. cas: read with the cas unique, then stored with it. */
enum trace_operation { TRACE_READ, TRACE_SET, TRACE_ADD, TRACE_CAS };

struct trace_request {
    uint64_t key;
    uint32_t second;
    uint32_t value_size;
    uint32_t exptime; /* seconds from then on */
    uint32_t key_size;
    enum trace_operation operation;
};

struct trace_source;

struct trace_source *trace_source_create(const struct trace_family *family, uint64_t seed);
void trace_source_destroy(struct trace_source *source);
void trace_source_next(struct trace_source *source, struct trace_request *request);

/* A number's bits spread over all 64: what seeds, keys and sizes are made from. */
uint64_t trace_mix(uint64_t number);

/* The text of the request's key: key_size bytes, at most 250, no NUL. */
void trace_key_write(char *to, const struct trace_request *request);

#endif
