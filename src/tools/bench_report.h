#ifndef LARDER_BENCH_REPORT_H
#define LARDER_BENCH_REPORT_H

/* What was measured, for people and for programs. */

#include "tools/bench_options.h"
#include "tools/bench_server.h"
#include "tools/load.h"

#include <stdbool.h>
#include <stdio.h>

/* All rounds of one server. */
struct bench_record {
    const struct bench_server *server; /* lent */
    struct load_result *rounds;        /* lent */
    unsigned round_count;              /* that were measured */
    struct load_tally sum;
    const char *problem; /* lent; the first one; empty: none */
};

/* Lowest, middle and highest of the rounds. */
struct bench_spread {
    double low;
    double middle;
    double high;
};

struct bench_spread bench_requests_per_second(const struct bench_record *record);
/* Microseconds a request; all below 0: unknown. */
struct bench_spread bench_server_cpu_per_request(const struct bench_record *record);
struct bench_spread bench_generator_cores(const struct bench_record *record);

void bench_report_write_table(FILE *file, const struct bench_options *options,
                              const struct bench_record *records, unsigned record_count);
void bench_report_write_json(FILE *file, const struct bench_options *options,
                             const struct bench_record *records, unsigned record_count);

/* The shares at which latencies are given, and their names; ended by 0. */
extern const double bench_report_shares[];
extern const char *const bench_report_share_names[];

#endif
