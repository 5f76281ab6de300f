#ifndef LARDER_STORE_BENCH_H
#define LARDER_STORE_BENCH_H

/*
 * store-bench: the store alone, on one thread, without a network. The parts that its two
 * measurements share.
 */

#include "store/store.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define BENCH_KEY_SIZE 16
#define BENCH_VALUE_SIZE_MAX 1024
#define BENCH_TURN_OPERATIONS 64 /* of one turn, as a busy worker's */

struct store_bench_config {
    uint64_t items;
    size_t value_size;  /* bytes, 8 to BENCH_VALUE_SIZE_MAX */
    size_t memory_size; /* 0: enough for all items twice */
    unsigned rounds;
};

/* Sets, gets one by one and in batches, beside the bare table. */
void store_bench_measure_speed(const struct store_bench_config *config);

/* How long single calls take while items come in. */
void store_bench_measure_stalls(const struct store_bench_config *config, const char *title);

/* A store and its one thread; prints why and exits if there is no memory. */
struct bench_store {
    struct store *store;
    struct store_thread *thread;
    unsigned operations; /* since the turn began */
};

void bench_store_open(struct bench_store *bench, size_t memory_size);
void bench_store_close(struct bench_store *bench);
void bench_store_new_turn(struct bench_store *bench);

/* One more operation is about to be done: ends the turn where a worker's would. */
static inline void bench_store_count(struct bench_store *bench)
{
    if (UNLIKELY(++bench->operations == BENCH_TURN_OPERATIONS))
        bench_store_new_turn(bench);
}

/* Keys are made, not read from a list: a server has them in its cache, out of the socket. */
static inline void bench_key_write(char key[BENCH_KEY_SIZE], uint64_t number)
{
    uint64_t second = number * 0x9e3779b97f4a7c15;
    memcpy(key, &number, sizeof(number));
    memcpy(key + sizeof(number), &second, sizeof(second));
}

#endif
