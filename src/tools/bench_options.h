#ifndef LARDER_BENCH_OPTIONS_H
#define LARDER_BENCH_OPTIONS_H

/* What the user of larder-bench asks for. */

#include "tools/key_pattern.h"
#include "tools/number_mix.h"

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_SERVERS_MAX 2

struct bench_options {
    char *servers[BENCH_SERVERS_MAX]; /* the second of --versus; owned by main's arguments */
    unsigned server_count;
    uint64_t connections;
    uint64_t threads;
    uint64_t pipeline;
    uint64_t requests; /* 0: by time */
    uint64_t rounds;   /* 0: not given */
    uint64_t rate;     /* requests a second; 0: as fast as replies come */
    uint64_t seed;
    double seconds;
    double warmup; /* seconds */

    uint64_t keys;
    uint64_t key_size;
    const char *key_prefix;
    enum key_pattern_kind key_pattern;
    double zipf_exponent;

    uint64_t sets; /* for so many sets ... */
    uint64_t gets; /* ... there are so many gets */
    struct number_mix value_size;
    struct number_mix multiget; /* keys of a get */
    struct number_mix expiry;   /* seconds */
    bool meta;
    bool read_through;
    bool verify;
    bool prefill;

    bool tls;
    const char *tls_ca; /* files; NULL: not given */
    const char *tls_cert;
    const char *tls_key;
    bool tls_skip_verify;

    const char *json_path; /* NULL: none; "-": standard output */
    bool quiet;
};

enum bench_options_outcome { BENCH_OPTIONS_FINE, BENCH_OPTIONS_WRONG, BENCH_OPTIONS_SHOWN };

/* WRONG: one line on standard error has said so. SHOWN: --help or --version, which was all. */
MUST_USE enum bench_options_outcome bench_options_parse(struct bench_options *options,
                                                        int argument_count, char *arguments[]);

#endif
