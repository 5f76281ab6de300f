#ifndef LARDER_VALUE_POOL_H
#define LARDER_VALUE_POOL_H

/*
 * The bytes of all values: each value is a stretch of one long text, and where it begins follows
 * from its key, its size and its version. So a value that comes back is known to be right or wrong,
 * whoever stored it, and bytes of two values that were mixed are wrong.
 *
 * Threads: any, after value_pool_init.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_pool {
    char *bytes; /* owned */
    size_t value_size_max;
};

MUST_USE bool value_pool_init(struct value_pool *pool, size_t value_size_max);
void value_pool_end(struct value_pool *pool);

/* `size` bytes, at most value_size_max; lent by the pool. */
const char *value_pool_at(const struct value_pool *pool, uint64_t key_number, size_t size,
                          uint32_t version);

#endif
