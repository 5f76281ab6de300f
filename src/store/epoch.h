#ifndef LARDER_EPOCH_H
#define LARDER_EPOCH_H

/*
 * When is memory that nobody can find any more also memory that nobody still reads? Quiescent-state
 * based reclamation (McKenney and Slingwine, "Read-Copy Update", 1998; Hart et al., "Performance of
 * memory reclamation for lockless synchronization", 2007): a worker's turn of its event loop is its
 * read-side section. Between turns, and asleep, it holds nothing.
 *
 * What is unlinked gets a stamp; it may be reused once every thread is asleep or has begun a turn
 * at that stamp or later.
 *
 * Threads: epoch_start, epoch_pass and epoch_stop by the thread that the slot stands for; the rest
 * by any. Pairing: the fence in epoch_pass stands between the store of `seen` and the thread's
 * later look-ups, the fence in epoch_stamp between the unlinking and epoch_passed's loads. So
 * either epoch_passed sees the thread awake at an old epoch, or the thread's look-ups see what was
 * unlinked before the stamp. The release in epoch_stop pairs with the load in epoch_passed: what
 * the thread read happened before the reuse.
 */

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EPOCH_ASLEEP 0

struct epoch_slot {
    CACHE_ALIGNED _Atomic uint64_t seen; /* the epoch its turn began in; EPOCH_ASLEEP */
    struct epoch_slot *next;             /* set once, before the slot is linked in */
};

struct epoch {
    CACHE_ALIGNED _Atomic uint64_t now;
    _Atomic(struct epoch_slot *) slots; /* never unlinked while the store lives */
};

void epoch_init(struct epoch *epoch);
void epoch_add(struct epoch *epoch, struct epoch_slot *slot);

static inline void epoch_pass(struct epoch *epoch, struct epoch_slot *slot)
{
    uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
#ifdef __SANITIZE_THREAD__ /* knows no fences */
    atomic_exchange_explicit(&slot->seen, now, memory_order_seq_cst);
#else
    /* Release: what was read in the turn before happened before what comes now. */
    atomic_store_explicit(&slot->seen, now, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

static inline void epoch_start(struct epoch *epoch, struct epoch_slot *slot)
{
    epoch_pass(epoch, slot);
}

static inline void epoch_stop(struct epoch_slot *slot)
{
    atomic_store_explicit(&slot->seen, EPOCH_ASLEEP, memory_order_release);
}

/* The stamp of what was unlinked until now. */
uint64_t epoch_stamp(struct epoch *epoch);

/* Nobody can still read what got this stamp. */
bool epoch_passed(struct epoch *epoch, uint64_t stamp);

#endif
