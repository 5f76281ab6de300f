#include "config.h"

#include "tools/histogram.h"

#include <string.h>

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->counts[i] += other->counts[i];
    histogram->total += other->total;
    histogram->sum += other->sum;
    if (other->max > histogram->max)
        histogram->max = other->max;
}

/* The largest number that the bucket holds. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < HISTOGRAM_SUBS)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_SUBS - 1;
    uint64_t start = (uint64_t)(HISTOGRAM_SUBS + bucket % HISTOGRAM_SUBS) << shift;
    return start + ((uint64_t)1 << shift) - 1;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.5);
    uint64_t seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted)
            return bucket_end(i) < histogram->max ? bucket_end(i) : histogram->max;
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->total == 0 ? 0 : (double)histogram->sum / (double)histogram->total;
}
