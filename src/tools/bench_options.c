#include "config.h"

#include "tools/bench_options.h"

#include "base/number.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_FIRST 256 /* values of getopt_long for rows of the table */
#define VALUE_SIZE_MAX ((uint64_t)1 << 30)

enum option_kind {
    OPTION_NUMBER,
    OPTION_SECONDS,
    OPTION_MIX,
    OPTION_TEXT,
    OPTION_FLAG,
    OPTION_RATIO,
    OPTION_PATTERN,
    OPTION_VERSUS,
    OPTION_HELP,
    OPTION_VERSION,
};

struct option_row {
    char letter; /* 0: none */
    const char *name;
    const char *argument;
    enum option_kind kind;
    size_t offset; /* of the field in struct bench_options */
    uint64_t low;
    uint64_t high;
    const char *help;
};

#define AT(field) offsetof(struct bench_options, field)

static const struct option_row rows[] = {
    {'c', "connections", "N", OPTION_NUMBER, AT(connections), 1, 100000,
     "connections in all, shared out among the threads (50)"},
    {'t', "threads", "N", OPTION_NUMBER, AT(threads), 1, 1024, "threads of the generator (1)"},
    {'P', "pipeline", "N", OPTION_NUMBER, AT(pipeline), 1, 100000,
     "requests that a connection sends in one go (1)"},
    {'s', "seconds", "S", OPTION_SECONDS, AT(seconds), 0, 1000000, "measure for so long (10)"},
    {'w', "warmup", "S", OPTION_SECONDS, AT(warmup), 0, 1000000,
     "seconds of load before measuring (1)"},
    {'n', "requests", "N", OPTION_NUMBER, AT(requests), 1, UINT64_MAX,
     "measure so many requests, from the first on, instead of a time"},
    {'R', "rate", "N", OPTION_NUMBER, AT(rate), 1, 1000000000,
     "requests a second; latency then counts from when one was due"},
    {'k', "keys", "N", OPTION_NUMBER, AT(keys), 1, UINT32_MAX, "different keys (100000)"},
    {0, "key-size", "BYTES", OPTION_NUMBER, AT(key_size), 1, 250, "bytes of a key (16)"},
    {0, "key-prefix", "TEXT", OPTION_TEXT, AT(key_prefix), 0, 0, "what keys begin with (key-)"},
    {'p', "key-pattern", "PATTERN", OPTION_PATTERN, 0, 0, 0,
     "uniform, zipf, zipf:EXPONENT or sequential (uniform)"},
    {'r', "ratio", "SETS:GETS", OPTION_RATIO, 0, 0, 1000000, "sets for so many gets (1:9)"},
    {'d', "value-size", "SIZES", OPTION_MIX, AT(value_size), 0, VALUE_SIZE_MAX,
     "bytes: 100, 10-1000, or with weights 100:70,1k-2k:30 (32)"},
    {'g', "multiget", "N", OPTION_MIX, AT(multiget), 1, 10000,
     "keys of a get: a number, range or list as for sizes (1)"},
    {'e', "expiry", "SECONDS", OPTION_MIX, AT(expiry), 0, 2592000,
     "time-to-live of what is set: a number, range or list (0: none)"},
    {'m', "meta", "", OPTION_FLAG, AT(meta), 0, 0, "mg and ms instead of get and set"},
    {'T', "read-through", "", OPTION_FLAG, AT(read_through), 0, 0, "set what a get has missed"},
    {'f', "prefill", "", OPTION_FLAG, AT(prefill), 0, 0, "set every key once before all else"},
    {'v', "verify", "", OPTION_FLAG, AT(verify), 0, 0, "check every byte of every value"},
    {0, "tls", "", OPTION_FLAG, AT(tls), 0, 0, "speak TLS (not on unix sockets)"},
    {0, "tls-ca", "FILE", OPTION_TEXT, AT(tls_ca), 0, 0,
     "whose certificates to trust (those that the system does)"},
    {0, "tls-cert", "FILE", OPTION_TEXT, AT(tls_cert), 0, 0, "certificate to show the server"},
    {0, "tls-key", "FILE", OPTION_TEXT, AT(tls_key), 0, 0, "its key, if it is not in that file"},
    {0, "tls-skip-verify", "", OPTION_FLAG, AT(tls_skip_verify), 0, 0,
     "take any certificate of the server"},
    {0, "versus", "SERVER", OPTION_VERSUS, 0, 0, 0,
     "measure a second server too, in turn, and compare"},
    {0, "rounds", "N", OPTION_NUMBER, AT(rounds), 1, 1000,
     "measure so many times (1; with --versus 5)"},
    {0, "seed", "N", OPTION_NUMBER, AT(seed), 0, UINT64_MAX, "of the random numbers (1)"},
    {'j', "json", "FILE", OPTION_TEXT, AT(json_path), 0, 0, "write the result there; - is stdout"},
    {'q', "quiet", "", OPTION_FLAG, AT(quiet), 0, 0, "no progress line, no table"},
    {'h', "help", "", OPTION_HELP, 0, 0, 0, "show this"},
    {'V', "version", "", OPTION_VERSION, 0, 0, 0, "show the version"},
};

