#ifndef LARDER_SEGMENTS_H
#define LARDER_SEGMENTS_H

/*
 * The memory that items live in: one reserved range of addresses, cut into segments of one size,
 * and what is known of each segment, out of line.
 *
 * A segment goes round: void (no memory behind it) or free -> open (a lane appends to it) -> sealed
 * (full; in the queue, oldest first) -> emptying (every live entry is moved or dropped) -> waiting
 * (empty, but somebody may still read in it) -> free, or void when there are more than memory
 * allows.
 *
 * Threads: any. The lists stand under `lock`; the fields of a segment under the headings below.
 */

#include "base/check.h"
#include "base/mutex.h"
#include "store/epoch.h"
#include "store/item.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_NONE UINT32_MAX
#define SEGMENT_START 8 /* offset of the first entry: so that no entry has place 0 */

enum segment_state {
    SEGMENT_VOID,
    SEGMENT_FREE,
    SEGMENT_OPEN,
    SEGMENT_SEALED,
    SEGMENT_EMPTYING,
    SEGMENT_WAITING,
};

/* S3-FIFO's two queues: what comes in is on probation; what was used moves on to the main one. */
enum segment_queue { QUEUE_SMALL, QUEUE_MAIN, QUEUE_COUNT };

struct CACHE_ALIGNED segment {
    /* set when it is opened */
    uint64_t birth;      /* never reused: birth and offset are a cas unique */
    uint32_t generation; /* of flush_all: items of an older one than the store's are gone */
    uint32_t opened_at;  /* seconds since 1970 */
    enum segment_queue queue;

    /* any thread */
    _Atomic uint32_t written; /* offset of the next entry; past the end: full */
    _Atomic uint32_t dead;    /* bytes of entries that nobody can find any more */
    _Atomic uint32_t pins;    /* readers that hold bytes beyond their turn */
    _Atomic uint32_t fills;   /* values on their way in: it can't be emptied */
    _Atomic uint32_t used;    /* set when full: offset behind the last entry */

    /* under the segments' lock */
    enum segment_state state;
    uint32_t next;     /* in the list that `state` says */
    uint32_t previous; /* in the same */
    uint64_t stamp;    /* of being sealed, or of being emptied */
};

/*
 * When the bytes of a segment expire, as far as they are live and have a time-to-live: bin 0 within
 * 16 seconds of its opening, each further one within twice the time of the one before.
 */
#define EXPIRY_BINS 16

struct CACHE_ALIGNED segment_expiry {
    _Atomic uint32_t bytes[EXPIRY_BINS];
};

struct segment_list {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct segments {
    /* set once at creation */
    char *base;
    struct segment *of;            /* [count_max] */
    struct segment_expiry *expiry; /* [count_max] */
    struct epoch *epoch;
    size_t reserved_size;
    uint32_t size;      /* of one segment, bytes, a power of two */
    uint32_t shift;     /* log2 of size */
    uint32_t count_max; /* that the reserved range holds */

    /* any thread */
    _Atomic uint32_t allowed;    /* that may have memory behind them, now */
    _Atomic uint32_t generation; /* of flush_all */
    _Atomic uint32_t available;  /* free, waiting, or void and allowed: a hint */
    _Atomic bool owes;           /* some that are waiting are to be given back: a hint */

    /* under lock */
    struct mutex lock;
    struct segment_list free GUARDED_BY(lock);
    struct segment_list sealed[QUEUE_COUNT] GUARDED_BY(lock);
    struct segment_list waiting GUARDED_BY(lock);
    uint32_t resident GUARDED_BY(lock);   /* with memory behind them */
    uint32_t voids_from GUARDED_BY(lock); /* no segment below it is void */
    uint32_t reached GUARDED_BY(lock);    /* all from here on were never opened */

