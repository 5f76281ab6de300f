#include "config.h"

#include "store/segments.h"

#include <sys/mman.h>

static void list_init(struct segment_list *list)
{
    *list = (struct segment_list){.first = SEGMENT_NONE, .last = SEGMENT_NONE};
}

static void list_append(struct segments *segments, struct segment_list *list, uint32_t index,
                        enum segment_state state)
{
    segments->of[index].next = SEGMENT_NONE;
    segments->of[index].previous = list->last;
    segments->of[index].state = state;
    if (list->last == SEGMENT_NONE)
        list->first = index;
    else
        segments->of[list->last].next = index;
    list->last = index;
    list->count++;
}

static void list_remove(struct segments *segments, struct segment_list *list, uint32_t index)
{
    uint32_t next = segments->of[index].next;
    uint32_t previous = segments->of[index].previous;
    if (previous == SEGMENT_NONE)
        list->first = next;
    else
        segments->of[previous].next = next;
    if (next == SEGMENT_NONE)
        list->last = previous;
    else
        segments->of[next].previous = previous;
    list->count--;
}

/* Zeroes, and without memory behind them until they are written. */
static void *reserve_memory(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0);
}

static void give_up_memory(struct segments *segments)
{
    if (segments->base != MAP_FAILED)
        munmap(segments->base, segments->reserved_size);
    if ((void *)segments->of != MAP_FAILED)
        munmap(segments->of, segments->count_max * sizeof(struct segment));
    if ((void *)segments->expiry != MAP_FAILED)
        munmap(segments->expiry, segments->count_max * sizeof(struct segment_expiry));
}

size_t segments_bookkeeping(size_t count)
{
    return count * (sizeof(struct segment) + sizeof(struct segment_expiry));
}

bool segments_init(struct segments *segments, struct epoch *epoch, uint32_t size,
                   uint32_t count_max)
{
    *segments = (struct segments){.epoch = epoch, .size = size, .count_max = count_max};
    segments->shift = (uint32_t)__builtin_ctz(size);
    segments->reserved_size = (size_t)count_max << segments->shift;
    segments->base = reserve_memory(segments->reserved_size);
    segments->of = reserve_memory(count_max * sizeof(struct segment));
    segments->expiry = reserve_memory(count_max * sizeof(struct segment_expiry));
    if (segments->base == MAP_FAILED || (void *)segments->of == MAP_FAILED ||
        (void *)segments->expiry == MAP_FAILED) {
        give_up_memory(segments);
        return false;
    }
    /* A huge page would make memory resident that holds nothing yet. */
    (void)madvise(segments->base, segments->reserved_size, MADV_NOHUGEPAGE);
    mutex_init(&segments->lock, LOCK_STORE_SEGMENTS);
    mutex_lock(&segments->lock);
    list_init(&segments->free);
    list_init(&segments->sealed[QUEUE_SMALL]);
    list_init(&segments->sealed[QUEUE_MAIN]);
    list_init(&segments->waiting);
    mutex_unlock(&segments->lock);
    return true;
}

void segments_end(struct segments *segments)
{
    mutex_end(&segments->lock);
    give_up_memory(segments);
}

static uint32_t allowed(const struct segments *segments)
{
    return atomic_load_explicit(&((struct segments *)segments)->allowed, memory_order_relaxed);
}

/* That can be opened now. */
static uint32_t empty_locked(const struct segments *segments) REQUIRES(segments->lock)
{
    uint32_t most = allowed(segments);
    uint32_t fresh = most > segments->resident ? most - segments->resident : 0;
    return segments->free.count + fresh;
}

