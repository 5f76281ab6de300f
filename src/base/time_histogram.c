#include "config.h"

#include "base/time_histogram.h"

#include <string.h>

static unsigned bucket_of(uint64_t units)
{
    if (units < TIME_SUBS)
        return (unsigned)units;
    unsigned shift = 63 - TIME_SUB_BITS - (unsigned)__builtin_clzll(units);
    unsigned bucket = (shift + 1) * TIME_SUBS + ((unsigned)(units >> shift) & (TIME_SUBS - 1));
    return bucket < TIME_BUCKETS ? bucket : TIME_BUCKETS - 1;
}

/* Nanoseconds, the first that the bucket does not hold; the last holds all that is longer. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket == TIME_BUCKETS - 1)
        return UINT64_MAX;
    if (bucket < TIME_SUBS)
        return (uint64_t)(bucket + 1) * TIME_UNIT;
    unsigned shift = bucket / TIME_SUBS - 1;
    return (uint64_t)(TIME_SUBS + bucket % TIME_SUBS + 1) * TIME_UNIT << shift;
}

void time_counters_add(struct time_counters *counters, uint64_t nanoseconds, uint64_t count)
{
    counter_add(&counters->buckets[bucket_of(nanoseconds / TIME_UNIT)], count);
    counter_add(&counters->nanoseconds, nanoseconds * count);
    if (nanoseconds > counter_read(&counters->longest))
        counter_set(&counters->longest, nanoseconds);
}

void time_counters_clear(struct time_counters *counters)
{
    for (unsigned i = 0; i < TIME_BUCKETS; i++)
        counter_set(&counters->buckets[i], 0);
    counter_set(&counters->nanoseconds, 0);
    counter_set(&counters->longest, 0);
}

void time_histogram_add(struct time_histogram *histogram, const struct time_counters *counters)
{
    for (unsigned i = 0; i < TIME_BUCKETS; i++) {
        uint64_t count = counter_read(&counters->buckets[i]);
        histogram->buckets[i] += count;
        histogram->count += count;
    }
    histogram->nanoseconds += counter_read(&counters->nanoseconds);
    uint64_t longest = counter_read(&counters->longest);
    if (longest > histogram->longest)
        histogram->longest = longest;
}

void time_histogram_subtract(struct time_histogram *histogram, const struct time_histogram *before)
{
    if (histogram->count < before->count || histogram->nanoseconds < before->nanoseconds)
        return;
    histogram->count = 0;
    histogram->nanoseconds -= before->nanoseconds;
    for (unsigned i = 0; i < TIME_BUCKETS; i++) {
        uint64_t earlier = before->buckets[i];
        histogram->buckets[i] -= earlier < histogram->buckets[i] ? earlier : histogram->buckets[i];
        histogram->count += histogram->buckets[i];
    }
}

uint64_t time_histogram_at(const struct time_histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.5);
    uint64_t seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < TIME_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted)
            return bucket_end(i) < histogram->longest ? bucket_end(i) : histogram->longest;
    }
    return histogram->longest;
}

/* A microsecond is 8 units, and each power of two begins a bucket. */
uint64_t time_histogram_below(const struct time_histogram *histogram, unsigned octave)
{
    unsigned end = bucket_of((uint64_t)8 << octave);
    uint64_t below = 0;
    for (unsigned i = 0; i < end; i++)
        below += histogram->buckets[i];
    return below;
}
