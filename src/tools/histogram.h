#ifndef LARDER_HISTOGRAM_H
#define LARDER_HISTOGRAM_H

/*
 * Counts of times, exact to 1/64 of each, whatever their range: the buckets of an HDR histogram
 * (Gil Tene). Below 64 every number has a bucket of its own; above, each power of two has 64.
 *
 * Threads: one writer; add it to another histogram when that one is done.
 */

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUBS (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUBS)

struct histogram {
    uint64_t total; /* numbers recorded */
    uint64_t sum;
    uint64_t max; /* exact */
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, const struct histogram *other);

/* The number below or at which that share (0 to 1) of all lies; 0 if there are none. */
uint64_t histogram_at(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram);

static inline unsigned histogram_bucket(uint64_t number)
{
    if (number < HISTOGRAM_SUBS)
        return (unsigned)number;
    unsigned shift = 63 - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(number);
    return (shift + 1) * HISTOGRAM_SUBS + ((unsigned)(number >> shift) & (HISTOGRAM_SUBS - 1));
}

static inline void histogram_record(struct histogram *histogram, uint64_t number)
{
    histogram->counts[histogram_bucket(number)]++;
    histogram->total++;
    histogram->sum += number;
    if (number > histogram->max)
        histogram->max = number;
}

#endif
