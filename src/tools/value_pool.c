#include "config.h"

#include "tools/value_pool.h"

#include "tools/random_numbers.h"

#include <stdlib.h>

#define POOL_STARTS 65536 /* different places at which a value begins */

bool value_pool_init(struct value_pool *pool, size_t value_size_max)
{
    uint64_t random = 1; /* the same bytes in every run, so that one run can check another's */
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    *pool = (struct value_pool){.bytes = malloc(value_size_max + POOL_STARTS),
                                .value_size_max = value_size_max};
    if (pool->bytes == NULL)
        return false;
    for (size_t i = 0; i < value_size_max + POOL_STARTS; i++)
        pool->bytes[i] = letters[random_next(&random) >> 58];
    return true;
}

void value_pool_end(struct value_pool *pool)
{
    free(pool->bytes);
}

const char *value_pool_at(const struct value_pool *pool, uint64_t key_number, size_t size,
                          uint32_t version)
{
    uint64_t mixed = random_mix(key_number ^ (uint64_t)size << 32 ^ (uint64_t)version << 48);
    return pool->bytes + mixed % POOL_STARTS;
}
