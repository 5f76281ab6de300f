#include "config.h"

#include "proto/hot_keys.h"

#include <stdlib.h>

struct hot_keys *hot_keys_create(void) NO_THREAD_CHECK
{
    struct hot_keys *keys = calloc(1, sizeof(*keys));
    if (keys != NULL)
        mutex_init(&keys->lock, LOCK_PROTO_HOT_KEYS);
    return keys;
}

void hot_keys_destroy(struct hot_keys *keys)
{
    if (keys == NULL)
        return;
    mutex_end(&keys->lock);
    free(keys);
}

/* --- counting -------------------------------------------------------------------------------- */

static unsigned find_hash(const struct hot_table *table, uint64_t hash)
{
    unsigned place = 0;
    while (place < table->count && table->hashes[place] != hash)
        place++;
    return place;
}

static unsigned find_lowest(const struct hot_table *table)
{
    unsigned lowest = 0;
    for (unsigned i = 1; i < table->count; i++)
        if (table->counts[i] < table->counts[lowest])
            lowest = i;
    return lowest;
}

/* The place for a key that is new to the table; its count goes on from whoever had it before. */
static unsigned admit(struct hot_table *table, const struct store_key *key)
{
    unsigned place = table->count;
    if (place < HOT_KEYS_MAX) {
        table->count++;
        table->counts[place] = 0;
    } else {
        place = find_lowest(table);
    }
    table->errors[place] = table->counts[place];
    table->hashes[place] = key->hash;
    table->sizes[place] = (uint8_t)key->size;
    memcpy(table->keys[place], key->at, key->size);
    return place;
}

static struct hot_table *table_of_now(struct hot_keys *keys, uint32_t now) REQUIRES(keys->lock)
{
    struct hot_table *table = &keys->tables[keys->current];
    uint32_t window = now / HOT_KEYS_WINDOW;
    if (table->window == window)
        return table;
    keys->current = 1 - keys->current;
    table = &keys->tables[keys->current];
    table->window = window;
    table->count = 0;
    table->samples = 0;
    return table;
}

void hot_keys_note(struct hot_keys *keys, const struct store_key *key, uint32_t now)
{
    if (!mutex_try_lock(&keys->lock))
        return;
    struct hot_table *table = table_of_now(keys, now);
    unsigned place = find_hash(table, key->hash);
    if (place == table->count)
        place = admit(table, key);
    table->counts[place]++;
    table->samples++;
    mutex_unlock(&keys->lock);
}

/* --- the report ------------------------------------------------------------------------------ */

bool hot_sum_init(struct hot_sum *sum, size_t workers, uint32_t now)
{
    *sum = (struct hot_sum){.now = now, .capacity = 2 * HOT_KEYS_MAX * workers};
    sum->counts = calloc(sum->capacity + 1, sizeof(sum->counts[0]));
    return sum->counts != NULL;
}

void hot_sum_end(struct hot_sum *sum)
{
    free(sum->counts);
}

static bool is_recent(const struct hot_sum *sum, const struct hot_table *table)
{
    uint32_t window = sum->now / HOT_KEYS_WINDOW;
    return table->window == window || table->window + 1 == window;
}

static void add_table(struct hot_sum *sum, const struct hot_table *table)
{
    for (unsigned i = 0; i < table->count && sum->count < sum->capacity; i++)
        sum->counts[sum->count++] = (struct hot_count){
            .hash = table->hashes[i],
            .count = table->counts[i],
            .error = table->errors[i],
        };
    sum->samples += table->samples;
    if (table->count == HOT_KEYS_MAX)
        sum->unlisted += table->counts[find_lowest(table)];
}

void hot_sum_add(struct hot_sum *sum, struct hot_keys *keys)
{
    mutex_lock(&keys->lock);
    for (unsigned i = 0; i < ARRAY_COUNT(keys->tables); i++)
        if (is_recent(sum, &keys->tables[i]))
            add_table(sum, &keys->tables[i]);
    mutex_unlock(&keys->lock);
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = ((const struct hot_count *)a)->hash;
    uint64_t right = ((const struct hot_count *)b)->hash;
    return (left > right) - (left < right);
}

/* The highest first. */
static int compare_counts(const void *a, const void *b)
{
    uint64_t left = ((const struct hot_count *)a)->count;
    uint64_t right = ((const struct hot_count *)b)->count;
    return (left < right) - (left > right);
}

/* Makes one of what several tables know of a key. */
static void join_equal(struct hot_sum *sum)
{
    size_t kept = 0;
    for (size_t i = 0; i < sum->count; i++) {
        struct hot_count next = sum->counts[i];
        if (kept > 0 && sum->counts[kept - 1].hash == next.hash) {
            sum->counts[kept - 1].count += next.count;
            sum->counts[kept - 1].error += next.error;
        } else {
            sum->counts[kept++] = next;
        }
    }
    sum->count = kept;
}

void hot_sum_choose(struct hot_sum *sum)
{
    qsort(sum->counts, sum->count, sizeof(sum->counts[0]), compare_hashes);
    join_equal(sum);
    qsort(sum->counts, sum->count, sizeof(sum->counts[0]), compare_counts);
    if (sum->count <= HOT_KEYS_MAX)
        return;
    if (sum->counts[HOT_KEYS_MAX].count > sum->unlisted)
        sum->unlisted = sum->counts[HOT_KEYS_MAX].count;
    sum->count = HOT_KEYS_MAX;
}

void hot_sum_find_keys(const struct hot_sum *sum, struct hot_keys *keys,
                       struct hot_keys_report *report)
{
    mutex_lock(&keys->lock);
    for (size_t i = 0; i < sum->count; i++) {
        struct hot_key *key = &report->keys[i];
        for (unsigned t = 0; key->size == 0 && t < ARRAY_COUNT(keys->tables); t++) {
            const struct hot_table *table = &keys->tables[t];
            unsigned place = find_hash(table, sum->counts[i].hash);
            if (place == table->count)
                continue;
            key->size = table->sizes[place];
            memcpy(key->at, table->keys[place], key->size);
        }
    }
    mutex_unlock(&keys->lock);
}
