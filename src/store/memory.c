/* The memory limit: what everything else takes, segments can't have. */

#include "config.h"

#include "store/store_state.h"

/* What of memory serves to find items, and to remember those that went. */
static size_t bytes_for_finding(struct store *store)
{
    return index_bytes(&store->index) + ghosts_bytes(index_lines(&store->index));
}

/* Where buffers grow they go on growing, and a segment that is to go has to wait for its readers. A
 * small memory can't spare as much: one large item may need half of it. */
static size_t ahead_of(const struct store *store, size_t memory, size_t grown)
{
    size_t most = (size_t)12 * store->segments.size;
    if (most > memory / 32)
        most = memory / 32;
    return (grown < most ? grown : most) + grown / 4;
}

/* What is neither segments' nor others'. */
static size_t bytes_for_order(struct store *store, size_t memory)
{
    return store->curve.memory_bytes + segments_bookkeeping(memory / store->segments.size) +
           atomic_load_explicit(&store->finding_bytes, memory_order_relaxed);
}

static void share_out(struct store *store)
{
    size_t memory = atomic_load_explicit(&store->memory_size, memory_order_relaxed);
    size_t other = atomic_load_explicit(&store->other_bytes, memory_order_relaxed);
    size_t at_start = store->config.other_bytes;
    size_t ahead = other > at_start ? ahead_of(store, memory, other - at_start) : 0;
    size_t taken = bytes_for_order(store, memory) + other + ahead;
    size_t left = memory > taken ? memory - taken : 0;
    segments_allow(&store->segments, (uint32_t)(left / store->segments.size));
}

void store_account_index(struct store *store)
{
    uint64_t now = bytes_for_finding(store);
    uint64_t before = atomic_load_explicit(&store->finding_bytes, memory_order_relaxed);
    if (before != 0 && now / store->segments.size == before / store->segments.size)
        return;
    atomic_store_explicit(&store->finding_bytes, now, memory_order_relaxed);
    share_out(store);
}

/* Empties segments until no more have memory than may, or until nothing more can be had. */
static void give_back(struct store_thread *thread)
{
    struct store *store = thread->store;
    do
        store_turn_pass(thread, thread->now);
    while (segments_excess(&store->segments) > 0 && reclaim_for_room(thread));
}

bool store_set_memory_size(struct store_thread *thread, size_t size)
{
    struct store *store = thread->store;
    size_t least = (size_t)SEGMENTS_MIN * store->segments.size + bytes_for_finding(store) +
                   store->curve.memory_bytes + 2 * store->config.item_size_max;
    if (size < least || size > store->segments.reserved_size)
        return false;
    atomic_store_explicit(&store->memory_size, size, memory_order_relaxed);
    share_out(store);
    give_back(thread);
    return true;
}

void store_set_other_bytes(struct store_thread *thread, size_t bytes)
{
    struct store *store = thread->store;
    size_t before = atomic_exchange_explicit(&store->other_bytes, bytes, memory_order_relaxed);
    bool shares_anew = bytes / store->segments.size != before / store->segments.size;
    if (shares_anew)
        share_out(store);
    /* Passing a turn also lets go of what others wait to give back. */
    if (bytes > before && (shares_anew || segments_owe(&store->segments)))
        give_back(thread);
}

size_t store_room_for_others(struct store_thread *thread)
{
    struct store *store = thread->store;
    if (!store->config.evict)
        return SIZE_MAX;
    share_out(store);
    give_back(thread);
    size_t memory = atomic_load_explicit(&store->memory_size, memory_order_relaxed);
    size_t taken = bytes_for_order(store, memory) +
                   (size_t)segments_resident(&store->segments) * store->segments.size;
    return memory > taken ? memory - taken : 0;
}

bool store_room_is_coming(struct store_thread *thread)
{
    return segments_are_coming(&thread->store->segments);
}
