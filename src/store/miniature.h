#ifndef LARDER_MINIATURE_H
#define LARDER_MINIATURE_H

/*
 * Small caches beside the store, each a model of a store with another memory limit: they see the
 * requests for a few of the keys and have as small a share of the memory. What share of those
 * requests misses in a miniature is about what would miss in a store of that size (Waldspurger,
 * Saemundsson, Ahmad and Park, "Cache modeling and optimization using miniature simulations",
 * USENIX ATC 2017).
 *
 * Each keeps hashes and sizes of items and no values, and evicts by S3-FIFO (Yang et al., SOSP
 * 2023) with items weighed by their size, item by item where the store goes by segments. Items
 * whose time has passed are dropped as they are come across.
 *
 * The store's clients set what they have missed in the store, and not what they would have missed
 * in another. So a miniature that lacks an item which the store has takes it in at once, as the
 * client would have set it; and one that has an item which the store lacks passes over the set that
 * follows, for it would not have come.
 *
 * All of them share one table of a fixed size. When it is full, half of the keys are given up:
 * those whose hash does not fit the smaller share any more go as they are come across. So each call
 * does a bounded amount of work.
 *
 * Threads: one at a time; the caller has a lock.
 */

#include "base/check.h"
#include "store/ghosts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINIATURES 5
#define MINIATURE_SELF 2 /* the one as large as the store */

/* Times the memory limit, in quarters: what each stands for. */
extern const unsigned miniature_quarters[MINIATURES];

/* The share of the keys that is looked at: one in two to the power `shift`. */
#define MINIATURE_SHIFT_MIN 6
#define MINIATURE_SHIFT_MAX 30
#define MINIATURE_HASH_BIT                                                                         \
    16 /* the lowest bit of a hash that chooses: neither the index nor the                         \
          ghosts rest on those alone */

static inline uint64_t miniature_mask(unsigned shift)
{
    return ((UINT64_C(1) << shift) - 1) << MINIATURE_HASH_BIT;
}

enum miniature_event {
    MINIATURE_HIT,    /* asked for, and the store had it */
    MINIATURE_MISS,   /* asked for, and it had not */
    MINIATURE_STORED, /* whatever was there before */
    MINIATURE_TOUCHED,
    MINIATURE_DELETED,
};

/* What happened to a key of those that are looked at. */
struct miniature_reference {
    uint64_t hash;
    uint32_t bytes;   /* of the item, with what finds it; of a hit, or stored */
    uint32_t exptime; /* of the same; 0: never */
    uint32_t now;
    enum miniature_event event;
};

struct miniature;
struct miniature_item;

struct miniatures {
    /* set once at creation */
    struct miniature_item *items; /* [capacity + 1]; number 0 is none */
    uint32_t *chains;             /* [chain_mask + 1]: by hash */
    uint32_t capacity;
    uint32_t chain_mask;
    size_t reserved_size;
    struct miniature *of; /* [MINIATURES] */

    /* the caller's lock */
    uint32_t reached; /* items from here on were never used */
    uint32_t free;    /* the first of a list */
    uint32_t cursor;  /* of the search for items that are gone */
    uint32_t unswept; /* to be looked at before so many are gone as were given up */
    unsigned shift;
    uint8_t generation;  /* items of another one are gone */
    uint64_t mean_bytes; /* of an item, about, times 256 */
};

/* Memory for that many bytes in all, taken as it is used. false: too few, or none to be had. */
MUST_USE bool miniatures_init(struct miniatures *all, size_t bytes);
void miniatures_end(struct miniatures *all);

/* What a store of the given size has for items, and for what finds them. */
void miniatures_set_memory(struct miniatures *all, unsigned which, uint64_t bytes);

/* The key is one of those that are looked at. */
void miniatures_refer(struct miniatures *all, const struct miniature_reference *reference);

/* Every item is gone, as after flush_all. */
void miniatures_flush(struct miniatures *all);

/* Requests that missed, each counted as the number that it stands for. */
uint64_t miniatures_misses(const struct miniatures *all, unsigned which);

#endif
