/*
 * Speed: the same keys in the same order for the store and for a bare table, in turn, several
 * rounds, in CPU time of this thread. A get looks up, compares, copies the value and checks it.
 */

#include "config.h"

#include "tools/store_bench.h"

#include "tools/bare_table.h"
#include "tools/random_numbers.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH 16
#define ROUNDS_MAX 100

enum measure {
    BARE_GETS,
    STORE_GETS,
    BARE_BATCHES,
    STORE_BATCHES,
    STORE_SETS,
    STORE_SET_BATCHES,
    MEASURES,
};

static const char *const measure_names[MEASURES] = {
    "gets, one by one, bare table", "gets, one by one, store", "gets, batches of 16, bare table",
    "gets, batches of 16, store",   "sets, one by one, store", "sets, batches of 16, store",
};

struct speed {
    const struct store_bench_config *config;
    struct bench_store bench;
    struct bare_table bare;
    uint64_t random;
    uint64_t checked; /* gets whose value was the right one */
    uint64_t gets;
    double rates[MEASURES][ROUNDS_MAX]; /* a second */
    char value[BENCH_VALUE_SIZE_MAX];
};

static uint64_t cpu_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void take_value(struct speed *speed, const char *value, uint64_t number)
{
    uint64_t found = 0;
    speed->gets++;
    if (value == NULL)
        return;
    memcpy(speed->value, value, speed->config->value_size);
    memcpy(&found, speed->value, sizeof(found));
    speed->checked += found == number;
}

static const char *store_value(struct speed *speed, const struct store_key *key)
{
    struct store_item item;
    if (store_get(speed->bench.thread, key, 0, &item) != STORE_HIT)
        return NULL;
    return item.value_size == speed->config->value_size ? item.value : NULL;
}

static const char *probed_value(const struct speed *speed, const struct store_probe *probe)
{
    if (probe->found != STORE_HIT)
        return NULL;
    return probe->item.value_size == speed->config->value_size ? probe->item.value : NULL;
}

static void bare_gets(struct speed *speed)
{
    char key[BENCH_KEY_SIZE];
    for (uint64_t i = 0; i < speed->config->items; i++) {
        uint64_t number = random_below(&speed->random, speed->config->items);
        bench_key_write(key, number);
        take_value(speed, bare_table_find(&speed->bare, key, hash_key(key, sizeof(key))), number);
    }
}

static void store_gets(struct speed *speed)
{
    char at[BENCH_KEY_SIZE];
    for (uint64_t i = 0; i < speed->config->items; i++) {
        uint64_t number = random_below(&speed->random, speed->config->items);
        bench_key_write(at, number);
        bench_store_count(&speed->bench);
        struct store_key key = store_key_of(at, sizeof(at));
        take_value(speed, store_value(speed, &key), number);
    }
}

/* The keys of one batch, hashed. */
struct batch {
    char at[BATCH][BENCH_KEY_SIZE];
    struct store_probe probes[BATCH];
    uint64_t numbers[BATCH];
};

static void batch_draw(struct batch *batch, struct speed *speed)
{
    for (int i = 0; i < BATCH; i++) {
        batch->numbers[i] = random_below(&speed->random, speed->config->items);
        bench_key_write(batch->at[i], batch->numbers[i]);
        batch->probes[i].key = store_key_of(batch->at[i], BENCH_KEY_SIZE);
    }
}

static void bare_batches(struct speed *speed)
{
    struct batch batch;
    for (uint64_t done = 0; done < speed->config->items; done += BATCH) {
        batch_draw(&batch, speed);
        for (int i = 0; i < BATCH; i++)
            bare_table_prefetch_slot(&speed->bare, batch.probes[i].key.hash);
        for (int i = 0; i < BATCH; i++)
            bare_table_prefetch_record(&speed->bare, batch.probes[i].key.hash);
        for (int i = 0; i < BATCH; i++)
            take_value(speed, bare_table_find(&speed->bare, batch.at[i], batch.probes[i].key.hash),
                       batch.numbers[i]);
    }
}

static void store_batches(struct speed *speed)
{
    struct batch batch;
    for (uint64_t done = 0; done < speed->config->items; done += BATCH) {
        batch_draw(&batch, speed);
        for (int i = 0; i < BATCH; i++)
            bench_store_count(&speed->bench);
        CHECK(store_get_batch(speed->bench.thread, batch.probes, BATCH, 0, SIZE_MAX, 0) == BATCH);
        for (int i = 0; i < BATCH; i++)
            take_value(speed, probed_value(speed, &batch.probes[i]), batch.numbers[i]);
    }
}