static bool complain(const struct option_row *row, const char *value, const char *wanted)
{
    fprintf(stderr, "larder-bench: --%s %s: wants %s (%s)\n", row->name, value, wanted, row->help);
    return false;
}

static void *field_of(const struct option_row *row, struct bench_options *options)
{
    return (char *)options + row->offset;
}

static bool take_number(const struct option_row *row, const char *value, uint64_t *field)
{
    char wanted[80];
    if (number_parse_u64(slice_of(value), field) && *field >= row->low && *field <= row->high)
        return true;
    snprintf(wanted, sizeof(wanted), "a number from %llu to %llu", (unsigned long long)row->low,
             (unsigned long long)row->high);
    return complain(row, value, wanted);
}

static bool take_seconds(const struct option_row *row, const char *value, double *field)
{
    char *end;
    *field = strtod(value, &end);
    if (end != value && *end == '\0' && isfinite(*field) && *field >= 0 &&
        *field <= (double)row->high)
        return true;
    return complain(row, value, "seconds, such as 10 or 0.5");
}

static bool take_mix(const struct option_row *row, const char *value, struct number_mix *field)
{
    char wanted[120];
    if (number_mix_parse(value, row->low, row->high, field))
        return true;
    snprintf(wanted, sizeof(wanted), "N, LOW-HIGH or N:WEIGHT,LOW-HIGH:WEIGHT, from %llu to %llu",
             (unsigned long long)row->low, (unsigned long long)row->high);
    return complain(row, value, wanted);
}

static bool take_ratio(const struct option_row *row, const char *value,
                       struct bench_options *options)
{
    const char *colon = strchr(value, ':');
    if (colon != NULL &&
        number_parse_u64((struct slice){value, (size_t)(colon - value)}, &options->sets) &&
        number_parse_u64(slice_of(colon + 1), &options->gets) && options->sets <= row->high &&
        options->gets <= row->high && options->sets + options->gets > 0)
        return true;
    return complain(row, value, "two numbers, not both 0, such as 1:9");
}

static bool take_pattern(const struct option_row *row, const char *value,
                         struct bench_options *options)
{
    char *end = NULL;
    if (strcmp(value, "uniform") == 0) {
        options->key_pattern = KEYS_UNIFORM;
        return true;
    }
    if (strcmp(value, "sequential") == 0) {
        options->key_pattern = KEYS_SEQUENTIAL;
        return true;
    }
    options->key_pattern = KEYS_ZIPF;
    if (strcmp(value, "zipf") == 0)
        return true;
    if (strncmp(value, "zipf:", 5) == 0)
        options->zipf_exponent = strtod(value + 5, &end);
    if (end != NULL && end != value + 5 && *end == '\0' && options->zipf_exponent >= 0.01 &&
        options->zipf_exponent <= 10)
        return true;
    return complain(row, value, "uniform, sequential, zipf, or zipf: with 0.01 to 10 behind it");
}

static void show_help(void)
{
    puts("usage: larder-bench [OPTION]... [SERVER]\n"
         "Puts load on a server that speaks memcached's text protocol, and measures it.\n"
         "SERVER is HOST:PORT, [ADDRESS]:PORT or the path of a unix socket (127.0.0.1:11211);\n"
         "with ,PID behind it the processor time of that process is counted.\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[40];
        snprintf(name, sizeof(name), "--%s %s", rows[i].name, rows[i].argument);
        printf("  %c%c%s %-24s %s\n", rows[i].letter != 0 ? '-' : ' ',
               rows[i].letter != 0 ? rows[i].letter : ' ', rows[i].letter != 0 ? "," : " ", name,
               rows[i].help);
    }
}

static enum bench_options_outcome take_row(const struct option_row *row, char *value,
                                           struct bench_options *options)
{
    bool fine = true;
    switch (row->kind) {
    case OPTION_NUMBER:
        fine = take_number(row, value, field_of(row, options));
        break;
    case OPTION_SECONDS:
        fine = take_seconds(row, value, field_of(row, options));
        break;
    case OPTION_MIX:
        fine = take_mix(row, value, field_of(row, options));
        break;
    case OPTION_TEXT:
        *(const char **)field_of(row, options) = value;
        break;
    case OPTION_FLAG:
        *(bool *)field_of(row, options) = true;
        break;
    case OPTION_RATIO:
        fine = take_ratio(row, value, options);
        break;
    case OPTION_PATTERN:
        fine = take_pattern(row, value, options);
        break;
    case OPTION_VERSUS:
        options->servers[1] = value;
        options->server_count = 2;
        break;
    case OPTION_HELP:
        show_help();
        return BENCH_OPTIONS_SHOWN;
    case OPTION_VERSION:
        puts("larder-bench " PACKAGE_VERSION);
        return BENCH_OPTIONS_SHOWN;
    }
    return fine ? BENCH_OPTIONS_FINE : BENCH_OPTIONS_WRONG;
}

