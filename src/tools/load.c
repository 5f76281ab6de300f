#include "config.h"

#include "tools/load.h"

#include "tools/load_thread.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000u
#define CHECKED_SIZE_MIN (1u << 20) /* bytes that an earlier run's values may have had */
#define PROGRESS_NANOSECONDS 250000000u

static volatile sig_atomic_t interrupted;

void load_interrupt(void)
{
    interrupted = 1;
}

void load_note_problem(struct load *load, bool broken, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&load->lock);
    load->broken |= broken;
    if (load->problem[0] == '\0')
        vsnprintf(load->problem, sizeof(load->problem), format, arguments);
    pthread_mutex_unlock(&load->lock);
    va_end(arguments);
}

void load_tally_add(struct load_tally *tally, const struct load_tally *other)
{
    tally->gets += other->gets;
    tally->sets += other->sets;
    tally->keys += other->keys;
    tally->hits += other->hits;
    tally->errors += other->errors;
    tally->wrong += other->wrong;
    tally->bytes_sent += other->bytes_sent;
    tally->bytes_received += other->bytes_received;
    histogram_add(&tally->get_times, &other->get_times);
    histogram_add(&tally->set_times, &other->set_times);
}

static bool load_init(struct load *load, const struct bench_options *options,
                      const struct bench_server *server)
{
    pthread_condattr_t clock;
    *load = (struct load){.options = options, .server = server};
    wire_init(&load->wire, options, &load->pool);
    key_pattern_init(&load->pattern, options->key_pattern, options->keys, options->zipf_exponent);
    if (options->rate != 0)
        load->batch_nanoseconds =
            1e9 * (double)options->connections * (double)options->pipeline / (double)options->rate;
    pthread_mutex_init(&load->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&load->changed, &clock);
    pthread_condattr_destroy(&clock);
    size_t value_size_max = options->value_size.high;
    if (options->verify && value_size_max < CHECKED_SIZE_MIN)
        value_size_max = CHECKED_SIZE_MIN;
    return value_pool_init(&load->pool, value_size_max);
}

static void load_end(struct load *load)
{
    value_pool_end(&load->pool);
    pthread_cond_destroy(&load->changed);
    pthread_mutex_destroy(&load->lock);
}

/* --- waiting --------------------------------------------------------------------------------- */

static void show_progress(const struct load *load, const struct load_thread *threads,
                          const char *title, uint64_t since)
{
    uint64_t answered = 0, now = load_nanoseconds();
    for (uint64_t i = 0; i < load->options->threads; i++)
        answered += counter_read(&threads[i].answered);
    if (counter_read(&load->phase) == LOAD_WARMING)
        fprintf(stderr, "\r%s: warming up\033[K", title);
    else
        fprintf(stderr, "\r%s: %.1f s, %.0f requests/s\033[K", title, (double)(now - since) / 1e9,
                (double)answered * 1e9 / (double)(now - since + 1));
}

/* Until then, or the end of any thread that ends early. */
static void wait_until(struct load *load, const struct load_thread *threads, const char *title,
                       uint64_t since, uint64_t end)
{
    pthread_mutex_lock(&load->lock);
    for (;;) {
        uint64_t now = load_nanoseconds();
        bool all_ended = load->threads_running == 0;
        if (now >= end || interrupted || all_ended || load->broken)
            break;
        uint64_t wake = end - now < PROGRESS_NANOSECONDS ? end : now + PROGRESS_NANOSECONDS;
        const struct timespec at = {.tv_sec = (time_t)(wake / SECOND),
                                    .tv_nsec = (long)(wake % SECOND)};
        pthread_cond_timedwait(&load->changed, &load->lock, &at);
        if (title != NULL)
            show_progress(load, threads, title, since);
    }
    pthread_mutex_unlock(&load->lock);
}

static double process_cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Changes the phase and reads the clocks; the difference of two readings is what was measured. */
static void enter_phase(struct load *load, enum load_phase phase, struct load_result *clocks)
{
    uint64_t server;
    bool known = bench_server_cpu(load->server, &server);
    counter_set(&load->phase, phase);
    clocks->server_cpu_seconds = known ? (double)server / 1e9 : -1;
    clocks->generator_cpu_seconds = process_cpu_seconds();
    clocks->seconds = (double)load_nanoseconds() / 1e9;
}

static void measure(struct load *load, const struct load_thread *threads, const char *title,
                    struct load_result *result)
{
    static struct load_result before; /* too large for a stack */
    const struct bench_options *options = load->options;
    if (options->requests == 0 && options->warmup > 0)
        wait_until(load, threads, title, load->started_at,
                   load->started_at + (uint64_t)(options->warmup * 1e9));
    if (options->requests == 0)
        enter_phase(load, LOAD_MEASURING, &before);
    else
        before = *result;
    uint64_t start = load_nanoseconds();
    wait_until(load, threads, title, start,
               options->requests == 0 ? start + (uint64_t)(options->seconds * 1e9) : UINT64_MAX);
    enter_phase(load, LOAD_ENDING, result);
    result->seconds -= before.seconds;
    result->generator_cpu_seconds -= before.generator_cpu_seconds;
    if (result->server_cpu_seconds < 0 || before.server_cpu_seconds < 0)
        result->server_cpu_seconds = -1;
    else
        result->server_cpu_seconds -= before.server_cpu_seconds;
}

/* The measuring has begun before the threads have, where requests are counted. */
static void run_threads(struct load *load, struct load_thread *threads, const char *title,
                        struct load_result *result)
{
    const struct bench_options *options = load->options;
    uint64_t started = 0;
    if (options->requests != 0)
        enter_phase(load, LOAD_MEASURING, result);
    load->started_at = load_nanoseconds();
    load->threads_running = (unsigned)options->threads;
    while (started < options->threads &&
           pthread_create(&threads[started].handle, NULL, load_thread_main, &threads[started]) == 0)
        started++;
    if (started < options->threads) {
        load_note_problem(load, true, "the system starts no more than %llu threads",
                          (unsigned long long)started);
        counter_set(&load->phase, LOAD_ENDING);
    } else {
        measure(load, threads, title, result);
    }
    if (title != NULL)
        fputs("\r\033[K", stderr);
    for (uint64_t i = 0; i < started; i++)
        pthread_join(threads[i].handle, NULL);
}

enum load_outcome load_run(const struct bench_options *options, const struct bench_server *server,
                           const char *title, struct load_result *result)
{
    struct load load;
    enum load_outcome outcome = LOAD_FINE;
    struct load_thread *threads = calloc(options->threads, sizeof(*threads));
    uint64_t ready = 0;
    memset(result, 0, sizeof(*result));
    if (!load_init(&load, options, server) || threads == NULL) {
        snprintf(result->problem, sizeof(result->problem), "no memory for values or threads");
        free(threads);
        load_end(&load);
        return LOAD_BROKEN;
    }
    while (ready < options->threads && load_thread_init(&threads[ready], &load, (unsigned)ready))
        ready++;
    if (ready < options->threads)
        outcome = LOAD_UNREACHABLE;
    else
        run_threads(&load, threads, title, result);
    for (uint64_t i = 0; i < options->threads; i++) {
        load_tally_add(&result->tally, &threads[i].tally);
        load_thread_end(&threads[i]);
    }
    if (outcome == LOAD_FINE && load.broken)
        outcome = LOAD_BROKEN;
    if (outcome == LOAD_FINE && interrupted)
        outcome = LOAD_INTERRUPTED;
    memcpy(result->problem, load.problem, sizeof(load.problem));
    free(threads);
    load_end(&load);
    return outcome;
}
