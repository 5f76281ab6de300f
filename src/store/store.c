#include "config.h"

#include "store/store_state.h"

#include "base/hash.h"

#include <stdlib.h>

#define SEGMENT_SIZE_MAX (1u << 20)
#define SEGMENT_SIZE_MIN (16u << 10)
#define SEGMENTS_PER_LANE 64        /* so that open segments stay a few hundredths of memory */
#define SEGMENTS_WANTED 64          /* at least, where memory is small */
#define INLINE_SIZE_MAX (32u << 10) /* larger values are stored in pieces */
#define MEMORY_GROWTH_MAX 8         /* times what it starts with */
#define INDEX_SHARE 64              /* the index starts at this part of memory */
#define ENTRY_SIZE_MIN 16           /* less than any item and its slot: for reserving addresses */

static uint32_t segment_size_for(size_t memory_size)
{
    uint32_t most = memory_size < (size_t)1 << 30 ? SEGMENT_SIZE_MAX / 4 : SEGMENT_SIZE_MAX;
    while (most > SEGMENT_SIZE_MIN && memory_size / most < SEGMENTS_WANTED)
        most /= 2;
    return most;
}

static uint32_t inline_size_for(uint32_t segment_size)
{
    return segment_size / 16 < INLINE_SIZE_MAX ? segment_size / 16 : INLINE_SIZE_MAX;
}

/* Address space for cache_memlimit to raise the limit into, as far as places reach. */
static uint32_t segments_to_reserve(uint32_t count, uint32_t size)
{
    uint64_t most = PLACE_REACH / size;
    return (uint64_t)count * MEMORY_GROWTH_MAX < most ? count * MEMORY_GROWTH_MAX : (uint32_t)most;
}

static unsigned lanes_for(const struct store_config *config, uint32_t segment_count)
{
    unsigned lanes = segment_count / SEGMENTS_PER_LANE;
    if (lanes > config->writer_count)
        lanes = config->writer_count;
    return lanes == 0 ? 1 : lanes;
}

static bool lanes_init(struct store *store, uint32_t segment_count)
{
    store->lane_count = lanes_for(&store->config, segment_count);
    for (unsigned queue = 0; queue < QUEUE_COUNT; queue++) {
        store->lanes[queue] = aligned_alloc(CACHE_LINE, store->lane_count * sizeof(struct lane));
        if (store->lanes[queue] == NULL)
            return false;
        for (unsigned i = 0; i < store->lane_count; i++)
            lane_init(&store->lanes[queue][i], (enum segment_queue)queue);
    }
    return true;
}

static void lanes_end(struct store *store)
{
    for (unsigned queue = 0; queue < QUEUE_COUNT; queue++) {
        for (unsigned i = 0; store->lanes[queue] != NULL && i < store->lane_count; i++)
            lane_end(&store->lanes[queue][i]);
        free(store->lanes[queue]);
    }
}

static struct store *refuse(struct store *store, const char **why, const char *reason)
{
    free(store);
    *why = reason;
    return NULL;
}

struct store *store_create(const struct store_config *config, const char **why)
{
    struct store *store = aligned_alloc(CACHE_LINE, sizeof(*store));
    if (store == NULL)
        return refuse(store, why, "no memory for the store");
    memset(store, 0, sizeof(*store));
    store->config = *config;
    atomic_init(&store->memory_size, config->memory_size);
    uint32_t size = segment_size_for(config->memory_size);
    uint32_t count = (uint32_t)(config->memory_size / size);
    if (count < SEGMENTS_MIN)
        return refuse(store, why, "the memory limit is too small");
    store->inline_size_max = inline_size_for(size);
    epoch_init(&store->epoch);
    uint32_t reserved = segments_to_reserve(count, size);
    if (count > reserved)
        return refuse(store, why, "the memory limit is too large: 1 TiB is the most");
    atomic_init(&store->other_bytes, config->other_bytes);
    if (!segments_init(&store->segments, &store->epoch, size, reserved))
        return refuse(store, why, "no address space for the items");
    if (!index_init(&store->index, &store->segments, config->memory_size / INDEX_SHARE / CACHE_LINE,
                    (size_t)reserved * size / ENTRY_SIZE_MIN)) {
        segments_end(&store->segments);
        return refuse(store, why, "no address space for the index");
    }
    if (!ghosts_init(&store->ghosts, index_size_max(&store->index))) {
        index_end(&store->index);
        segments_end(&store->segments);
        return refuse(store, why, "no address space for the index");
    }
    if (!lanes_init(store, count)) {
        lanes_end(store);
        ghosts_end(&store->ghosts);
        index_end(&store->index);
        segments_end(&store->segments);
        return refuse(store, why, "no memory for the store");
    }
    mutex_init(&store->threads_lock, LOCK_STORE_THREADS);
    reclaim_init(&store->reclaim, config);
    curve_init(&store->curve, config->curve, config->memory_size);
    store_account_index(store);
    return store;
}

