/* larder-trace: command line, the server's clock, and the report. */

#include "config.h"

#include "base/number.h"
#include "tools/trace_player.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define SAMPLES 50 /* of `stats segments`, over the half that is scored */

static const char usage_text[] =
    "usage: larder-trace [-C] [-n REQUESTS] [-s SEED] FAMILY [SERVER]\n"
    "Replays an artificial trace against a server (HOST:PORT, PORT or the path of a unix\n"
    "socket) and prints the share of reads that missed in its second half, with what the\n"
    "server held. Without SERVER it prints the requests.\n"
    "  -C   leave the server's clock alone, and send no times-to-live; else larderd needs\n"
    "       -o debug_commands, and its clock stays paused afterwards\n"
    "  -l   list the families\n"
    "  -n   requests (default 10000000)\n"
    "  -s   seed (default 1)\n";

struct replay {
    const struct trace_family *family;
    uint64_t requests;
    uint64_t seed;
    bool timed;
    struct bench_server server;

    struct trace_player *player;
    uint64_t second; /* up to which the server's clock was moved */

    /* of the scored half */
    struct trace_score score_before;
    uint64_t moved, appended;
    double dead_sum, dead_max; /* shares of the bytes in segments */
    unsigned samples;
};

static _Noreturn void complain(const char *what, const char *why)
{
    fprintf(stderr, "larder-trace: %s: %s\n", what, why);
    exit(EX_USAGE);
}

static uint64_t number_at_least(uint64_t low, const char *text)
{
    uint64_t number;
    if (!number_parse_u64(slice_of(text), &number) || number < low)
        complain(text, "wants a number, 1 or more");
    return number;
}

static void list_families(void)
{
    for (unsigned i = 0; i < trace_family_count; i++)
        printf("%-6s %s\n", trace_families[i].name, trace_families[i].text);
}

static void print_requests(const struct replay *replay)
{
    static const char *const operations[] = {"get", "set", "add", "cas"};
    struct trace_source *source = trace_source_create(replay->family, replay->seed);
    struct trace_request request;
    for (uint64_t i = 0; i < replay->requests; i++) {
        trace_source_next(source, &request);
        printf("%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%s,%" PRIu32 "\n", request.second,
               request.key, request.key_size, request.value_size, operations[request.operation],
               request.exptime);
    }
    trace_source_destroy(source);
}

/* --- the server's clock -------------------------------------------------------------------- */

static void tell_clock(struct replay *replay, const char *line)
{
    struct slice answer = trace_link_ask(trace_player_link(replay->player), line, "OK");
    if (answer.size < 2 || memcmp(answer.at, "OK", 2) != 0) {
        fputs("larder-trace: the server has no debugtime: start larderd with -o debug_commands, "
              "or use -C\n",
              stderr);
        exit(EX_UNAVAILABLE);
    }
}

/* Its clock goes by steps: as long as nothing of a step is due, time stands still. */
static void move_clock(struct replay *replay, uint32_t second)
{
    char line[64];
    uint32_t step = replay->family->clock_step;
    if (!replay->timed || second < replay->second + step)
        return;
    uint64_t seconds = (second - replay->second) / step * step;
    trace_player_finish(replay->player);
    snprintf(line, sizeof(line), "debugtime %" PRIu64 "\r\n", seconds);
    tell_clock(replay, line);
    replay->second += seconds;
}

/* --- what the server holds ----------------------------------------------------------------- */

/* A line of statistics; 0 if there is none of that name. */
static uint64_t statistic(struct slice answer, const char *name)
{
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "STAT %s ", name);
    const char *at = memmem(answer.at, answer.size, wanted, strlen(wanted));
    return at == NULL ? 0 : strtoull(at + strlen(wanted), NULL, 10);
}

static void sample_segments(struct replay *replay)
{
    trace_player_finish(replay->player);
    struct slice answer =
        trace_link_ask(trace_player_link(replay->player), "stats segments\r\n", "END");
    uint64_t gone = statistic(answer, "dead_bytes") + statistic(answer, "expired_bytes");
    uint64_t held = gone + statistic(answer, "live_bytes") + statistic(answer, "unused_bytes");
    if (held == 0)
        return;
    double share = (double)gone / (double)held;
    replay->dead_sum += share;
    replay->dead_max = share > replay->dead_max ? share : replay->dead_max;
    replay->moved = statistic(answer, "moved_bytes");
    replay->appended = statistic(answer, "appended_bytes");
    replay->samples++;
}

