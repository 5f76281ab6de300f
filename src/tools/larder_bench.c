/* larder-bench: what to measure, in which order, and how it ended. */

#include "config.h"

#include "tools/bench_options.h"
#include "tools/bench_report.h"
#include "tools/bench_server.h"
#include "tools/bench_tls.h"
#include "tools/load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#define EXIT_WRONG 1         /* errors in replies, wrong values, a lost connection */
#define EXIT_INTERRUPTED 130 /* as of a shell */
#define PREFILL_CONNECTIONS 4
#define PREFILL_PIPELINE 64
#define PREFILL_BATCH_SIZE (1u << 20) /* bytes that are under way at once, about */

struct bench {
    struct bench_options options;
    struct bench_server servers[BENCH_SERVERS_MAX];
    struct bench_record records[BENCH_SERVERS_MAX];
    struct bench_tls *tls; /* owned; NULL: none is spoken */
    char problems[BENCH_SERVERS_MAX][LOAD_PROBLEM_SIZE];
};

static void on_signal(int number)
{
    (void)number;
    load_interrupt();
}

/* A connection is a descriptor, and the soft limit is often lower than what is allowed. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int exit_code_of(enum load_outcome outcome)
{
    switch (outcome) {
    case LOAD_FINE:
        return EX_OK;
    case LOAD_UNREACHABLE:
        return EX_UNAVAILABLE;
    case LOAD_BROKEN:
        return EXIT_WRONG;
    case LOAD_INTERRUPTED:
        return EXIT_INTERRUPTED;
    }
    return EX_SOFTWARE;
}

static const char *title_of(const struct bench *bench, const char *what, unsigned which,
                            char title[120])
{
    if (bench->options.quiet || !isatty(STDERR_FILENO))
        return NULL;
    snprintf(title, 120, "%s, %s", bench->servers[which].name, what);
    return title;
}

static int run(struct bench *bench, const struct bench_options *options, unsigned which,
               const char *what, struct load_result *result)
{
    char title[120];
    enum load_outcome outcome =
        load_run(options, &bench->servers[which], title_of(bench, what, which, title), result);
    if (bench->problems[which][0] == '\0')
        memcpy(bench->problems[which], result->problem, LOAD_PROBLEM_SIZE);
    int code = exit_code_of(outcome);
    return code == EX_OK && result->tally.errors + result->tally.wrong > 0 ? EXIT_WRONG : code;
}

/* Sets every key once. */
static int prefill(struct bench *bench, unsigned which)
{
    struct bench_options options = bench->options;
    uint64_t batch = PREFILL_BATCH_SIZE / (options.value_size.high + 1);
    struct load_result *result = calloc(1, sizeof(*result));
    if (result == NULL)
        return EX_OSERR;
    options.threads = 1;
    options.connections = options.keys < PREFILL_CONNECTIONS ? options.keys : PREFILL_CONNECTIONS;
    options.pipeline = batch > PREFILL_PIPELINE ? PREFILL_PIPELINE : batch > 0 ? batch : 1;
    options.sets = 1;
    options.gets = 0;
    options.rate = 0;
    options.requests = options.keys;
    options.key_pattern = KEYS_SEQUENTIAL;
    options.read_through = false;
    int code = run(bench, &options, which, "prefill", result);
    free(result);
    return code;
}

static int measure_round(struct bench *bench, unsigned which)
{
    struct bench_record *record = &bench->records[which];
    struct load_result *result = &record->rounds[record->round_count];
    int code = run(bench, &bench->options, which, "measuring", result);
    if (code != EX_UNAVAILABLE) {
        record->round_count++;
        load_tally_add(&record->sum, &result->tally);
    }
    return code;
}

/* A B, B A, A B...: what disturbs the machine for a while disturbs both. An error in a reply does
 * not end it, as others may follow that tell more; a lost server does. */
static int measure(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    int worst = EX_OK;
    for (unsigned i = 0; options->prefill && i < options->server_count; i++) {
        int code = prefill(bench, i);
        if (code != EX_OK)
            return code;
    }
    for (unsigned round = 0; round < options->rounds; round++)
        for (unsigned i = 0; i < options->server_count; i++) {
            unsigned which = round % 2 == 0 ? i : options->server_count - 1 - i;
            int code = measure_round(bench, which);
            if (code == EX_UNAVAILABLE || code == EXIT_INTERRUPTED)
                return code;
            if (code != EX_OK)
                worst = code;
        }
    return worst;
}

static int write_report(const struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    bool to_stdout = options->json_path != NULL && strcmp(options->json_path, "-") == 0;
    if (!options->quiet && !to_stdout)
        bench_report_write_table(stdout, options, bench->records, options->server_count);
    if (options->json_path == NULL)
        return EX_OK;
    FILE *file = to_stdout ? stdout : fopen(options->json_path, "w");
    if (file != NULL)
        bench_report_write_json(file, options, bench->records, options->server_count);
    if (file == NULL || ferror(file) || (!to_stdout && fclose(file) != 0)) {
        fprintf(stderr, "larder-bench: --json %s: ", options->json_path);
        perror(NULL);
        return EX_CANTCREAT;
    }
    return EX_OK;
}

/* false: a line says why. */
static bool prepare_tls(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    const struct bench_tls_config config = {
        .ca_path = options->tls_ca,
        .cert_path = options->tls_cert,
        .key_path = options->tls_key,
        .skip_verify = options->tls_skip_verify,
    };
    const char *why = NULL;
    if (!options->tls)
        return true;
    bench->tls = bench_tls_create(&config, &why);
    if (bench->tls == NULL)
        fprintf(stderr, "larder-bench: --tls: %s\n", why);
    return bench->tls != NULL;
}

/* false: a line says why. */
static bool prepare(struct bench *bench)
{
    if (!prepare_tls(bench))
        return false;
    for (unsigned i = 0; i < bench->options.server_count; i++) {
        struct bench_record *record = &bench->records[i];
        const char *why;
        if (!bench_server_parse(&bench->servers[i], bench->options.servers[i], &why)) {
            fprintf(stderr, "larder-bench: %s: %s\n", bench->options.servers[i], why);
            return false;
        }
        if (bench->servers[i].family != AF_UNIX)
            bench->servers[i].tls = bench->tls;
        bench_server_find_pid(&bench->servers[i]);
        record->server = &bench->servers[i];
        record->problem = bench->problems[i];
        record->rounds = calloc(bench->options.rounds, sizeof(*record->rounds));
        if (record->rounds == NULL) {
            fputs("larder-bench: no memory for the results\n", stderr);
            exit(EX_OSERR);
        }
    }
    return true;
}

int main(int argument_count, char *arguments[])
{
    static struct bench bench;
    switch (bench_options_parse(&bench.options, argument_count, arguments)) {
    case BENCH_OPTIONS_SHOWN:
        return EX_OK;
    case BENCH_OPTIONS_WRONG:
        return EX_USAGE;
    case BENCH_OPTIONS_FINE:
        break;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    raise_descriptor_limit();
    if (!prepare(&bench))
        return EX_USAGE;
    int code = measure(&bench);
    int written = EX_OK;
    if (bench.records[0].round_count > 0)
        written = write_report(&bench);
    for (unsigned i = 0; i < bench.options.server_count; i++) {
        if (bench.problems[i][0] != '\0')
            fprintf(stderr, "larder-bench: %s\n", bench.problems[i]);
        free(bench.records[i].rounds);
    }
    bench_tls_destroy(bench.tls);
    return code != EX_OK ? code : written;
}
