/*
 * Stalls: each call of store_put is timed while items come in. The machine interrupts a thread when
 * it likes, and that looks like a slow call. Two things keep it out: a slow call during which the
 * kernel took the processor away is not counted; and the fill is repeated, call by call the same,
 * so that of each call the shortest time of all rounds is what the store itself took.
 */

#include "config.h"

#include "tools/store_bench.h"

#include "tools/histogram.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SLOW_NANOSECONDS 5000 /* worth asking the kernel about */
#define UNKNOWN UINT32_MAX
#define MACHINE_NANOSECONDS UINT64_C(10000000000)

struct stalls {
    const struct store_bench_config *config;
    double ticks_per_nanosecond;
    uint32_t *shortest; /* owned; nanoseconds of each call, over the rounds so far */
    uint64_t switched;  /* calls left out, as the thread lost its processor */
    char value[BENCH_VALUE_SIZE_MAX];
};

static uint64_t monotonic_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
/* A tenth of what clock_gettime takes; counts at a fixed rate on every processor of ten years. */
static inline uint64_t ticks_now(void)
{
    return __builtin_ia32_rdtsc();
}
#else
static inline uint64_t ticks_now(void)
{
    return monotonic_nanoseconds();
}
#endif

static double measure_tick_rate(void)
{
    uint64_t start = monotonic_nanoseconds(), first = ticks_now(), end;
    while ((end = monotonic_nanoseconds()) < start + 50000000)
        continue;
    return (double)(ticks_now() - first) / (double)(end - start);
}

static long switches_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw + usage.ru_nvcsw;
}

static void put_one(struct stalls *stalls, struct bench_store *bench, uint64_t number)
{
    char at[BENCH_KEY_SIZE];
    struct store_result result;
    const struct store_put put = {.mode = STORE_SET};
    bench_key_write(at, number);
    memcpy(stalls->value, &number, sizeof(number));
    struct store_key key = store_key_of(at, sizeof(at));
    CHECK(store_put(bench->thread, &key, &put,
                    (struct slice){stalls->value, stalls->config->value_size},
                    &result) == STORE_STORED);
}

static void fill_once(struct stalls *stalls)
{
    struct bench_store bench;
    bench_store_open(&bench, stalls->config->memory_size);
    long switches = switches_now();
    uint64_t longest = 0;
    for (uint64_t i = 0; i < stalls->config->items; i++) {
        bench_store_count(&bench);
        uint64_t start = ticks_now();
        put_one(stalls, &bench, i);
        uint64_t took = (uint64_t)((double)(ticks_now() - start) / stalls->ticks_per_nanosecond);
        if (UNLIKELY(took > SLOW_NANOSECONDS)) {
            long before = switches;
            switches = switches_now();
            if (switches != before) {
                stalls->switched++;
                continue;
            }
        }
        if (took > longest)
            longest = took;
        if (took < stalls->shortest[i])
            stalls->shortest[i] = (uint32_t)took;
    }
    struct store_stats stats;
    store_stats_read(bench.store, &stats);
    printf("  a round: longest %.1f us, with whatever interrupted it; %llu items at the end\n",
           (double)longest / 1e3, (unsigned long long)stats.curr_items);
    bench_store_close(&bench);
}

static uint64_t cpu_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What a thread that does nothing sees between two looks at the clock of its own CPU time: what
 * interrupts counts as the thread's. `stats segments` goes by that clock. */
static void measure_the_machine(void)
{
    uint64_t end = cpu_nanoseconds() + MACHINE_NANOSECONDS;
    uint64_t last = cpu_nanoseconds(), longest = 0;
    while (last < end) {
        uint64_t now = cpu_nanoseconds();
        if (now - last > longest)
            longest = now - last;
        last = now;
    }
    printf("  the machine: an empty loop of 10 s of CPU time stalls for %.1f us\n",
           (double)longest / 1e3);
}

/* One line for each factor of two with something in it. */
static void print_histogram(const struct stalls *stalls)
{
    uint64_t counts[32] = {0};
    for (uint64_t i = 0; i < stalls->config->items; i++)
        if (stalls->shortest[i] != UNKNOWN)
            counts[31 - __builtin_clz(stalls->shortest[i] | 1)]++;
    for (int i = 0; i < 32; i++)
        if (counts[i] != 0)
            printf("  %10.3f to %10.3f us  %10llu\n", (double)(1ull << i) / 1e3,
                   (double)(2ull << i) / 1e3, (unsigned long long)counts[i]);
}

static void report(const struct stalls *stalls)
{
    struct histogram *histogram = calloc(1, sizeof(*histogram));
    if (histogram == NULL)
        return;
    for (uint64_t i = 0; i < stalls->config->items; i++)
        if (stalls->shortest[i] != UNKNOWN)
            histogram_record(histogram, stalls->shortest[i]);
    print_histogram(stalls);
    printf("  each call's shortest, us: mean %.3f, p99 %.2f, p99.9 %.2f, p99.99 %.2f, "
           "p99.999 %.2f, longest %.2f\n",
           histogram_mean(histogram) / 1e3, (double)histogram_at(histogram, 0.99) / 1e3,
           (double)histogram_at(histogram, 0.999) / 1e3,
           (double)histogram_at(histogram, 0.9999) / 1e3,
           (double)histogram_at(histogram, 0.99999) / 1e3, (double)histogram->max / 1e3);
    printf("  left out: %llu calls in which the thread lost its processor, %llu of them in every "
           "round\n",
           (unsigned long long)stalls->switched,
           (unsigned long long)(stalls->config->items - histogram->total));
    free(histogram);
}

void store_bench_measure_stalls(const struct store_bench_config *config, const char *title)
{
    struct stalls stalls = {.config = config, .ticks_per_nanosecond = measure_tick_rate()};
    stalls.shortest = malloc(config->items * sizeof(*stalls.shortest));
    if (stalls.shortest == NULL) {
        fputs("store-bench: no memory for the times of all calls\n", stderr);
        exit(71);
    }
    for (uint64_t i = 0; i < config->items; i++)
        stalls.shortest[i] = UNKNOWN;
    printf("stalls, %s: %llu sets of new items, keys of %d bytes, values of %zu, -m %zu, %u "
           "rounds\n",
           title, (unsigned long long)config->items, BENCH_KEY_SIZE, config->value_size,
           config->memory_size >> 20, config->rounds);
    for (unsigned round = 0; round < config->rounds; round++)
        fill_once(&stalls);
    report(&stalls);
    measure_the_machine();
    free(stalls.shortest);
}
