#ifndef LARDER_METRICS_H
#define LARDER_METRICS_H

/*
 * /metrics in Prometheus' text format: first what its memcached_exporter has, then what only larder
 * knows. Keys are never labels.
 *
 * Threads: the admin thread's only.
 */

#include "admin/snapshot.h"

/* How many connections of each worker are in each state, counted now and then. */
struct connection_counts {
    uint64_t (*workers)[NET_STATES_MAX]; /* owned; [worker_count] */
    unsigned worker_count;
};

void metrics_write_exporter(struct protocol *protocol, struct text *text);
void metrics_write_own(const struct admin_config *config, const struct connection_counts *counts,
                       struct text *text);

/* The two lines that begin a family. */
void metrics_write_family(struct text *text, const char *name, const char *type, const char *help);

#endif
