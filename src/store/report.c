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

static void report_segments(struct store *store, uint32_t now, struct store_report *report)
{
    struct segments *segments = &store->segments;
    uint32_t oldest = now;
    mutex_lock(&segments->lock);
    report->segments_free = segments->free.count;
    report->segments_waiting = segments->waiting.count;
    report->segments_used = segments->resident - segments->free.count;
    for (uint32_t i = 0; i < segments->count_max; i++) {
        const struct segment *segment = &segments->of[i];
        if (segment->state != SEGMENT_OPEN && segment->state != SEGMENT_SEALED)
            continue;
        report->dead_bytes += atomic_load_explicit(&segment->dead, memory_order_relaxed);
        oldest = segment->opened_at < oldest ? segment->opened_at : oldest;
    }
    mutex_unlock(&segments->lock);
    report->oldest_age = now - oldest;
}

void store_report_read(struct store *store, uint32_t now, struct store_report *report)
{
    *report = (struct store_report){
        .memory_limit = atomic_load_explicit(&store->memory_size, memory_order_relaxed),
        .segment_size = store->segments.size,
        .segments_max = atomic_load_explicit(&store->segments.allowed, memory_order_relaxed),
        .index_bytes = index_bytes(&store->index),
        .index_lines = index_lines(&store->index),
        .index_growing = index_is_growing(&store->index),
    };
    report_segments(store, now, report);
}

#define WALK_HOMES_MAX 4096 /* in one step, however empty they are */

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
        if (store_item_state(thread, &view) != STORE_HIT)
            continue;
        store_item_fill(store, &view, STORE_WANT_CAS, &item);
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
