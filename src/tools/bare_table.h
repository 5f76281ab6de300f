#ifndef LARDER_BARE_TABLE_H
#define LARDER_BARE_TABLE_H

/*
 * What the store is measured against: the least that a look-up can be. An open-addressing table of
 * tags and numbers, at most half full, and records of a key and a value of fixed sizes, side by
 * side. No time-to-live, no eviction, no other threads, nothing is ever removed.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bare_table {
    uint64_t *slots; /* owned; the hash's upper 16 bits and the record's number + 1; 0: free */
    char *records;   /* owned */
    size_t slot_mask;
    size_t key_size;
    size_t value_size;
    size_t count;
    size_t capacity;
};

MUST_USE bool bare_table_init(struct bare_table *table, size_t capacity, size_t key_size,
                              size_t value_size);
void bare_table_end(struct bare_table *table);
void bare_table_add(struct bare_table *table, const char *key, uint64_t hash, const char *value);

static inline size_t bare_table_home(const struct bare_table *table, uint64_t hash)
{
    return (size_t)hash & table->slot_mask;
}

static inline char *bare_table_record(const struct bare_table *table, uint64_t slot)
{
    return table->records + ((slot & 0xffffffffffff) - 1) * (table->key_size + table->value_size);
}

/* Lent; NULL: not there. */
const char *bare_table_find(const struct bare_table *table, const char *key, uint64_t hash);

void bare_table_prefetch_slot(const struct bare_table *table, uint64_t hash);
void bare_table_prefetch_record(const struct bare_table *table, uint64_t hash);

#endif