static void store_put_number(struct speed *speed, const struct store_key *key, uint64_t number)
{
    struct store_result result;
    const struct store_put put = {.mode = STORE_SET};
    memcpy(speed->value, &number, sizeof(number));
    bench_store_count(&speed->bench);
    CHECK(store_put(speed->bench.thread, key, &put,
                    (struct slice){speed->value, speed->config->value_size},
                    &result) == STORE_STORED);
}

static void store_one(struct speed *speed, uint64_t number)
{
    char at[BENCH_KEY_SIZE];
    bench_key_write(at, number);
    struct store_key key = store_key_of(at, sizeof(at));
    store_put_number(speed, &key, number);
}

static void store_sets(struct speed *speed)
{
    for (uint64_t i = 0; i < speed->config->items; i++)
        store_one(speed, random_below(&speed->random, speed->config->items));
}

/* As a session does it with the sets of one read. */
static void store_set_batches(struct speed *speed)
{
    struct batch batch;
    for (uint64_t done = 0; done < speed->config->items; done += BATCH) {
        batch_draw(&batch, speed);
        for (int i = 0; i < BATCH; i++)
            store_expect(speed->bench.thread, &batch.probes[i].key);
        for (int i = 0; i < BATCH; i++)
            store_expect_item(speed->bench.thread, &batch.probes[i].key);
        for (int i = 0; i < BATCH; i++)
            store_put_number(speed, &batch.probes[i].key, batch.numbers[i]);
    }
}

static void (*const measures[MEASURES])(struct speed *speed) = {
    bare_gets, store_gets, bare_batches, store_batches, store_sets, store_set_batches,
};

static void fill(struct speed *speed)
{
    char key[BENCH_KEY_SIZE];
    uint64_t start = cpu_nanoseconds();
    for (uint64_t i = 0; i < speed->config->items; i++)
        store_one(speed, i);
    double seconds = (double)(cpu_nanoseconds() - start) / 1e9;
    printf("%-34s %6.2f M/s (memory touched for the first time)\n", "sets of new items, store",
           (double)speed->config->items / seconds / 1e6);
    for (uint64_t i = 0; i < speed->config->items; i++) {
        bench_key_write(key, i);
        memcpy(speed->value, &i, sizeof(i));
        bare_table_add(&speed->bare, key, hash_key(key, sizeof(key)), speed->value);
    }
}

static int compare_rates(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void report(struct speed *speed)
{
    unsigned rounds = speed->config->rounds;
    double middle[MEASURES];
    for (int i = 0; i < MEASURES; i++) {
        double *rates = speed->rates[i];
        qsort(rates, rounds, sizeof(*rates), compare_rates);
        middle[i] = rates[rounds / 2];
        printf("%-34s %6.2f M/s (%.2f to %.2f)\n", measure_names[i], middle[i] / 1e6,
               rates[0] / 1e6, rates[rounds - 1] / 1e6);
    }
    printf("%-34s %6.2f one by one, %.2f in batches\n", "store / bare table",
           middle[STORE_GETS] / middle[BARE_GETS], middle[STORE_BATCHES] / middle[BARE_BATCHES]);
    printf("%-34s %6.2f\n", "batches, store / one by one, bare",
           middle[STORE_BATCHES] / middle[BARE_GETS]);
    if (speed->checked != speed->gets)
        printf("%llu of %llu gets did not find what was set (memory is too small for all)\n",
               (unsigned long long)(speed->gets - speed->checked), (unsigned long long)speed->gets);
}

void store_bench_measure_speed(const struct store_bench_config *config)
{
    struct speed *speed = calloc(1, sizeof(*speed));
    if (speed == NULL ||
        !bare_table_init(&speed->bare, config->items, BENCH_KEY_SIZE, config->value_size)) {
        fputs("store-bench: no memory for the bare table\n", stderr);
        exit(71);
    }
    CHECK(config->rounds <= ROUNDS_MAX);
    speed->config = config;
    speed->random = 88172645463325252u;
    bench_store_open(&speed->bench, config->memory_size);
    printf("speed: %llu items, keys of %d bytes, values of %zu, uniform, -m %zu, one thread; CPU "
           "time, median of %u rounds\n",
           (unsigned long long)config->items, BENCH_KEY_SIZE, config->value_size,
           config->memory_size >> 20, config->rounds);
    fill(speed);
    for (unsigned round = 0; round < config->rounds; round++)
        for (int i = 0; i < MEASURES; i++) {
            uint64_t start = cpu_nanoseconds();
            measures[i](speed);
            speed->rates[i][round] =
                (double)config->items * 1e9 / (double)(cpu_nanoseconds() - start);
        }
    report(speed);
    bench_store_close(&speed->bench);
    bare_table_end(&speed->bare);
    free(speed);
}
