#include "config.h"

#include "store/lane.h"

void lane_init(struct lane *lane, enum segment_queue queue)
{
    lane->queue = queue;
    atomic_init(&lane->open, SEGMENT_NONE);
    mutex_init(&lane->lock, LOCK_STORE_LANE);
}

void lane_end(struct lane *lane)
{
    mutex_end(&lane->lock);
}

static struct segment *segment_to_append(struct lane *lane, struct segments *segments)
{
    uint32_t open = lane_open_segment(lane);
    if (open == SEGMENT_NONE)
        return NULL;
    struct segment *segment = &segments->of[open];
    if (segment->generation != atomic_load_explicit(&segments->generation, memory_order_acquire))
        return NULL;
    return segment;
}

static char *entry_at(struct segments *segments, struct segment *segment, uint32_t offset)
{
    return segments->base + ((size_t)(segment - segments->of) << segments->shift) + offset;
}

uint32_t lane_room(const struct lane *lane, const struct segments *segments)
{
    uint32_t open = lane_open_segment(lane);
    if (open == SEGMENT_NONE)
        return 0;
    uint32_t written = atomic_load_explicit(&segments->of[open].written, memory_order_relaxed);
    return written > segments->size ? 0 : segments->size - written;
}

char *lane_append(struct lane *lane, struct segments *segments, uint32_t size)
{
    struct segment *segment = segment_to_append(lane, segments);
    if (segment == NULL ||
        atomic_load_explicit(&segment->written, memory_order_relaxed) > segments->size)
        return NULL;
    uint32_t at = atomic_fetch_add_explicit(&segment->written, size, memory_order_relaxed);
    if (at <= segments->size && segments->size - at >= size)
        return entry_at(segments, segment, at);
    /* The one append that crosses the end knows where the last entry ended. */
    if (at <= segments->size)
        atomic_store_explicit(&segment->used, at, memory_order_release);
    return NULL;
}

char *lane_append_some(struct lane *lane, struct segments *segments, uint32_t size_min,
                       uint32_t *size)
{
    struct segment *segment = segment_to_append(lane, segments);
    if (segment == NULL)
        return NULL;
    uint32_t at = atomic_load_explicit(&segment->written, memory_order_relaxed);
    uint32_t take;
    do {
        if (at > segments->size || segments->size - at < size_min)
            return NULL;
        take = segments->size - at < *size ? segments->size - at : *size;
    } while (!atomic_compare_exchange_weak_explicit(&segment->written, &at, at + take,
                                                    memory_order_relaxed, memory_order_relaxed));
    *size = take;
    return entry_at(segments, segment, at);
}

bool lane_change(struct lane *lane, struct segments *segments, uint32_t full, uint32_t reserve,
                 uint32_t now)
{
    bool changed = true;
    mutex_lock(&lane->lock);
    if (lane_open_segment(lane) == full) {
        uint32_t fresh = segments_open(segments, lane->queue, reserve, now);
        changed = fresh != SEGMENT_NONE;
        if (changed)
            atomic_store_explicit(&lane->open, fresh, memory_order_release);
        if (changed && full != SEGMENT_NONE)
            segments_seal(segments, full);
    }
    mutex_unlock(&lane->lock);
    return changed;
}
