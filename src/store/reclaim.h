#ifndef LARDER_RECLAIM_H
#define LARDER_RECLAIM_H

/*
 * Making room: one sealed segment at a time is gone through, its live items are moved to the young
 * end of the main queue or dropped, and it is empty.
 *
 * Which one, and what stays:
 *   1. the segment that wastes most (dead, expired, flushed or never written bytes), if that is
 * more than a quarter: everything live moves (compaction), or, of an old one, what was used;
 *   2. else, if eviction is allowed, the oldest of the probationary queue while that has more than
 * a tenth of the segments, or the oldest of the main queue: what is worth it moves (store/worth.h);
 * the rest is dropped, and remembered as a ghost if nobody ever read it. A key that comes back as a
 * ghost is stored in the main queue.
 *
 * The queues are those of S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
 * SOSP 2023), over the segments of a log, with items weighed by their size.
 *
 * While memory is not full, the same hands use segments again that have all but nothing left in
 * them, before new ones: memory that was never touched is dear (a page fault for each page), and
 * what is not needed stays with the system.
 *
 * It is done in steps of a few dozen entries by the threads that write, before room is needed, and
 * as a whole only when none is left. What is moved is bounded against what is won, so that it ends.
 *
 * Threads: any; `lock` admits one at a time.
 */

#include "base/mutex.h"
#include "store/lane.h"
#include "store/worth.h"

struct store_thread;

/* What of a victim stays. */
enum reclaim_keep { KEEP_LIVE, KEEP_USED, KEEP_WORTHY, KEEP_NOTHING };

struct reclaim {
    struct lane lane;         /* where what stays is appended */
    _Atomic bool has_victim;  /* a hint, beside `victim` */
    _Atomic bool looks_spent; /* a segment was opened: time to look for one that is spent */

    _Atomic uint64_t worth_least; /* worth.least, for reports */

    /* under lock */
    struct mutex lock;
    struct worth worth GUARDED_BY(lock);
    uint32_t victim GUARDED_BY(lock); /* SEGMENT_NONE: none is chosen */
    uint32_t offset GUARDED_BY(lock); /* of the next entry to look at */
    uint32_t cursor GUARDED_BY(lock); /* of the search for spent segments */
    enum reclaim_keep keep GUARDED_BY(lock);
    uint64_t kept_bytes GUARDED_BY(lock); /* of this victim */
    uint64_t seen_items GUARDED_BY(lock); /* of this victim, live */
    uint64_t seen_bytes GUARDED_BY(lock);
    bool starved GUARDED_BY(lock);   /* what was to be moved had nowhere to go */
    uint64_t won GUARDED_BY(lock);   /* bytes of segments emptied, and ... */
    uint64_t moved GUARDED_BY(lock); /* ... bytes moved to, since a whole segment was last won */
};

void reclaim_init(struct reclaim *reclaim, const struct store_config *config);
void reclaim_end(struct reclaim *reclaim);

/* A segment was opened. */
void reclaim_note_opened(struct reclaim *reclaim);

/* A small step when there is work and nobody else is at it. Called by every write. */
void reclaim_pace(struct store_thread *thread);

/*
 * Empties a segment, or waits a moment for those who do or who still read in one. false: there is
 * no more room to be made. The caller has just passed its turn and holds nothing.
 */
MUST_USE bool reclaim_for_room(struct store_thread *thread);

#endif
