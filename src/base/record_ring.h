#ifndef LARDER_RECORD_RING_H
#define LARDER_RECORD_RING_H

/*
 * A bounded queue of records from one thread to another. It never waits and never grows: a record
 * that finds no room is not taken.
 *
 * Threads: one adds, one takes, without a lock.
 *
 * Life: zeroed memory is a ring without room; record_ring_start by the thread that adds, once.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

struct record_ring {
    /* set once by the thread that adds, before the first record */
    char *bytes; /* owned */
    size_t capacity;

    /* any thread; bytes since the start. Whoever adds stores `added` with release after the bytes,
     * whoever takes loads it with acquire; and the other way round for `taken`. */
    _Atomic uint64_t added;
    _Atomic uint64_t taken;
};

/* false: no memory, and the ring is as it was. */
MUST_USE bool record_ring_start(struct record_ring *ring, size_t capacity);
void record_ring_end(struct record_ring *ring);

/* false: no room. */
MUST_USE bool record_ring_add(struct record_ring *ring, uint32_t kind, struct slice record);

/* Moves as many whole records as there are, or as fit into `room`, to `to`. Returns their size. */
size_t record_ring_take(struct record_ring *ring, char *to, size_t room);

/* Splits what was taken: the first record of *records, which moves on. false: no more. */
bool record_next(struct slice *records, uint32_t *kind, struct slice *record);

#endif
