/* Looking at the store: sums of the threads' counters, and gauges. */

#include "config.h"

#include "store/store_state.h"

static void add_counters(struct store_stats *sums, const struct store_counters *counters)
{
#define STORE_COUNTER(name, text) sums->name += counter_read(&counters->name);
#include "store/store_stats.def"
#undef STORE_COUNTER
}

static void sum_locked(struct store *store, struct store_stats *sums) REQUIRES(store->threads_lock)
{
    *sums = (struct store_stats){0};
    for (struct store_thread *thread = store->threads; thread != NULL; thread = thread->next)
        add_counters(sums, &thread->counters);
}

void store_stats_read(struct store *store, struct store_stats *stats)
{
    mutex_lock(&store->threads_lock);
    sum_locked(store, stats);
#define STORE_COUNTER(name, text) stats->name -= store->reset_at.name;
#include "store/store_stats.def"
#undef STORE_COUNTER
    mutex_unlock(&store->threads_lock);
}

void store_stats_reset(struct store *store)
{
    mutex_lock(&store->threads_lock);
    sum_locked(store, &store->reset_at);
    store->reset_at.curr_items = 0;
    store->reset_at.bytes = 0;
    mutex_unlock(&store->threads_lock);
}

static unsigned age_step(uint32_t age)
{
    unsigned step = 0;
    while (step < STORE_AGES - 1 && age >> step != 0)
        step++;
    return step;
}

static void report_segment_locked(struct segments *segments, uint32_t index, uint32_t now,
                                  struct store_report *report) REQUIRES(segments->lock)
{
    const struct segment *segment = &segments->of[index];
    uint64_t dead = atomic_load_explicit(&segment->dead, memory_order_relaxed);
    uint64_t expired = segments_expired(segments, index, now);
    uint64_t written = atomic_load_explicit(&segment->written, memory_order_relaxed);
    if (segment->state == SEGMENT_SEALED)
        written = atomic_load_explicit(&segment->used, memory_order_relaxed);
    if (written > segments->size)
        written = segments->size;
    report->dead_bytes += dead;
    report->expired_bytes += expired;
    report->unused_bytes += segments->size - written;
    uint64_t live = written > dead + expired ? written - dead - expired : 0;
    uint32_t age = now > segment->opened_at ? now - segment->opened_at : 0;
    report->live_bytes += live;
    report->age_bytes[age_step(age)] += live;
    if (age > report->oldest_age)
        report->oldest_age = age;
}

#define SEGMENTS_PER_LOOK 256 /* then those who write may take the lock */

static void report_segments(struct store *store, uint32_t now, struct store_report *report)
{
    struct segments *segments = &store->segments;
    mutex_lock(&segments->lock);
    report->segments_free = segments->free.count;
    report->segments_waiting = segments->waiting.count;
    report->segments_small = segments->sealed[QUEUE_SMALL].count;
    report->segments_main = segments->sealed[QUEUE_MAIN].count;
    report->segments_used = segments->resident - segments->free.count;
    for (uint32_t i = 0; i < segments->reached; i++) {
        if (segments->of[i].state == SEGMENT_OPEN || segments->of[i].state == SEGMENT_SEALED)
            report_segment_locked(segments, i, now, report);
        if (i % SEGMENTS_PER_LOOK == SEGMENTS_PER_LOOK - 1) {
            mutex_unlock(&segments->lock);
            mutex_lock(&segments->lock);
        }
    }
    mutex_unlock(&segments->lock);
}

static uint64_t longest_stall(struct store *store)
{
    uint64_t longest = 0;
    mutex_lock(&store->threads_lock);
    for (struct store_thread *thread = store->threads; thread != NULL; thread = thread->next)
        if (counter_read(&thread->longest_stall) > longest)
            longest = counter_read(&thread->longest_stall);
    mutex_unlock(&store->threads_lock);
    return longest;
}

void store_report_read(struct store *store, uint32_t now, struct store_report *report)
{
    *report = (struct store_report){
        .memory_limit = atomic_load_explicit(&store->memory_size, memory_order_relaxed),
        .segment_size = store->segments.size,
        .segments_max = atomic_load_explicit(&store->segments.allowed, memory_order_relaxed),
        .ghost_bytes = ghosts_bytes(index_lines(&store->index)),
        .worth_least = atomic_load_explicit(&store->reclaim.worth_least, memory_order_relaxed) *
                       1000 / WORTH_HIT,
        .curve_bytes = store->curve.memory_bytes,
        .other_bytes = atomic_load_explicit(&store->other_bytes, memory_order_relaxed),
        .longest_stall = longest_stall(store),
        .index_bytes = index_bytes(&store->index),
        .index_lines = index_lines(&store->index),
        .index_entries = index_entries(&store->index),
        .index_growing = index_is_growing(&store->index),
    };
    report_segments(store, now, report);
}

#define WALK_HOMES_MAX 4096 /* in one step, however empty they are */

/* A unique that a walk shows does not mark the slot: then a move may give the item another. But a
 * counter that kept the one it was shown with would be counted on behind it. */
static bool fill_walked(struct store_thread *thread, const struct item_view *view, uint64_t slot,
                        struct store_item *item)
{
    unsigned want = STORE_PEEK | STORE_WANT_CAS | STORE_WANT_IDLE;
    if (store_item_state(thread, view) != STORE_HIT)
        return false;
    if (view->counter) {
        struct store_key key = store_key_of(view->key, view->key_size);
        return store_get(thread, &key, want, item) == STORE_HIT;
    }
    store_item_fill(thread, view, slot, want, item);
    return true;
}

static unsigned walk_home(struct store_thread *thread, size_t home,
                          void (*visit)(void *context, struct slice key,
                                        const struct store_item *item),
                          void *context)
{
    struct store *store = thread->store;
    uint64_t slots[INDEX_HOME_SLOTS_MAX];
    unsigned visited = 0;
    unsigned count = index_home_slots(&store->index, home, slots);
    for (unsigned i = 0; i < count; i++) {
        struct item_view view = item_read(segments_at(&store->segments, slot_place(slots[i])));
        struct store_item item;
        if (!fill_walked(thread, &view, slots[i], &item))
            continue;
        visit(context, (struct slice){view.key, view.key_size}, &item);
        visited++;
    }
    return visited;
}

bool store_walk(struct store_thread *thread, size_t *cursor, size_t items_max,
                void (*visit)(void *context, struct slice key, const struct store_item *item),
                void *context)
{
    const struct index *index = &thread->store->index;
    size_t visited = 0;
    for (unsigned homes = 0; *cursor < index_homes_end(index); homes++) {
        if (visited >= items_max || homes == WALK_HOMES_MAX)
            return true;
        visited += walk_home(thread, (*cursor)++, visit, context);
    }
    return false;
}
