#ifndef LARDER_TIME_HISTOGRAM_H
#define LARDER_TIME_HISTOGRAM_H

/*
 * Counts of times, exact to 1/16 of each from 125 nanoseconds to a minute: the log-linear buckets
 * of an HDR histogram (Gil Tene). The unit is an eighth of a microsecond; below 16 units each has a
 * bucket of its own, above, each power of two has 16.
 *
 * Threads: a struct time_counters is written by its owner and read by any thread; a struct
 * time_histogram is what one thread has read.
 */

#include "base/counter.h"

#define TIME_UNIT 125 /* nanoseconds */
#define TIME_SUB_BITS 4
#define TIME_SUBS (1u << TIME_SUB_BITS)
#define TIME_OCTAVES 25 /* beyond the first 16 units; longer times count in the last bucket */
#define TIME_BUCKETS ((TIME_OCTAVES + 1) * TIME_SUBS)

struct time_counters {
    struct counter nanoseconds; /* the sum of all */
    struct counter longest;     /* nanoseconds, exact */
    struct counter buckets[TIME_BUCKETS];
};

struct time_histogram {
    uint64_t count;
    uint64_t nanoseconds;
    uint64_t longest;
    uint64_t buckets[TIME_BUCKETS];
};

/* `count` times of so many nanoseconds. */
void time_counters_add(struct time_counters *counters, uint64_t nanoseconds, uint64_t count);
void time_counters_clear(struct time_counters *counters);

/* Adds what was counted. */
void time_histogram_add(struct time_histogram *histogram, const struct time_counters *counters);

/* What came since `before`, an earlier reading of the same; `longest` stays. Where the counters
 * were cleared meanwhile: everything. */
void time_histogram_subtract(struct time_histogram *histogram, const struct time_histogram *before);

/* Nanoseconds below or at which that share (0 to 1) of all lies; 0 if there are none. */
uint64_t time_histogram_at(const struct time_histogram *histogram, double share);

/* How many took less than 2 to the power `octave` microseconds. */
uint64_t time_histogram_below(const struct time_histogram *histogram, unsigned octave);

#endif