void store_destroy(struct store *store)
{
    while (store->threads != NULL) {
        struct store_thread *thread = store->threads;
        CHECK(!thread->in_use);
        store->threads = thread->next;
        free(thread);
    }
    curve_end(&store->curve);
    reclaim_end(&store->reclaim);
    mutex_end(&store->threads_lock);
    lanes_end(store);
    ghosts_end(&store->ghosts);
    index_end(&store->index);
    segments_end(&store->segments);
    free(store);
}

/* --- threads and turns --------------------------------------------------------------------- */

static struct store_thread *thread_to_reuse(struct store *store)
{
    struct store_thread *thread = store->threads;
    while (thread != NULL && thread->in_use)
        thread = thread->next;
    return thread;
}

static struct store_thread *thread_new(struct store *store)
{
    struct store_thread *thread = aligned_alloc(CACHE_LINE, sizeof(*thread));
    unsigned number = 0;
    if (thread == NULL)
        return NULL;
    memset(thread, 0, sizeof(*thread));
    for (struct store_thread *other = store->threads; other != NULL; other = other->next)
        number++;
    thread->store = store;
    for (unsigned queue = 0; queue < QUEUE_COUNT; queue++)
        thread->lanes[queue] = &store->lanes[queue][number % store->lane_count];
    thread->next = store->threads;
    store->threads = thread;
    epoch_add(&store->epoch, &thread->slot);
    return thread;
}

struct store_thread *store_thread_create(struct store *store)
{
    mutex_lock(&store->threads_lock);
    struct store_thread *thread = thread_to_reuse(store);
    if (thread == NULL)
        thread = thread_new(store);
    if (thread != NULL)
        thread->in_use = true;
    mutex_unlock(&store->threads_lock);
    return thread;
}

void store_thread_destroy(struct store_thread *thread)
{
    struct store *store = thread->store;
    mutex_lock(&store->threads_lock);
    thread->in_use = false;
    thread->observer = NULL;
    mutex_unlock(&store->threads_lock);
}

static void flush_if_due(struct store *store, uint32_t now)
{
    uint32_t at = atomic_load_explicit(&store->flush_at, memory_order_relaxed);
    if (LIKELY(at == 0 || now < at))
        return;
    if (atomic_compare_exchange_strong_explicit(&store->flush_at, &at, 0, memory_order_acq_rel,
                                                memory_order_relaxed))
        atomic_fetch_add_explicit(&store->segments.generation, 1, memory_order_acq_rel);
}

void store_turn_start(struct store_thread *thread, uint32_t now)
{
    epoch_start(&thread->store->epoch, &thread->slot);
    curve_start_turn(&thread->curve_notes, &thread->store->curve);
    thread->now = now;
    flush_if_due(thread->store, now);
}

void store_turn_pass(struct store_thread *thread, uint32_t now)
{
    epoch_pass(&thread->store->epoch, &thread->slot);
    thread->now = now;
    flush_if_due(thread->store, now);
}

void store_turn_stop(struct store_thread *thread)
{
    struct segments *segments = &thread->store->segments;
    epoch_stop(&thread->slot);
    if (UNLIKELY(thread->curve_notes.count > 0))
        curve_play(thread);
    /* Where nobody writes, the last of those that read in it gives it back. */
    if (UNLIKELY(segments_owe(segments)))
        segments_give_back(segments);
}

void store_flush(struct store_thread *thread, uint32_t at)
{
    struct store *store = thread->store;
    bool later = at > thread->now;
    /* At once means before this returns, whoever else flushes at the same time. */
    if (!later)
        atomic_fetch_add_explicit(&store->segments.generation, 1, memory_order_acq_rel);
    atomic_store_explicit(&store->flush_at, later ? at : 0, memory_order_release);
}

size_t store_inline_size_max(const struct store *store)
{
    return store->inline_size_max;
}

/* memcached's header of 48 bytes, 8 for cas, a NUL behind the key, CRLF behind the value. */
bool store_size_allowed(const struct store *store, size_t key_size, uint64_t value_size)
{
    uint64_t around = 48 + (store->config.cas ? 8 : 0) + key_size + 1 + 2;
    return around <= store->config.item_size_max &&
           value_size <= store->config.item_size_max - around;
}

/* --- an item in the index ------------------------------------------------------------------ */

uint64_t store_item_bytes(const struct item_view *view)
{
    return view->entry_size + (view->first_piece == PLACE_NONE ? 0 : view->value_size);
}

uint64_t store_item_cas(const struct store *store, const struct item_view *view)
{
    if (!store->config.cas)
        return 0;
    if (view->cas != 0)
        return view->cas;
    return segments_cas(&store->segments, segments_place(&store->segments, view->entry));
}

uint64_t store_cas_rising(struct store *store, const struct item_view *old, uint64_t slot,
                          uint64_t next)
{
    if (!store->config.cas || !store_cas_counts(slot))
        return 0;
    uint64_t before = store_item_cas(store, old);
    return next > before ? 0 : segments_cas_after(&store->segments, before);
}

