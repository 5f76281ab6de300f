#include "config.h"

#include "tools/bare_table.h"

#include <stdlib.h>
#include <string.h>

#define TAG_SHIFT 48

bool bare_table_init(struct bare_table *table, size_t capacity, size_t key_size, size_t value_size)
{
    size_t slots = 2;
    while (slots < 2 * capacity)
        slots *= 2;
    *table = (struct bare_table){
        .slots = calloc(slots, sizeof(*table->slots)),
        .records = malloc(capacity * (key_size + value_size)),
        .slot_mask = slots - 1,
        .key_size = key_size,
        .value_size = value_size,
        .capacity = capacity,
    };
    if (table->slots != NULL && table->records != NULL)
        return true;
    bare_table_end(table);
    return false;
}

void bare_table_end(struct bare_table *table)
{
    free(table->slots);
    free(table->records);
}

void bare_table_add(struct bare_table *table, const char *key, uint64_t hash, const char *value)
{
    size_t at = bare_table_home(table, hash);
    CHECK(table->count < table->capacity);
    while (table->slots[at] != 0)
        at = (at + 1) & table->slot_mask;
    table->slots[at] = (hash >> TAG_SHIFT << TAG_SHIFT) | ++table->count;
    char *record = bare_table_record(table, table->slots[at]);
    memcpy(record, key, table->key_size);
    memcpy(record + table->key_size, value, table->value_size);
}

const char *bare_table_find(const struct bare_table *table, const char *key, uint64_t hash)
{
    for (size_t at = bare_table_home(table, hash);; at = (at + 1) & table->slot_mask) {
        uint64_t slot = table->slots[at];
        if (slot == 0)
            return NULL;
        if (slot >> TAG_SHIFT != hash >> TAG_SHIFT)
            continue;
        const char *record = bare_table_record(table, slot);
        if (memcmp(record, key, table->key_size) == 0)
            return record + table->key_size;
    }
}

void bare_table_prefetch_slot(const struct bare_table *table, uint64_t hash)
{
    __builtin_prefetch(&table->slots[bare_table_home(table, hash)]);
}

void bare_table_prefetch_record(const struct bare_table *table, uint64_t hash)
{
    for (size_t at = bare_table_home(table, hash); table->slots[at] != 0;
         at = (at + 1) & table->slot_mask)
        if (table->slots[at] >> TAG_SHIFT == hash >> TAG_SHIFT) {
            __builtin_prefetch(bare_table_record(table, table->slots[at]));
            return;
        }
}