    /* any thread; not beside what every hit reads */
    _Atomic uint64_t births; /* the next one */
};

/* false: no address space or memory. size is a power of two. */
MUST_USE bool segments_init(struct segments *segments, struct epoch *epoch, uint32_t size,
                            uint32_t count_max);
void segments_end(struct segments *segments);

static inline char *segments_at(const struct segments *segments, uint64_t place)
{
    return segments->base + place * PLACE_UNIT;
}

static inline uint64_t segments_place(const struct segments *segments, const char *at)
{
    return (uint64_t)(at - segments->base) / PLACE_UNIT;
}

static inline struct segment *segments_of(const struct segments *segments, uint64_t place)
{
    return &segments->of[place * PLACE_UNIT >> segments->shift];
}

/* The least cas unique of a segment of that birth. */
static inline uint64_t segments_cas_of_birth(const struct segments *segments, uint64_t birth)
{
    return birth * (segments->size / PLACE_UNIT);
}

static inline uint64_t segments_cas(const struct segments *segments, uint64_t place)
{
    return segments_cas_of_birth(segments, segments_of(segments, place)->birth) +
           (place & (segments->size / PLACE_UNIT - 1));
}

/* One that is no place's, and larger than all until now: a birth without a segment. 0: `before`,
 * which it has to follow, is still larger, so it was never one of the store's. */
uint64_t segments_cas_after(struct segments *segments, uint64_t before);

/*
 * An open segment, or SEGMENT_NONE when none is free; at least `reserve` are then left. Collects
 * what was waiting and is not read any more. With SEGMENTS_BEYOND even one more than memory allows,
 * if all that were emptied before it have been given back.
 */
#define SEGMENTS_BEYOND UINT32_MAX
uint32_t segments_open(struct segments *segments, enum segment_queue queue, uint32_t reserve,
                       uint32_t now);

/* Nobody appends to it any more: the newest of its queue. */
void segments_seal(struct segments *segments, uint32_t index);

/* An entry with that exptime (0: nothing to do) has come to, or gone from, that place. */
void segments_expiry_add(struct segments *segments, uint64_t place, uint32_t exptime,
                         uint32_t size);
void segments_expiry_remove(struct segments *segments, uint64_t place, uint32_t exptime,
                            uint32_t size);

/* Bytes of live items whose time has passed, about. */
uint32_t segments_expired(const struct segments *segments, uint32_t index, uint32_t now);

/* Bytes of a segment that hold nothing: dead, expired (about), flushed, or never written. */
uint32_t segments_wasted(const struct segments *segments, uint32_t index, uint32_t now);

/*
 * Take a sealed segment out of its queue for emptying: the one of all that wastes most, if that is
 * at least wasted_min; or the oldest of a queue. SEGMENT_NONE: there is none in which no append,
 * fill or pin is still going on.
 */
uint32_t segments_take_wasteful(struct segments *segments, uint32_t wasted_min, uint32_t now);
uint32_t segments_take_oldest(struct segments *segments, enum segment_queue queue);

/*
 * The same for one that wastes at least wasted_min, of the next few from *cursor on, which moves
 * on: looks round all segments in small bites, for the price of a bite.
 */
uint32_t segments_take_spent(struct segments *segments, uint32_t *cursor, uint32_t wasted_min,
                             uint32_t now);

/* Sealed segments of a queue. */
uint32_t segments_queued(struct segments *segments, enum segment_queue queue);

/* It is empty; from now on it waits for those who read in it. */
void segments_emptied(struct segments *segments, uint32_t index);

/* Gives up emptying: it goes back to the queue. */
void segments_put_back(struct segments *segments, uint32_t index);

/* Whether room beyond `reserve` comes by itself as soon as every thread has passed a turn: nothing
 * then depends on a slow client's fill or pin. */
MUST_USE bool segments_will_come(struct segments *segments, uint32_t reserve);

/* How many were opened after it. */
uint64_t segments_opened_since(const struct segments *segments, uint32_t index);

/* Bytes of headers for so many segments. */
size_t segments_bookkeeping(size_t count);

/* Some are empty and come free as soon as every thread has passed a turn. */
MUST_USE bool segments_are_coming(struct segments *segments);

/* With memory behind them, or soon. */
uint32_t segments_resident(struct segments *segments);

/* How many more have memory than may, those not counted that come free by themselves. */
uint32_t segments_excess(struct segments *segments);

/* Gives back what was waiting, is not read any more and is more than may have memory. */
void segments_give_back(struct segments *segments);

static inline bool segments_owe(const struct segments *segments)
{
    return atomic_load_explicit(&((struct segments *)segments)->owes, memory_order_relaxed);
}

/* Changes how many may have memory; gives back what is free beyond that. */
void segments_allow(struct segments *segments, uint32_t allowed);

#endif
