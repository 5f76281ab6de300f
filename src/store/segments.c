#include "config.h"

#include "store/segments.h"

#include <stdlib.h>
#include <sys/mman.h>

static void list_init(struct segment_list *list)
{
    *list = (struct segment_list){.first = SEGMENT_NONE, .last = SEGMENT_NONE};
}

static void list_append(struct segments *segments, struct segment_list *list, uint32_t index,
                        enum segment_state state)
{
    segments->of[index].next = SEGMENT_NONE;
    segments->of[index].state = state;
    if (list->last == SEGMENT_NONE)
        list->first = index;
    else
        segments->of[list->last].next = index;
    list->last = index;
    list->count++;
}

/* Takes out `index`, which follows `before` (SEGMENT_NONE: it is the first). */
static void list_remove(struct segments *segments, struct segment_list *list, uint32_t before,
                        uint32_t index)
{
    uint32_t next = segments->of[index].next;
    if (before == SEGMENT_NONE)
        list->first = next;
    else
        segments->of[before].next = next;
    if (list->last == index)
        list->last = before;
    list->count--;
}

bool segments_init(struct segments *segments, struct epoch *epoch, uint32_t size,
                   uint32_t count_max)
{
    *segments = (struct segments){.epoch = epoch, .size = size, .count_max = count_max};
    segments->shift = (uint32_t)__builtin_ctz(size);
    segments->reserved_size = (size_t)count_max << segments->shift;
    segments->base = mmap(NULL, segments->reserved_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (segments->base == MAP_FAILED)
        return false;
    /* A huge page would make memory resident that holds nothing yet. */
    (void)madvise(segments->base, segments->reserved_size, MADV_NOHUGEPAGE);
    segments->of = aligned_alloc(CACHE_LINE, count_max * sizeof(struct segment));
    if (segments->of == NULL) {
        munmap(segments->base, segments->reserved_size);
        return false;
    }
    memset(segments->of, 0, count_max * sizeof(struct segment));
    mutex_init(&segments->lock, LOCK_STORE_SEGMENTS);
    mutex_lock(&segments->lock);
    list_init(&segments->free);
    list_init(&segments->sealed);
    list_init(&segments->waiting);
    mutex_unlock(&segments->lock);
    return true;
}

void segments_end(struct segments *segments)
{
    mutex_end(&segments->lock);
    free(segments->of);
    munmap(segments->base, segments->reserved_size);
}

static uint32_t allowed(struct segments *segments)
{
    return atomic_load_explicit(&segments->allowed, memory_order_relaxed);
}

static void note_available_locked(struct segments *segments) REQUIRES(segments->lock)
{
    uint32_t most = allowed(segments);
    uint32_t fresh = most > segments->resident ? most - segments->resident : 0;
    atomic_store_explicit(&segments->available,
                          segments->free.count + fresh + segments->waiting.count,
                          memory_order_relaxed);
}

static void give_back_locked(struct segments *segments, uint32_t index) REQUIRES(segments->lock)
{
    (void)madvise(segments->base + ((size_t)index << segments->shift), segments->size,
                  MADV_DONTNEED);
    segments->of[index].state = SEGMENT_VOID;
    segments->resident--;
    if (index < segments->voids_from)
        segments->voids_from = index;
}

static bool still_read(struct segments *segments, const struct segment *segment)
{
    /* In this order: whoever pinned did so before its turn ended. */
    return !epoch_passed(segments->epoch, segment->stamp) ||
           atomic_load_explicit(&segment->pins, memory_order_acquire) != 0;
}

/* Moves what nobody reads any more from waiting to free, or gives it back. */
static void collect_locked(struct segments *segments) REQUIRES(segments->lock)
{
    uint32_t before = SEGMENT_NONE;
    uint32_t index = segments->waiting.first;
    while (index != SEGMENT_NONE) {
        struct segment *segment = &segments->of[index];
        uint32_t next = segment->next;
        if (still_read(segments, segment)) {
            before = index;
        } else {
            list_remove(segments, &segments->waiting, before, index);
            if (segments->resident > allowed(segments))
                give_back_locked(segments, index);
            else
                list_append(segments, &segments->free, index, SEGMENT_FREE);
        }
        index = next;
    }
}

static uint32_t take_void_locked(struct segments *segments) REQUIRES(segments->lock)
{
    uint32_t index = segments->voids_from;
    while (index < segments->count_max && segments->of[index].state != SEGMENT_VOID)
        index++;
    CHECK(index < segments->count_max);
    segments->voids_from = index + 1;
    segments->resident++;
    return index;
}

static uint32_t take_empty_locked(struct segments *segments, uint32_t reserve)
    REQUIRES(segments->lock)
{
    uint32_t most = allowed(segments);
    uint32_t fresh = most > segments->resident ? most - segments->resident : 0;
    if (segments->free.count + fresh <= reserve)
        return SEGMENT_NONE;
    if (segments->free.count == 0)
        return take_void_locked(segments);
    uint32_t index = segments->free.first;
    list_remove(segments, &segments->free, SEGMENT_NONE, index);
    return index;
}

uint32_t segments_open(struct segments *segments, uint32_t reserve, uint32_t now)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    uint32_t index = take_empty_locked(segments, reserve);
    if (index != SEGMENT_NONE) {
        struct segment *segment = &segments->of[index];
        segment->birth = ++segments->births;
        segment->generation = atomic_load_explicit(&segments->generation, memory_order_acquire);
        segment->opened_at = now;
        segment->state = SEGMENT_OPEN;
        atomic_store_explicit(&segment->dead, 0, memory_order_relaxed);
        atomic_store_explicit(&segment->used, 0, memory_order_relaxed);
        atomic_store_explicit(&segment->written, SEGMENT_START, memory_order_relaxed);
    }
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
    return index;
}

