#ifndef LARDER_LOAD_H
#define LARDER_LOAD_H

/*
 * Load on one server for a while: connects, warms up, measures, ends. Each thread has an event loop
 * and a share of the connections; each connection sends a batch (--pipeline), reads all of its
 * replies, and sends the next: at once, or when it is due (--rate).
 *
 * Threads: load_run is called by one thread, which waits for those that it starts.
 */

#include "tools/bench_options.h"
#include "tools/bench_server.h"
#include "tools/histogram.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_PROBLEM_SIZE 300

/* What was counted while measuring. */
struct load_tally {
    uint64_t gets; /* requests */
    uint64_t sets;
    uint64_t keys; /* of the gets */
    uint64_t hits; /* of the keys */
    uint64_t errors;
    uint64_t wrong; /* values */
    uint64_t bytes_sent;
    uint64_t bytes_received;
    struct histogram get_times; /* nanoseconds of a request */
    struct histogram set_times;
};

enum load_outcome {
    LOAD_FINE,
    LOAD_UNREACHABLE, /* not all connections could be made */
    LOAD_BROKEN,      /* a connection was lost, or a reply made no sense */
    LOAD_INTERRUPTED,
};

struct load_result {
    struct load_tally tally;
    double seconds;            /* measured */
    double server_cpu_seconds; /* in that time; below 0: unknown */
    double generator_cpu_seconds;
    char problem[LOAD_PROBLEM_SIZE]; /* the first one; empty: none */
};

/* The server's name and pid are lent. `title` stands before the progress; NULL: show none. */
MUST_USE enum load_outcome load_run(const struct bench_options *options,
                                    const struct bench_server *server, const char *title,
                                    struct load_result *result);

/* Ends the load that is running, and all that come after. May be called by a signal handler. */
void load_interrupt(void);

void load_tally_add(struct load_tally *tally, const struct load_tally *other);

#endif
