#ifndef LARDER_HASH_INLINE_H
#define LARDER_HASH_INLINE_H

/* hash_key without a call, for the few places where that is measurable: it is a lot of code. */

#include "base/check.h"
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

extern uint64_t hash_seed; /* set once in hash_start */

HOT_INLINE uint64_t hash_key_inline(const char *key, size_t size)
{
    return XXH3_64bits_withSeed(key, size, hash_seed);
}

#endif