static void begin_scoring(struct replay *replay)
{
    sample_segments(replay);
    replay->score_before = trace_player_score(replay->player);
    (void)trace_link_ask(trace_player_link(replay->player), "stats reset\r\n", "RESET");
}

/* --- replay and report --------------------------------------------------------------------- */

static void play(struct replay *replay)
{
    struct trace_source *source = trace_source_create(replay->family, replay->seed);
    struct trace_request request;
    uint64_t half = replay->requests / 2;
    uint64_t every = (replay->requests - half) / SAMPLES + 1;
    if (replay->timed)
        tell_clock(replay, "debugtime p\r\n");
    for (uint64_t i = 0; i < replay->requests; i++) {
        trace_source_next(source, &request);
        move_clock(replay, request.second);
        if (i == half)
            begin_scoring(replay);
        else if (i > half && (i - half) % every == 0)
            sample_segments(replay);
        trace_player_add(replay->player, &request);
    }
    sample_segments(replay);
    trace_source_destroy(source);
}

static double quotient(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

static void report_memory(const struct replay *replay)
{
    char path[64], line[256];
    unsigned long kilobytes;
    snprintf(path, sizeof(path), "/proc/%d/status", replay->server.pid);
    FILE *file = replay->server.pid != 0 ? fopen(path, "r") : NULL;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "VmRSS: %lu kB", &kilobytes) == 1)
            printf("rss_kb %lu\n", kilobytes);
        else if (sscanf(line, "VmHWM: %lu kB", &kilobytes) == 1)
            printf("rss_max_kb %lu\n", kilobytes);
    }
    if (file != NULL)
        fclose(file);
}

/* What the server says would have missed with other memory limits. */
static void report_curve(const struct replay *replay)
{
    static const char *const times[] = {"0.25", "0.5", "1", "2", "4"};
    struct slice answer = trace_link_ask(trace_player_link(replay->player), "stats mrc\r\n", "END");
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "STAT %s:miss_ratio ", times[i]);
        const char *at = memmem(answer.at, answer.size, wanted, strlen(wanted));
        if (at != NULL)
            printf("at %s %.5f\n", times[i], strtod(at + strlen(wanted), NULL));
    }
}

static void report(const struct replay *replay)
{
    struct trace_score all = trace_player_score(replay->player);
    uint64_t reads = all.reads - replay->score_before.reads;
    uint64_t misses = all.misses - replay->score_before.misses;
    printf("family %s\nseed %" PRIu64 "\nrequests %" PRIu64 "\n", replay->family->name,
           replay->seed, replay->requests);
    printf("reads %" PRIu64 "\nmisses %" PRIu64 "\nmiss_ratio %.5f\nerrors %" PRIu64 "\n", reads,
           misses, quotient(misses, reads), all.errors);
    if (replay->samples > 0)
        printf("dead_share %.3f\ndead_share_max %.3f\nmoved_share %.3f\n",
               replay->dead_sum / replay->samples, replay->dead_max,
               quotient(replay->moved, replay->appended));
    report_memory(replay);
    if (replay->samples > 0)
        report_curve(replay);
}

static void read_options(struct replay *replay, int argument_count, char *arguments[])
{
    for (int option; (option = getopt(argument_count, arguments, "Chln:s:")) != -1;) {
        switch (option) {
        case 'C':
            replay->timed = false;
            break;
        case 'n':
            replay->requests = number_at_least(1, optarg);
            break;
        case 's':
            replay->seed = number_at_least(0, optarg);
            break;
        case 'l':
            list_families();
            exit(EX_OK);
        case 'h':
            fputs(usage_text, stdout);
            exit(EX_OK);
        default:
            fputs(usage_text, stderr);
            exit(EX_USAGE);
        }
    }
}

int main(int argument_count, char *arguments[])
{
    struct replay replay = {.requests = 10000000, .seed = 1, .timed = true};
    const char *why;
    read_options(&replay, argument_count, arguments);
    if (optind == argument_count || optind + 2 < argument_count) {
        fputs(usage_text, stderr);
        return EX_USAGE;
    }
    replay.family = trace_family_find(arguments[optind]);
    if (replay.family == NULL)
        complain(arguments[optind], "no such family; -l lists them");
    if (optind + 1 == argument_count) {
        print_requests(&replay);
        return EX_OK;
    }
    if (!bench_server_parse(&replay.server, arguments[optind + 1], &why))
        complain(arguments[optind + 1], why);
    bench_server_find_pid(&replay.server);
    replay.player = trace_player_create(&replay.server, replay.timed);
    play(&replay);
    report(&replay);
    trace_player_destroy(replay.player);
    return EX_OK;
}
