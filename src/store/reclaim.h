#ifndef LARDER_RECLAIM_H
#define LARDER_RECLAIM_H

/*
 * Making room: one sealed segment at a time is gone through, its live items are moved to the youngest
 * end of the log or dropped, and it is empty.
 *
 * Which one, and what stays:
 *   1. a segment with much waste (dead, flushed or never written bytes): everything live moves;
 *   2. else, if eviction is allowed, the oldest: what was hit since it was last moved moves once more,
 *      the rest is dropped. That is FIFO with reinsertion, the CLOCK rule over a log.
 *
 * It is done in steps of a few dozen entries by the threads that write, before room is needed, and as
 * a whole only when none is left.
 *
 * Threads: any; `lock` admits one at a time.
 */

#include "base/mutex.h"
#include "store/lane.h"

struct store_thread;

/* What of a victim stays. */
enum reclaim_keep { KEEP_LIVE, KEEP_HIT, KEEP_NOTHING };

struct reclaim {
    struct lane lane; /* where what stays is appended */

    /* under lock */
    struct mutex lock;
    uint32_t victim GUARDED_BY(lock); /* SEGMENT_NONE: none is chosen */
    uint32_t offset GUARDED_BY(lock); /* of the next entry to look at */
    enum reclaim_keep keep GUARDED_BY(lock);
    uint64_t won GUARDED_BY(lock);    /* bytes of segments emptied, and ... */
    uint64_t moved GUARDED_BY(lock);  /* ... bytes moved, since a whole segment was last won */
};

void reclaim_init(struct reclaim *reclaim);
void reclaim_end(struct reclaim *reclaim);

/* A small step when few segments are left and nobody else is at it. Called by every write. */
void reclaim_pace(struct store_thread *thread);

/*
 * Empties a segment, or waits a moment for those who do or who still read in one. false: there is no
 * more room to be made. The caller has just passed its turn and holds nothing.
 */
MUST_USE bool reclaim_for_room(struct store_thread *thread);

#endif
