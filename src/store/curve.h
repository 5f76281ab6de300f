#ifndef LARDER_CURVE_H
#define LARDER_CURVE_H

/*
 * What would other memory limits do? The store's share of store/miniature.h: which keys are looked
 * at, and when.
 *
 * A key is looked at or not by some bits of its hash (SHARDS: Waldspurger, Park, Garthwaite and
 * Ahmad, "Efficient MRC construction with SHARDS", FAST 2015), so the others cost a comparison.
 * What happens to one of those is noted by the thread, and played to the miniatures when its turn
 * ends, if no other thread is at it; a note that finds no room is lost, and counted.
 *
 * Threads: curve_note and curve_play by the thread itself; the rest by any.
 */

#include "base/counter.h"
#include "base/mutex.h"
#include "store/miniature.h"
#include "store/store.h"

#define CURVE_NOTES 32
#define CURVE_MEMORY_SHARE 100 /* of -m: one part in so many */

struct store_thread;

struct curve {
    bool on;             /* set once at creation */
    size_t memory_bytes; /* the same: what it takes of -m */

    /* any thread */
    _Atomic uint64_t mask; /* a key whose hash has none of these bits is looked at */

    /* under lock */
    struct mutex lock;
    struct miniatures miniatures GUARDED_BY(lock);
    uint32_t generation GUARDED_BY(lock); /* of flush_all, as last seen */
    uint32_t plays GUARDED_BY(lock);
    struct store_curve sums GUARDED_BY(lock);  /* since the start */
    struct store_curve reset GUARDED_BY(lock); /* as they were at stats reset */
};

/* A thread's share. */
struct curve_notes {
    uint64_t mask; /* as curve.mask when the turn began */
    uint32_t count;
    struct miniature_reference of[CURVE_NOTES];
    struct counter lost;
};

/* Memory for it is `memory_size` divided by CURVE_MEMORY_SHARE; with less than some 40 KiB it is
 * off. */
void curve_init(struct curve *curve, bool wanted, size_t memory_size);
void curve_end(struct curve *curve);

/* At the start and at the end of a thread's turn. */
static inline void curve_start_turn(struct curve_notes *notes, const struct curve *curve)
{
    notes->mask = atomic_load_explicit(&((struct curve *)curve)->mask, memory_order_relaxed);
}
void curve_play(struct store_thread *thread);

/* bytes: of the item, as store_item_bytes. */
void curve_note(struct store_thread *thread, uint64_t hash, enum miniature_event event,
                uint64_t bytes, uint32_t exptime);

#endif
