#include "config.h"

#include "base/hash.h"

#include "base/hash_inline.h"

#include <sys/random.h>
#include <time.h>

uint64_t hash_seed;

void hash_start(uint64_t seed)
{
    if (seed == 0 && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uintptr_t)&now;
    }
    hash_seed = seed;
}

uint64_t hash_key(const char *key, size_t size)
{
    return hash_key_inline(key, size);
}
