#ifndef LARDER_GHOSTS_H
#define LARDER_GHOSTS_H

/*
 * Which keys were dropped not long ago? The ghost queue of S3-FIFO (Yang et al., "FIFO queues are
 * all you need for cache eviction", SOSP 2023, section 4), kept as 16-bit fingerprints: buckets of
 * one cache line, each a ring of the last 31 fingerprints that fell to it and the place of the
 * next. That is two bytes a ghost; the answer is wrong for one key in 2,000, which costs nothing
 * but a better queue than the key deserves.
 *
 * There is a bucket for every 8 lines of the index: two ghosts for three items. When the index has
 * grown by a size, what was remembered is lost.
 *
 * Threads: ghosts_add by one thread at a time (it holds the reclaim lock); ghosts_have by any.
 */

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GHOST_LINES 8 /* of the index, that share a bucket */
#define GHOST_RING 31

struct CACHE_ALIGNED ghost_bucket {
    _Atomic uint16_t ring[GHOST_RING]; /* 0: empty */
    _Atomic uint16_t next;
};

struct ghosts {
    /* set once at creation */
    struct ghost_bucket *buckets;
    size_t reserved_size;
};

/* lines_max: the most lines that the index can grow to. */
MUST_USE bool ghosts_init(struct ghosts *ghosts, size_t lines_max);
void ghosts_end(struct ghosts *ghosts);

/* lines: of the index, at its present size. */
void ghosts_add(struct ghosts *ghosts, size_t lines, uint64_t hash);
bool ghosts_have(const struct ghosts *ghosts, size_t lines, uint64_t hash);

void ghosts_prefetch(const struct ghosts *ghosts, size_t lines, uint64_t hash);

/* Bytes that the ghosts beside so many lines may take. */
static inline size_t ghosts_bytes(size_t lines)
{
    return (lines / GHOST_LINES + 1) * sizeof(struct ghost_bucket);
}

#endif
