#include "config.h"

#include "tools/top_options.h"

#include "tools/bench_server.h"

#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_FIRST 256 /* values of getopt_long for rows of the table */
#define SECONDS_MIN 0.1
#define SECONDS_MAX 3600

enum option_kind {
    OPTION_SECONDS,
    OPTION_COLUMN,
    OPTION_FILE,
    OPTION_FLAG,
    OPTION_HELP,
    OPTION_VERSION,
};

struct option_row {
    char letter; /* 0: none */
    const char *name;
    const char *argument;
    enum option_kind kind;
    size_t offset; /* of the field in struct top_options */
    const char *help;
};

static const struct option_row rows[] = {
#define TOP_OPTION(letter, name, argument, kind, field, help)                                      \
    {letter, name, argument, OPTION_##kind, offsetof(struct top_options, field), help},
#include "tools/top_options.def"
#undef TOP_OPTION
};

static void *field_of(const struct option_row *row, struct top_options *options)
{
    return (char *)options + row->offset;
}

static bool take_seconds(const struct option_row *row, const char *value, double *field)
{
    char *end;
    *field = strtod(value, &end);
    if (end != value && *end == '\0' && isfinite(*field) && *field >= SECONDS_MIN &&
        *field <= SECONDS_MAX)
        return true;
    fprintf(stderr, "lardertop: --%s %s: wants %g to %d seconds (%s)\n", row->name, value,
            SECONDS_MIN, SECONDS_MAX, row->help);
    return false;
}

static bool take_column(const char *value, enum top_figure *field)
{
    for (unsigned i = 0; i < TOP_FIGURES; i++)
        if (strcmp(value, top_figure_rows[i].key) == 0) {
            *field = i;
            return true;
        }
    *field = TOP_BY_NAME;
    if (strcmp(value, "name") == 0)
        return true;
    fprintf(stderr, "lardertop: --sort %s: wants name", value);
    for (unsigned i = 0; i < TOP_FIGURES; i++)
        fprintf(stderr, "%s%s", i + 1 < TOP_FIGURES ? ", " : " or ", top_figure_rows[i].key);
    fputc('\n', stderr);
    return false;
}

static void show_help(void)
{
    puts("usage: lardertop [OPTION]... [SERVER]...\n"
         "Shows what larderd and memcached servers are doing, as top does for processes.\n"
         "SERVER is HOST:PORT, [ADDRESS]:PORT or the path of a unix socket (127.0.0.1:11211).\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[40];
        snprintf(name, sizeof(name), "--%s %s", rows[i].name, rows[i].argument);
        printf("  %c%c%s %-22s %s\n", rows[i].letter != 0 ? '-' : ' ',
               rows[i].letter != 0 ? rows[i].letter : ' ', rows[i].letter != 0 ? "," : " ", name,
               rows[i].help);
    }
    puts("\nColumns, and their names for --sort:\n");
    for (unsigned i = 0; i < TOP_FIGURES; i++)
        printf("  %-8s %-22s %s\n", top_figure_rows[i].title, top_figure_rows[i].key,
               top_figure_rows[i].what);
}

static enum top_options_outcome take_row(const struct option_row *row, char *value,
                                         struct top_options *options)
{
    bool fine = true;
    switch (row->kind) {
    case OPTION_SECONDS:
        fine = take_seconds(row, value, field_of(row, options));
        break;
    case OPTION_COLUMN:
        fine = take_column(value, field_of(row, options));
        break;
    case OPTION_FILE:
        *(const char **)field_of(row, options) = value;
        break;
    case OPTION_FLAG:
        *(bool *)field_of(row, options) = true;
        break;
    case OPTION_HELP:
        show_help();
        return TOP_OPTIONS_SHOWN;
    case OPTION_VERSION:
        puts("lardertop " PACKAGE_VERSION);
        return TOP_OPTIONS_SHOWN;
    }
    return fine ? TOP_OPTIONS_FINE : TOP_OPTIONS_WRONG;
}

/* `found` is what getopt_long has said. */
static enum top_options_outcome take_option(int found, char *arguments[],
                                            struct top_options *options)
{
    int row = -1;
    int sought = found == ':' ? optopt : found;
    if (sought >= LONG_FIRST)
        row = sought - LONG_FIRST;
    for (size_t i = 0; row < 0 && i < ARRAY_COUNT(rows); i++)
        if (rows[i].letter != 0 && rows[i].letter == sought)
            row = (int)i;
    if (row >= 0 && found != ':')
        return take_row(&rows[row], optarg, options);
    if (row >= 0)
        fprintf(stderr, "lardertop: --%s wants %s behind it (%s)\n", rows[row].name,
                rows[row].argument, rows[row].help);
    else if (optopt > 0 && optopt < LONG_FIRST)
        fprintf(stderr, "lardertop: -%c: no such option; --help lists them all\n", optopt);
    else if (optopt >= LONG_FIRST)
        fprintf(stderr, "lardertop: --%s takes no value\n", rows[optopt - LONG_FIRST].name);
    else
        fprintf(stderr,
                "lardertop: %s: no such option, or several begin so; --help lists them all\n",
                arguments[optind - 1]);
    return TOP_OPTIONS_WRONG;
}

static bool take_servers(struct top_options *options, int count, char *servers[])
{
    options->server_count = count == 0 ? 1 : (unsigned)count;
    options->servers[0] = "127.0.0.1:11211";
    if (count > TOP_SERVERS_MAX) {
        fprintf(stderr, "lardertop: %d servers: wants %d or fewer\n", count, TOP_SERVERS_MAX);
        return false;
    }
    for (int i = 0; i < count; i++) {
        const char *why = "wants one server; several stand apart, with spaces between";
        options->servers[i] = servers[i];
        if (strchr(servers[i], ',') != NULL || !bench_server_check(servers[i], &why)) {
            fprintf(stderr, "lardertop: %s: %s\n", servers[i], why);
            return false;
        }
    }
    return true;
}

static bool check_together(const struct top_options *options)
{
    bool names_tls = options->tls_ca != NULL || options->tls_cert != NULL ||
                     options->tls_key != NULL || options->tls_skip_verify;
    if (!names_tls || options->tls)
        return true;
    fputs("lardertop: options that begin with --tls- want --tls too\n", stderr);
    return false;
}

enum top_options_outcome top_options_parse(struct top_options *options, int argument_count,
                                           char *arguments[])
{
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
    *options = (struct top_options){.delay = 1, .timeout = 3, .sort = TOP_FIGURE_REQUESTS};
    opterr = 0;
    for (int found;
         (found = getopt_long(argument_count, arguments, letters, long_options, NULL)) != -1;) {
        enum top_options_outcome outcome = take_option(found, arguments, options);
        if (outcome != TOP_OPTIONS_FINE)
            return outcome;
    }
    if (!take_servers(options, argument_count - optind, arguments + optind) ||
        !check_together(options))
        return TOP_OPTIONS_WRONG;
    return TOP_OPTIONS_FINE;
}
