#include "config.h"

#include "store/ghosts.h"

#include <sys/mman.h>

__extension__ typedef unsigned __int128 wide;

bool ghosts_init(struct ghosts *ghosts, size_t lines_max)
{
    ghosts->reserved_size = ghosts_bytes(lines_max);
    ghosts->buckets = mmap(NULL, ghosts->reserved_size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ghosts->buckets == MAP_FAILED)
        return false;
    (void)madvise(ghosts->buckets, ghosts->reserved_size, MADV_NOHUGEPAGE);
    return true;
}

void ghosts_end(struct ghosts *ghosts)
{
    munmap(ghosts->buckets, ghosts->reserved_size);
}

static struct ghost_bucket *bucket_of(const struct ghosts *ghosts, size_t lines, uint64_t hash)
{
    return &ghosts->buckets[(size_t)((wide)hash * (lines / GHOST_LINES) >> 64)];
}

/* From the bits of the hash that say least about the bucket. */
static uint16_t fingerprint_of(uint64_t hash)
{
    uint16_t low = (uint16_t)hash;
    return low != 0 ? low : 1;
}

void ghosts_add(struct ghosts *ghosts, size_t lines, uint64_t hash)
{
    struct ghost_bucket *bucket = bucket_of(ghosts, lines, hash);
    uint16_t next = atomic_load_explicit(&bucket->next, memory_order_relaxed);
    atomic_store_explicit(&bucket->ring[next], fingerprint_of(hash), memory_order_relaxed);
    atomic_store_explicit(&bucket->next, (uint16_t)((next + 1) % GHOST_RING), memory_order_relaxed);
}

bool ghosts_have(const struct ghosts *ghosts, size_t lines, uint64_t hash)
{
    struct ghost_bucket *bucket = bucket_of(ghosts, lines, hash);
    uint16_t fingerprint = fingerprint_of(hash);
    bool have = false;
    for (unsigned i = 0; i < GHOST_RING; i++)
        have |= atomic_load_explicit(&bucket->ring[i], memory_order_relaxed) == fingerprint;
    return have;
}

void ghosts_prefetch(const struct ghosts *ghosts, size_t lines, uint64_t hash)
{
    __builtin_prefetch(bucket_of(ghosts, lines, hash));
}
