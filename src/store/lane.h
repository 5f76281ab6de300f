#ifndef LARDER_LANE_H
#define LARDER_LANE_H

/*
 * A lane is where entries are appended: it has one open segment at a time. Each worker has a lane
 * of its own while memory is large enough for that, else several share one.
 *
 * Threads: any number may append to one lane. An append is one atomic addition; only the change of
 * segments takes the lock.
 */

#include "store/segments.h"

struct lane {
    CACHE_ALIGNED _Atomic uint32_t open; /* SEGMENT_NONE: has no segment */
    enum segment_queue queue;            /* set once; of the segments it opens */
    struct mutex lock;                   /* held while `open` changes */
};

void lane_init(struct lane *lane, enum segment_queue queue);
void lane_end(struct lane *lane);

/*
 * Room for `size` bytes in the open segment, which nobody else gets: the caller writes an entry of
 * exactly that size there in the same turn. NULL: the lane needs another segment. A segment of an
 * older generation of flush_all is not appended to.
 */
char *lane_append(struct lane *lane, struct segments *segments, uint32_t size);

/* As lane_append, but takes what is left of the segment when that is less, down to size_min. */
char *lane_append_some(struct lane *lane, struct segments *segments, uint32_t size_min,
                       uint32_t *size);

/*
 * Gives the lane a fresh segment, unless its open one is not `full` any more. false: no segment is
 * to be had, when `reserve` of them must be left.
 */
MUST_USE bool lane_change(struct lane *lane, struct segments *segments, uint32_t full,
                          uint32_t reserve, uint32_t now);

/* Bytes left in the open segment: for one that only its caller appends to. */
uint32_t lane_room(const struct lane *lane, const struct segments *segments);

static inline uint32_t lane_open_segment(const struct lane *lane)
{
    return atomic_load_explicit(&((struct lane *)lane)->open, memory_order_acquire);
}

#endif
