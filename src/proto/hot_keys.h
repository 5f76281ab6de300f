#ifndef LARDER_HOT_KEYS_H
#define LARDER_HOT_KEYS_H

/*
 * Which keys are asked for most often, for `stats hotkeys`: one key in about so many, chosen at
 * random, is counted by Space-Saving (Metwally, Agrawal and El Abbadi, "Efficient computation of
 * frequent and top-k elements in data streams", ICDT 2005). A table holds HOT_KEYS_MAX keys. A key
 * that is not in it takes the place of the one with the lowest count, goes on from that count, and
 * remembers it as its error. So no count is too low, none is too high by more than its error, and
 * no error is above the number of samples divided by HOT_KEYS_MAX.
 *
 * Each worker has a table for the window that goes on and one for the last.
 *
 * Threads: hot_keys_note by the worker, which leaves a sample out when somebody is looking; the
 * rest by any thread.
 */

#include "base/mutex.h"
#include "proto/proto.h"

#define HOT_KEYS_WINDOW 60 /* seconds */

struct hot_table {
    uint32_t window; /* the number of its window since 1970; 0: never used */
    uint32_t count;
    uint64_t samples;
    uint64_t hashes[HOT_KEYS_MAX];
    uint64_t counts[HOT_KEYS_MAX];
    uint64_t errors[HOT_KEYS_MAX];
    uint8_t sizes[HOT_KEYS_MAX];
    char keys[HOT_KEYS_MAX][STORE_KEY_SIZE_MAX];
};

struct hot_keys {
    struct mutex lock;
    struct hot_table tables[2] GUARDED_BY(lock);
    unsigned current GUARDED_BY(lock); /* the other one is of an earlier window */
};

struct hot_keys *hot_keys_create(void); /* NULL: no memory */
void hot_keys_destroy(struct hot_keys *keys);

void hot_keys_note(struct hot_keys *keys, const struct store_key *key, uint32_t now);

/* --- a report over the tables of all workers ------------------------------------------------- */

/* A key of a table, before its bytes are known. */
struct hot_count {
    uint64_t hash;
    uint64_t count;
    uint64_t error;
};

struct hot_sum {
    struct hot_count *counts; /* owned */
    size_t count;
    size_t capacity;
    uint64_t samples;
    uint64_t unlisted;
    uint32_t now;
};

MUST_USE bool hot_sum_init(struct hot_sum *sum, size_t workers, uint32_t now);
void hot_sum_end(struct hot_sum *sum);

/* First each worker's tables are added, then the hottest chosen, then their bytes looked for. */
void hot_sum_add(struct hot_sum *sum, struct hot_keys *keys);
void hot_sum_choose(struct hot_sum *sum);
void hot_sum_find_keys(const struct hot_sum *sum, struct hot_keys *keys,
                       struct hot_keys_report *report);

#endif
