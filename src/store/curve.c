#include "config.h"

#include "store/curve.h"

#include "store/store_state.h"

#define ITEM_FINDING_BYTES 14 /* of index and ghosts, for each item, about */
#define PLAYS_PER_LOOK 64     /* at how full the store is */
#define LIVE_PERCENT_MIN 80   /* of the bytes of segments in use */

/* No hash but 0 is looked at: that costs nothing beyond the comparison. */
#define NO_KEY UINT64_MAX

void curve_init(struct curve *curve, bool wanted, size_t memory_size)
{
    size_t bytes = memory_size / CURVE_MEMORY_SHARE;
    mutex_init(&curve->lock, LOCK_STORE_CURVE);
    curve->on = wanted && miniatures_init(&curve->miniatures, bytes);
    curve->memory_bytes = curve->on ? bytes : 0;
    atomic_init(&curve->mask, curve->on ? miniature_mask(MINIATURE_SHIFT_MIN) : NO_KEY);
}

void curve_end(struct curve *curve)
{
    if (curve->on)
        miniatures_end(&curve->miniatures);
    mutex_end(&curve->lock);
}

/* --- how much memory a store of another size would have ------------------------------------- */

static uint64_t bytes_of_items(struct store *store)
{
    uint64_t bytes = 0;
    mutex_lock(&store->threads_lock);
    for (const struct store_thread *thread = store->threads; thread != NULL; thread = thread->next)
        bytes += counter_read(&thread->counters.bytes);
    mutex_unlock(&store->threads_lock);
    return bytes;
}

/* What of the segments in use is items: a store of another size wastes as much as this one. */
static uint64_t live_percent(struct store *store)
{
    uint32_t allowed = atomic_load_explicit(&store->segments.allowed, memory_order_relaxed);
    uint32_t available = atomic_load_explicit(&store->segments.available, memory_order_relaxed);
    uint64_t used = allowed > available ? (uint64_t)(allowed - available) : 1;
    uint64_t percent = bytes_of_items(store) * 100 / (used * store->segments.size);
    if (percent < LIVE_PERCENT_MIN)
        return LIVE_PERCENT_MIN;
    return percent > 100 ? 100 : percent;
}

static void look_at_store_locked(struct store_thread *thread) REQUIRES(thread->store->curve.lock)
{
    struct store *store = thread->store;
    struct curve *curve = &store->curve;
    uint64_t percent = live_percent(store);
    uint64_t memory = atomic_load_explicit(&store->memory_size, memory_order_relaxed);
    uint64_t other = atomic_load_explicit(&store->other_bytes, memory_order_relaxed);
    /* What is open or kept in reserve does not grow with the limit. */
    other +=
        (uint64_t)(QUEUE_COUNT * store->lane_count + 1 + SEGMENTS_RESERVED) * store->segments.size;
    for (unsigned i = 0; i < MINIATURES; i++) {
        uint64_t bytes = (memory - curve->memory_bytes) * miniature_quarters[i] / 4;
        bytes = bytes > other ? bytes - other : 0;
        miniatures_set_memory(&curve->miniatures, i, bytes * percent / 100);
        curve->sums.memory[i] = memory * miniature_quarters[i] / 4;
    }
}

/* --- playing ------------------------------------------------------------------------------- */

static void play_locked(struct store_thread *thread, const struct miniature_reference *reference)
    REQUIRES(thread->store->curve.lock)
{
    struct curve *curve = &thread->store->curve;
    bool asked = reference->event == MINIATURE_HIT || reference->event == MINIATURE_MISS;
    curve->sums.references++;
    if (asked) {
        curve->sums.sampled_gets++;
        curve->sums.gets += UINT64_C(1) << curve->miniatures.shift;
    }
    if (reference->event == MINIATURE_MISS)
        curve->sums.misses += UINT64_C(1) << curve->miniatures.shift;
    miniatures_refer(&curve->miniatures, reference);
}

static void play_notes_locked(struct store_thread *thread) REQUIRES(thread->store->curve.lock)
{
    struct store *store = thread->store;
    struct curve *curve = &store->curve;
    struct curve_notes *notes = &thread->curve_notes;
    uint32_t generation = atomic_load_explicit(&store->segments.generation, memory_order_relaxed);
    if (curve->generation != generation)
        miniatures_flush(&curve->miniatures);
    curve->generation = generation;
    if (curve->plays++ % PLAYS_PER_LOOK == 0)
        look_at_store_locked(thread);
    for (uint32_t i = 0; i < notes->count; i++)
        if ((notes->of[i].hash & miniature_mask(curve->miniatures.shift)) == 0)
            play_locked(thread, &notes->of[i]);
    notes->count = 0;
    atomic_store_explicit(&curve->mask, miniature_mask(curve->miniatures.shift),
                          memory_order_relaxed);
}

void curve_play(struct store_thread *thread)
{
    if (!mutex_try_lock(&thread->store->curve.lock))
        return;
    play_notes_locked(thread);
    mutex_unlock(&thread->store->curve.lock);
}

void curve_note(struct store_thread *thread, uint64_t hash, enum miniature_event event,
                uint64_t bytes, uint32_t exptime)
{
    struct curve_notes *notes = &thread->curve_notes;
    if (!thread->store->curve.on)
        return;
    if (notes->count == CURVE_NOTES)
        curve_play(thread);
    if (notes->count == CURVE_NOTES) {
        counter_add(&notes->lost, 1);
        return;
    }
    uint64_t all = bytes == 0 ? 0 : bytes + ITEM_FINDING_BYTES;
    notes->of[notes->count++] = (struct miniature_reference){
        .hash = hash,
        .bytes = all < UINT32_MAX ? (uint32_t)all : UINT32_MAX,
        .exptime = exptime,
        .now = thread->now,
        .event = event,
    };
}

/* --- looking ------------------------------------------------------------------------------- */

static uint64_t lost_notes(struct store *store)
{
    uint64_t lost = 0;
    mutex_lock(&store->threads_lock);
    for (const struct store_thread *thread = store->threads; thread != NULL; thread = thread->next)
        lost += counter_read(&thread->curve_notes.lost);
    mutex_unlock(&store->threads_lock);
    return lost;
}

static void sum_locked(struct store *store, struct store_curve *sums) REQUIRES(store->curve.lock)
{
    struct curve *curve = &store->curve;
    *sums = curve->sums;
    sums->on = curve->on;
    sums->memory_bytes = curve->memory_bytes;
    sums->lost = lost_notes(store);
    if (!curve->on)
        return;
    sums->keys_each = UINT64_C(1) << curve->miniatures.shift;
    for (unsigned i = 0; i < MINIATURES; i++)
        sums->misses_at[i] = miniatures_misses(&curve->miniatures, i);
}

void store_curve_read(struct store *store, struct store_curve *sums)
{
    struct curve *curve = &store->curve;
    mutex_lock(&store->curve.lock);
    sum_locked(store, sums);
    sums->references -= curve->reset.references;
    sums->sampled_gets -= curve->reset.sampled_gets;
    sums->gets -= curve->reset.gets;
    sums->misses -= curve->reset.misses;
    sums->lost -= curve->reset.lost;
    for (unsigned i = 0; i < MINIATURES; i++)
        sums->misses_at[i] -= curve->reset.misses_at[i];
    mutex_unlock(&store->curve.lock);
}

void store_curve_reset(struct store *store)
{
    mutex_lock(&store->curve.lock);
    sum_locked(store, &store->curve.reset);
    mutex_unlock(&store->curve.lock);
}