static void note_available_locked(struct segments *segments) REQUIRES(segments->lock)
{
    bool owes = segments->waiting.count > 0 && segments->resident > allowed(segments);
    atomic_store_explicit(&segments->available, empty_locked(segments) + segments->waiting.count,
                          memory_order_relaxed);
    atomic_store_explicit(&segments->owes, owes, memory_order_relaxed);
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
    uint32_t index = segments->waiting.first;
    while (index != SEGMENT_NONE) {
        struct segment *segment = &segments->of[index];
        uint32_t next = segment->next;
        if (!still_read(segments, segment)) {
            list_remove(segments, &segments->waiting, index);
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
    if (segments->reached <= index)
        segments->reached = index + 1;
    segments->resident++;
    return index;
}

static bool may_open_locked(struct segments *segments, uint32_t reserve) REQUIRES(segments->lock)
{
    if (reserve != SEGMENTS_BEYOND)
        return empty_locked(segments) > reserve;
    return empty_locked(segments) > 0 ||
           (segments->waiting.count == 0 && segments->resident < segments->count_max);
}

static uint32_t take_empty_locked(struct segments *segments, uint32_t reserve)
    REQUIRES(segments->lock)
{
    if (!may_open_locked(segments, reserve))
        return SEGMENT_NONE;
    if (segments->free.count == 0)
        return take_void_locked(segments);
    uint32_t index = segments->free.first;
    list_remove(segments, &segments->free, index);
    return index;
}

uint32_t segments_open(struct segments *segments, enum segment_queue queue, uint32_t reserve,
                       uint32_t now)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    uint32_t index = take_empty_locked(segments, reserve);
    if (index != SEGMENT_NONE) {
        struct segment *segment = &segments->of[index];
        segment->birth = atomic_fetch_add_explicit(&segments->births, 1, memory_order_relaxed);
        segment->generation = atomic_load_explicit(&segments->generation, memory_order_acquire);
        segment->opened_at = now;
        segment->queue = queue;
        segment->state = SEGMENT_OPEN;
        memset(&segments->expiry[index], 0, sizeof(segments->expiry[index]));
        atomic_store_explicit(&segment->dead, 0, memory_order_relaxed);
        atomic_store_explicit(&segment->used, 0, memory_order_relaxed);
        atomic_store_explicit(&segment->written, SEGMENT_START, memory_order_relaxed);
    }
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
    return index;
}

uint64_t segments_cas_after(struct segments *segments, uint64_t before)
{
    uint64_t births = atomic_load_explicit(&segments->births, memory_order_relaxed);
    if (before >= segments_cas_of_birth(segments, births))
        return 0;
    births = atomic_fetch_add_explicit(&segments->births, 1, memory_order_relaxed);
    return segments_cas_of_birth(segments, births);
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
    list_append(segments, &segments->sealed[segments->of[index].queue], index, SEGMENT_SEALED);
    mutex_unlock(&segments->lock);
}

static bool can_be_emptied(struct segments *segments, const struct segment *segment)
{
    /* In this order: whoever began to fill or pin did so before its turn ended. What is pinned
     * could be emptied, but would not be room. */
    return epoch_passed(segments->epoch, segment->stamp) &&
           atomic_load_explicit(&segment->fills, memory_order_acquire) == 0 &&
           atomic_load_explicit(&segment->pins, memory_order_acquire) == 0;
}

static unsigned expiry_bin(uint32_t seconds)
{
    unsigned log = seconds < 16 ? 3 : 31 - (unsigned)__builtin_clz(seconds);
    return log - 3 < EXPIRY_BINS ? log - 3 : EXPIRY_BINS - 1;
}

static _Atomic uint32_t *expiry_of(struct segments *segments, uint64_t place, uint32_t exptime)
{
    const struct segment *segment = segments_of(segments, place);
    uint32_t seconds = exptime > segment->opened_at ? exptime - segment->opened_at : 0;
    return &segments->expiry[segment - segments->of].bytes[expiry_bin(seconds)];
}

void segments_expiry_add(struct segments *segments, uint64_t place, uint32_t exptime, uint32_t size)
{
    if (exptime != 0)
        atomic_fetch_add_explicit(expiry_of(segments, place, exptime), size, memory_order_relaxed);
}

void segments_expiry_remove(struct segments *segments, uint64_t place, uint32_t exptime,
                            uint32_t size)
{
    if (exptime != 0)
        atomic_fetch_sub_explicit(expiry_of(segments, place, exptime), size, memory_order_relaxed);
}

/* Within the bin that is passing, as if its bytes expired evenly. */
uint32_t segments_expired(const struct segments *segments, uint32_t index, uint32_t now)
{
    uint32_t opened_at = segments->of[index].opened_at;
    uint32_t age = now > opened_at ? now - opened_at : 0;
    uint64_t sum = 0;
    for (unsigned bin = 0; bin < EXPIRY_BINS - 1; bin++) {
        uint32_t from = bin == 0 ? 0 : UINT32_C(8) << bin;
        uint32_t to = UINT32_C(16) << bin;
        uint32_t bytes =
            atomic_load_explicit(&segments->expiry[index].bytes[bin], memory_order_relaxed);
        if (age >= to)
            sum += bytes;
        else if (age > from)
            sum += (uint64_t)bytes * (age - from) / (to - from);
    }
    return (uint32_t)sum;
}

uint32_t segments_wasted(const struct segments *segments, uint32_t index, uint32_t now)
{
    const struct segment *segment = &segments->of[index];
    uint32_t used = atomic_load_explicit(&segment->used, memory_order_relaxed);
    bool flushed =
        segment->generation != atomic_load_explicit(&segments->generation, memory_order_relaxed);
    return flushed ? segments->size
                   : segments->size - used + segments_expired(segments, index, now) +
                         atomic_load_explicit(&segment->dead, memory_order_relaxed);
}

static void take_locked(struct segments *segments, uint32_t index) REQUIRES(segments->lock)
{
    struct segment *segment = &segments->of[index];
    list_remove(segments, &segments->sealed[segment->queue], index);
    segment->state = SEGMENT_EMPTYING;
}

uint32_t segments_take_wasteful(struct segments *segments, uint32_t wasted_min, uint32_t now)
{
    uint32_t best = SEGMENT_NONE, most = wasted_min;
    mutex_lock(&segments->lock);
    for (unsigned queue = 0; queue < QUEUE_COUNT; queue++) {
        for (uint32_t i = segments->sealed[queue].first; i != SEGMENT_NONE;
             i = segments->of[i].next) {
            uint32_t wasted = segments_wasted(segments, i, now);
            if (wasted >= most && can_be_emptied(segments, &segments->of[i])) {
                best = i;
                most = wasted + 1;
            }
        }
    }
    if (best != SEGMENT_NONE)
        take_locked(segments, best);
    mutex_unlock(&segments->lock);
    return best;
}

uint32_t segments_take_oldest(struct segments *segments, enum segment_queue queue)
{
    mutex_lock(&segments->lock);
    uint32_t index = segments->sealed[queue].first;
    while (index != SEGMENT_NONE && !can_be_emptied(segments, &segments->of[index]))
        index = segments->of[index].next;
    if (index != SEGMENT_NONE)
        take_locked(segments, index);
    mutex_unlock(&segments->lock);
    return index;
}

#define SPENT_BITE 32

uint32_t segments_take_spent(struct segments *segments, uint32_t *cursor, uint32_t wasted_min,
                             uint32_t now)
{
    uint32_t taken = SEGMENT_NONE;
    mutex_lock(&segments->lock);
    for (unsigned looked = 0; taken == SEGMENT_NONE && looked < SPENT_BITE; looked++) {
        uint32_t i = *cursor < segments->reached ? *cursor : 0;
        *cursor = i + 1;
        if (segments->of[i].state == SEGMENT_SEALED &&
            segments_wasted(segments, i, now) >= wasted_min &&
            can_be_emptied(segments, &segments->of[i]))
            taken = i;
    }
    if (taken != SEGMENT_NONE)
        take_locked(segments, taken);
    mutex_unlock(&segments->lock);
    return taken;
}

uint64_t segments_opened_since(const struct segments *segments, uint32_t index)
{
    return atomic_load_explicit(&((struct segments *)segments)->births, memory_order_relaxed) -
           segments->of[index].birth;
}

uint32_t segments_queued(struct segments *segments, enum segment_queue queue)
{
    mutex_lock(&segments->lock);
    uint32_t count = segments->sealed[queue].count;
    mutex_unlock(&segments->lock);
    return count;
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
    list_append(segments, &segments->sealed[segments->of[index].queue], index, SEGMENT_SEALED);
    mutex_unlock(&segments->lock);
}

static bool comes_soon(struct segments *segments, const struct segment *segment)
{
    return !epoch_passed(segments->epoch, segment->stamp) &&
           atomic_load_explicit(&segment->fills, memory_order_acquire) == 0 &&
           atomic_load_explicit(&segment->pins, memory_order_acquire) == 0;
}

bool segments_will_come(struct segments *segments, uint32_t reserve)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    bool soon = empty_locked(segments) > reserve;
    for (uint32_t i = segments->waiting.first; !soon && i != SEGMENT_NONE; i = segments->of[i].next)
        soon = comes_soon(segments, &segments->of[i]);
    for (unsigned queue = 0; queue < QUEUE_COUNT; queue++)
        for (uint32_t i = segments->sealed[queue].first; !soon && i != SEGMENT_NONE;
             i = segments->of[i].next)
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
        list_remove(segments, &segments->free, index);
        give_back_locked(segments, index);
    }
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
}

void segments_give_back(struct segments *segments)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    note_available_locked(segments);
    mutex_unlock(&segments->lock);
}

bool segments_are_coming(struct segments *segments)
{
    bool coming = false;
    mutex_lock(&segments->lock);
    for (uint32_t i = segments->waiting.first; !coming && i != SEGMENT_NONE;
         i = segments->of[i].next)
        coming = atomic_load_explicit(&segments->of[i].pins, memory_order_acquire) == 0;
    mutex_unlock(&segments->lock);
    return coming;
}

uint32_t segments_resident(struct segments *segments)
{
    mutex_lock(&segments->lock);
    uint32_t resident = segments->resident;
    uint32_t most = allowed(segments);
    mutex_unlock(&segments->lock);
    return resident > most ? resident : most;
}

uint32_t segments_excess(struct segments *segments)
{
    mutex_lock(&segments->lock);
    collect_locked(segments);
    note_available_locked(segments);
    uint32_t most = allowed(segments);
    uint32_t staying = segments->resident;
    for (uint32_t i = segments->waiting.first; i != SEGMENT_NONE; i = segments->of[i].next)
        staying -= comes_soon(segments, &segments->of[i]);
    mutex_unlock(&segments->lock);
    return staying > most ? staying - most : 0;
}