/* What each option may be by itself, but not beside the others. */
static bool check_together(const struct bench_options *options)
{
    char number[NUMBER_U64_SIZE_MAX];
    size_t digits = number_format_u64(number, options->keys - 1);
    size_t least = strlen(options->key_prefix) + digits;
    if (strpbrk(options->key_prefix, " \t\r\n") != NULL) {
        fputs("larder-bench: --key-prefix wants a text without spaces\n", stderr);
        return false;
    }
    if (least > options->key_size) {
        fprintf(stderr,
                "larder-bench: --key-size %llu is too small for this prefix and number of "
                "keys: wants %zu at least\n",
                (unsigned long long)options->key_size, least);
        return false;
    }
    bool names_tls = options->tls_ca != NULL || options->tls_cert != NULL ||
                     options->tls_key != NULL || options->tls_skip_verify;
    if (names_tls && !options->tls) {
        fputs("larder-bench: options that begin with --tls- want --tls too\n", stderr);
        return false;
    }
    if (options->threads > options->connections) {
        fprintf(stderr, "larder-bench: --threads %llu: wants no more than --connections, %llu\n",
                (unsigned long long)options->threads, (unsigned long long)options->connections);
        return false;
    }
    if (options->requests == 0 && options->seconds <= 0) {
        fputs("larder-bench: --seconds 0: wants more than 0, or --requests\n", stderr);
        return false;
    }
    if (options->pipeline * options->multiget.high > 10000000) {
        fputs("larder-bench: --pipeline times --multiget: wants 10000000 keys or fewer\n", stderr);
        return false;
    }
    return true;
}

static const struct bench_options defaults = {
    .servers = {NULL, NULL},
    .server_count = 1,
    .connections = 50,
    .threads = 1,
    .pipeline = 1,
    .seed = 1,
    .seconds = 10,
    .warmup = 1,
    .keys = 100000,
    .key_size = 16,
    .key_prefix = "key-",
    .zipf_exponent = 0.99,
    .sets = 1,
    .gets = 9,
    .value_size = {.ranges = {{32, 32, 1}}, .count = 1, .low = 32, .high = 32},
    .multiget = {.ranges = {{1, 1, 1}}, .count = 1, .low = 1, .high = 1},
    .expiry = {.ranges = {{0, 0, 1}}, .count = 1, .low = 0, .high = 0},
};

/* `found` is what getopt_long has said. */
static enum bench_options_outcome take_option(int found, char *arguments[],
                                              struct bench_options *options)
{
    int row = found >= LONG_FIRST ? found - LONG_FIRST : -1;
    int sought = found == ':' ? optopt : found;
    if (sought >= LONG_FIRST)
        row = sought - LONG_FIRST;
    for (size_t i = 0; row < 0 && i < ARRAY_COUNT(rows); i++)
        if (rows[i].letter != 0 && rows[i].letter == sought)
            row = (int)i;
    if (row >= 0 && found != ':')
        return take_row(&rows[row], optarg, options);
    if (row >= 0)
        fprintf(stderr, "larder-bench: --%s wants %s behind it (%s)\n", rows[row].name,
                rows[row].argument, rows[row].help);
    else if (optopt > 0 && optopt < LONG_FIRST)
        fprintf(stderr, "larder-bench: -%c: no such option; --help lists them all\n", optopt);
    else if (optopt >= LONG_FIRST)
        fprintf(stderr, "larder-bench: --%s takes no value\n", rows[optopt - LONG_FIRST].name);
    else
        fprintf(stderr,
                "larder-bench: %s: no such option, or several begin so; --help lists "
                "them all\n",
                arguments[optind - 1]);
    return BENCH_OPTIONS_WRONG;
}

enum bench_options_outcome bench_options_parse(struct bench_options *options, int argument_count,
                                               char *arguments[])
{
    static char default_server[] = "127.0.0.1:11211";
    struct option long_options[ARRAY_COUNT(rows) + 1] = {{0}};
    char letters[2 * ARRAY_COUNT(rows) + 2] = ":", *letter = letters + 1;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        bool takes = rows[i].argument[0] != '\0';
        long_options[i] = (struct option){rows[i].name, takes ? required_argument : no_argument,
                                          NULL, LONG_FIRST + (int)i};
        if (rows[i].letter != 0)
            *letter++ = rows[i].letter;
        if (rows[i].letter != 0 && takes)
            *letter++ = ':';
    }
    *options = defaults;
    opterr = 0;
    for (int found;
         (found = getopt_long(argument_count, arguments, letters, long_options, NULL)) != -1;) {
        enum bench_options_outcome outcome = take_option(found, arguments, options);
        if (outcome != BENCH_OPTIONS_FINE)
            return outcome;
    }
    if (argument_count > optind + 1) {
        fprintf(stderr,
                "larder-bench: %s: wants one server only; a second one goes behind "
                "--versus\n",
                arguments[optind + 1]);
        return BENCH_OPTIONS_WRONG;
    }
    options->servers[0] = argument_count > optind ? arguments[optind] : default_server;
    if (options->rounds == 0)
        options->rounds = options->server_count == 2 ? 5 : 1;
    return check_together(options) ? BENCH_OPTIONS_FINE : BENCH_OPTIONS_WRONG;
}
