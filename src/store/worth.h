#ifndef LARDER_WORTH_H
#define LARDER_WORTH_H

/*
 * What stays when a segment is emptied to make room: the policy beside the mechanism of
 * store/reclaim.h. An item stays if the hits that are expected of it, for each of its bytes and
 * against those of an item of mean size, reach a threshold. There are two rules.
 *
 * s3fifo: as many hits are expected as it had since it came to where it is; an item that is moved
 * begins at none. After each victim of the main queue the threshold goes up or down, so that about
 * two fifths of their bytes stay.
 *
 * learned: what is expected is what items like it had, when some of those that stayed were looked
 * at again. Items are alike if they are of the same class: the queue, the hits, and the size
 * against the mean. An item that is moved carries half of its hits along, so that a count tells of
 * the past too, the nearer the more. Of those that would go one in 128 stays by lot, or nothing
 * would ever be learned of their classes. Of an item that expires before it is likely to be looked
 * at again, less is expected.
 *
 * Its threshold is what the items at the old end of the main queue are worth on average: to keep
 * one that is worth less costs others more than it brings, for all are dropped the sooner. Each
 * victim of the probationary queue lowers it a little: those are taken while the main queue has
 * room.
 *
 * The idea to estimate hits by class and to weigh them against the room that an item takes is that
 * of LHD (Beckmann, Chen and Cidon, "LHD: improving cache hit rate by maximizing hit density", NSDI
 * 2018); the queues are those of S3-FIFO (Yang et al., SOSP 2023).
 *
 * Threads: one at a time; the caller has the lock.
 */

#include "base/check.h"
#include "store/segments.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define WORTH_HIT 65536 /* what one hit to an item of mean size is worth */
#define WORTH_HITS 8    /* 0 to SLOT_HITS_MAX */
#define WORTH_SIZES 4   /* below half the mean, below it, below twice, and above */
#define WORTH_CLASSES (QUEUE_COUNT * WORTH_HITS * WORTH_SIZES)
#define WORTH_SAMPLES 4096

/* What is known of an item that may have to go. */
struct worth_item {
    uint64_t hash;
    uint64_t size;         /* bytes */
    uint32_t seconds_left; /* to live; 0: its time has passed; WORTH_FOREVER */
    enum segment_queue queue;
    unsigned hits; /* of its slot */
};

#define WORTH_FOREVER UINT32_MAX

/* A segment that was gone through. */
struct worth_victim {
    enum segment_queue queue;
    uint32_t age; /* seconds since it was opened */
    uint64_t segment_size;
    uint64_t kept_bytes;
    uint64_t items, bytes; /* that lived in it */
};

/* An item that stayed, until it is looked at again. */
struct worth_sample {
    uint32_t name; /* of its hash; 0: none */
    uint16_t class;
    uint8_t carried; /* hits */
    uint8_t round;   /* in which it stayed */
};

struct worth {
    enum store_eviction rule;
    uint64_t least;      /* the threshold */
    uint64_t mean_size;  /* bytes, of the items seen in victims */
    uint64_t stay;       /* seconds between two looks at an item of the main queue, about */
    uint64_t lot;        /* random */
    uint64_t main_worth; /* of the items in this victim, if it is of the main queue ... */
    uint64_t main_size;  /* ... and their bytes */
    uint64_t memory_size;
    uint64_t round_bytes; /* of victims, since the round began: a round is all of memory */
    uint8_t round;
    uint32_t expected[WORTH_CLASSES];
    struct worth_sample samples[WORTH_SAMPLES];
};

enum worth_verdict { WORTH_GOES, WORTH_STAYS, WORTH_STAYS_BY_LOT };

void worth_init(struct worth *worth, enum store_eviction rule, uint64_t memory_size);

/* Each item of a victim, also one whose time has passed. true: something was learned of a class. */
bool worth_see(struct worth *worth, const struct worth_item *item);

enum worth_verdict worth_judge(struct worth *worth, const struct worth_item *item);

/* The hits that an item which stays has from then on. */
unsigned worth_carried(const struct worth *worth, unsigned hits);

void worth_end_victim(struct worth *worth, const struct worth_victim *victim);

#endif