uint64_t store_cas_foreseen(struct store_thread *thread, enum segment_queue queue, uint64_t before)
{
    struct segments *segments = &thread->store->segments;
    uint32_t open = lane_open_segment(thread->lanes[queue]);
    if (open == SEGMENT_NONE ||
        before < segments_cas_of_birth(segments, segments->of[open].birth + 1))
        return 0;
    return segments_cas_after(segments, before);
}

/* Under -C there are none, so that nothing equals them. */
bool store_cas_is(const struct store *store, const struct item_view *view, uint64_t compare)
{
    return store->config.cas && compare == store_item_cas(store, view);
}

/* Hits since it came to its place: it is in use; when the last was is not known. */
static uint32_t idle_seconds(const struct store_thread *thread, const struct item_view *view,
                             uint64_t slot)
{
    const struct segments *segments = &thread->store->segments;
    uint32_t since = segments_of(segments, segments_place(segments, view->entry))->opened_at;
    return slot_hits(slot) > 0 || since > thread->now ? 0 : thread->now - since;
}

void store_thread_set_observer(struct store_thread *thread, const struct store_observer *observer,
                               void *context)
{
    thread->observer = observer;
    thread->observer_context = context;
}

enum store_find store_item_fill_more(const struct store_thread *thread, char *entry, uint64_t slot,
                                     unsigned want, struct store_item *item)
{
    struct item_view view = item_read(entry);
    if (view.counter) {
        item_copy_value(item->number, &view);
        item->value = item->number;
    }
    if (want & STORE_WANT_CAS)
        item->cas = store_item_cas(thread->store, &view);
    if (want & STORE_WANT_IDLE)
        item->idle_seconds = idle_seconds(thread, &view, slot);
    return STORE_HIT;
}

/* The index hears of new entries in batches, and grows then. */
#define ENTRIES_UNCOUNTED_MAX 16

static void tell_index(struct store_thread *thread)
{
    index_count(&thread->store->index, thread->uncounted);
    thread->uncounted = 0;
}

void store_note_added(struct store_thread *thread, const struct item_view *view)
{
    counter_add(&thread->counters.curr_items, 1);
    counter_add(&thread->counters.bytes, store_item_bytes(view));
    if (LIKELY(++thread->uncounted < ENTRIES_UNCOUNTED_MAX))
        return;
    tell_index(thread);
    if (LIKELY(!index_growth_due(&thread->store->index)))
        return;
    uint64_t begun = stall_begin();
    index_grow(&thread->store->index);
    store_account_index(thread->store);
    counter_add(&thread->counters.index_steps, 1);
    stall_end(thread, begun);
}

static void note_removed(struct store_thread *thread, const struct item_view *view)
{
    counter_subtract(&thread->counters.curr_items, 1);
    counter_subtract(&thread->counters.bytes, store_item_bytes(view));
    if (UNLIKELY(--thread->uncounted <= -ENTRIES_UNCOUNTED_MAX))
        tell_index(thread);
}

static void mark_dead(struct store_thread *thread, char *entry, uint32_t size)
{
    struct segments *segments = &thread->store->segments;
    item_set_state(entry, ITEM_DEAD);
    atomic_fetch_add_explicit(&segments_of(segments, segments_place(segments, entry))->dead, size,
                              memory_order_relaxed);
}

static void change_expiry(struct segments *segments, uint64_t place, uint32_t before,
                          uint32_t after, uint32_t size)
{
    segments_expiry_remove(segments, place, before, size);
    segments_expiry_add(segments, place, after, size);
}

void store_change_expiry(struct store *store, const struct item_view *view, uint32_t before,
                         uint32_t after)
{
    struct segments *segments = &store->segments;
    change_expiry(segments, segments_place(segments, view->entry), before, after, view->entry_size);
    for (uint64_t place = view->first_piece; place != PLACE_NONE;
         place = piece_next(segments_at(segments, place)))
        change_expiry(segments, place, before, after,
                      item_entry_size_at(segments_at(segments, place)));
}

static void bury_pieces(struct store_thread *thread, uint64_t place)
{
    while (place != PLACE_NONE) {
        char *piece = segments_at(&thread->store->segments, place);
        place = piece_next(piece);
        mark_dead(thread, piece, item_entry_size_at(piece));
    }
}

void store_bury(struct store_thread *thread, const struct item_view *view)
{
    store_note_expiry(thread->store, view, view->exptime, 0);
    if (UNLIKELY(view->first_piece != PLACE_NONE))
        bury_pieces(thread, view->first_piece);
    mark_dead(thread, view->entry, view->entry_size);
    note_removed(thread, view);
}

void store_bury_gone(struct store_thread *thread, const struct item_view *view, uint64_t slot,
                     enum store_find state)
{
    if (state == STORE_MISS_EXPIRED && !slot_fetched(slot))
        counter_add(&thread->counters.expired_unfetched, 1);
    store_bury(thread, view);
}

void store_discard(struct store_thread *thread, char *entry)
{
    mark_dead(thread, entry, item_entry_size_at(entry));
}