void segments_seal(struct segments *segments, uint32_t index)
{
    struct segment *segment = &segments->of[index];
    uint32_t end = atomic_exchange_explicit(&segment->written, segments->size + PLACE_UNIT,
                                            memory_order_acq_rel);
    /* Past the end already: the append that crossed it has written `used`, or will in its turn. */
    if (end <= segments->size)
        atomic_store_explicit(&segment->used, end, memory_order_release);
    mutex_lock(&segments->lock);
    segment->stamp = epoch_stamp(segments->epoch);
    list_append(segments, &segments->sealed, index, SEGMENT_SEALED);
    mutex_unlock(&segments->lock);
}

static bool can_be_emptied(struct segments *segments, const struct segment *segment)
{
    /* In this order: whoever began to fill or pin did so before its turn ended. What is pinned could be
     * emptied, but would not be room. */
    return epoch_passed(segments->epoch, segment->stamp) &&
           atomic_load_explicit(&segment->fills, memory_order_acquire) == 0 &&
           atomic_load_explicit(&segment->pins, memory_order_acquire) == 0;
}

static uint32_t wasted_in(const struct segments *segments, const struct segment *segment)
{
    uint32_t used = atomic_load_explicit(&segment->used, memory_order_relaxed);
    bool flushed = segment->generation !=
                   atomic_load_explicit(&segments->generation, memory_order_relaxed);
    return flushed ? segments->size
                   : segments->size - used +
                         atomic_load_explicit(&segment->dead, memory_order_relaxed);
}

uint32_t segments_take_victim(struct segments *segments, uint32_t wasted_min)
{
    uint32_t best = SEGMENT_NONE, before_best = SEGMENT_NONE, most = 0;
    mutex_lock(&segments->lock);
    uint32_t before = SEGMENT_NONE;
    for (uint32_t i = segments->sealed.first; i != SEGMENT_NONE; i = segments->of[i].next) {
        uint32_t wasted = wasted_in(segments, &segments->of[i]);
        bool better = best == SEGMENT_NONE || (wasted_min > 0 && wasted > most);
        if (wasted >= wasted_min && better && can_be_emptied(segments, &segments->of[i])) {
            best = i;
            before_best = before;
            most = wasted;
            if (wasted_min == 0)
                break;
        }
        before = i;
    }
    if (best != SEGMENT_NONE) {
        list_remove(segments, &segments->sealed, before_best, best);
        segments->of[best].state = SEGMENT_EMPTYING;
    }
    mutex_unlock(&segments->lock);
    return best;
}

void segments_emptied(struct segments *segments, uint32_t index)
{
    mutex_lock(&segments->lock);
    segments->of[index].stamp = epoch_stamp(segments->epoch);
    list_append(segments, &segments->waiting, index, SEGMENT_WAITING);
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
}

void segments_put_back(struct segments *segments, uint32_t index)
{
    mutex_lock(&segments->lock);
    list_append(segments, &segments->sealed, index, SEGMENT_SEALED);
    mutex_unlock(&segments->lock);
}

static bool comes_soon(struct segments *segments, const struct segment *segment)
{
    return !epoch_passed(segments->epoch, segment->stamp) &&
           atomic_load_explicit(&segment->fills, memory_order_acquire) == 0 &&
           atomic_load_explicit(&segment->pins, memory_order_acquire) == 0;
}

bool segments_will_come(struct segments *segments)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    bool soon = segments->free.count > 0;
    for (uint32_t i = segments->waiting.first; !soon && i != SEGMENT_NONE; i = segments->of[i].next)
        soon = comes_soon(segments, &segments->of[i]);
    for (uint32_t i = segments->sealed.first; !soon && i != SEGMENT_NONE; i = segments->of[i].next)
        soon = comes_soon(segments, &segments->of[i]);
    mutex_unlock(&segments->lock);
    return soon;
}

void segments_allow(struct segments *segments, uint32_t most)
{
    if (most > segments->count_max)
        most = segments->count_max;
    mutex_lock(&segments->lock);
    atomic_store_explicit(&segments->allowed, most, memory_order_relaxed);
    while (segments->resident > most && segments->free.count > 0) {
        uint32_t index = segments->free.first;
        list_remove(segments, &segments->free, SEGMENT_NONE, index);
        give_back_locked(segments, index);
    }
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
}
