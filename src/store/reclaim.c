#include "config.h"

#include "store/reclaim.h"

#include "base/hash.h"
#include "store/store_state.h"

#include <sched.h>

#define STEP_ENTRIES 32
#define WASTE_PERCENT 30      /* of a segment, from which it is worth moving the rest */
#define WASTE_PERCENT_LAST 10 /* the same when nothing may be evicted */
#define MOVED_SEGMENTS_MAX 3  /* moved for one that is won, before hits stop counting */

void reclaim_init(struct reclaim *reclaim)
{
    lane_init(&reclaim->lane);
    mutex_init(&reclaim->lock, LOCK_STORE_RECLAIM);
    reclaim->victim = SEGMENT_NONE;
}

void reclaim_end(struct reclaim *reclaim)
{
    mutex_end(&reclaim->lock);
    lane_end(&reclaim->lane);
}

/* --- choosing ------------------------------------------------------------------------------ */

static uint32_t percent_of_segment(const struct store *store, uint32_t percent)
{
    return (uint32_t)((uint64_t)store->segments.size * percent / 100);
}

static bool choose_victim_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    bool evict = store->config.evict;
    uint32_t waste = percent_of_segment(store, evict ? WASTE_PERCENT : WASTE_PERCENT_LAST);
    reclaim->keep = KEEP_LIVE;
    reclaim->victim = segments_take_victim(&store->segments, waste);
    if (reclaim->victim == SEGMENT_NONE && evict) {
        reclaim->keep = KEEP_HIT;
        reclaim->victim = segments_take_victim(&store->segments, 0);
    }
    reclaim->offset = SEGMENT_START;
    return reclaim->victim != SEGMENT_NONE;
}

/* --- moving -------------------------------------------------------------------------------- */

enum entry_outcome {
    ENTRY_DONE,
    ENTRY_NEEDS_ROOM, /* the lane is full: change it and look at the entry again */
};

/* An item's entry written anew elsewhere, with its cas unique if somebody may have seen it. */
static char *copy_item_locked(struct store_thread *thread, const struct item_view *old,
                              uint64_t slot, uint64_t first_piece)
{
    struct store *store = thread->store;
    struct segments *segments = &store->segments;
    struct item_shape shape = {
        .key_size = old->key_size,
        .value_size = old->value_size,
        .client_flags = old->client_flags,
        .exptime = old->exptime,
        .cas = slot_cas_observed(slot) ? store_item_cas(store, old) : old->cas,
        .first_piece = first_piece,
        .exptime_word = old->exptime_word != NULL && old->first_piece != PLACE_NONE,
    };
    uint32_t size = item_entry_size(&shape);
    char *entry = lane_append(&store->reclaim.lane, segments, size);
    if (entry == NULL)
        return NULL;
    char *value = item_write(entry, &shape, old->key);
    if (first_piece == PLACE_NONE)
        memcpy(value, old->value, old->value_size);
    item_set_state(entry, ITEM_LIVE);
    for (uint64_t place = first_piece; place != PLACE_NONE;
         place = piece_next(segments_at(segments, place)))
        piece_set_owner(segments_at(segments, place), segments_place(segments, entry));
    counter_add(&thread->counters.moved_items, 1);
    counter_add(&thread->counters.moved_bytes, size);
    store->reclaim.moved += size;
    return entry;
}

/* The old entry is dead to a scan; the item lives on, so the sums stay. */
static void mark_moved(struct store_thread *thread, char *entry)
{
    struct segments *segments = &thread->store->segments;
    item_set_state(entry, ITEM_DEAD);
    atomic_fetch_add_explicit(&segments_of(segments, segments_place(segments, entry))->dead,
                              item_entry_size_at(entry), memory_order_relaxed);
}

static void count_evicted(struct store_thread *thread, const struct item_view *view, uint64_t slot)
{
    struct store_counters *counters = &thread->counters;
    counter_add(&counters->evictions, 1);
    if (!slot_fetched(slot))
        counter_add(&counters->evicted_unfetched, 1);
    if (slot_hits(slot) > 0)
        counter_add(&counters->evicted_active, 1);
    if (view->exptime != 0)
        counter_add(&counters->evicted_nonzero, 1);
}

static void drop_locked(struct store_thread *thread, uint32_t home, struct index_entry *entry,
                        const struct item_view *view, enum store_find state)
{
    index_remove_locked(&thread->store->index, home, entry);
    if (state == STORE_HIT) {
        count_evicted(thread, view, entry->value);
        store_bury(thread, view);
    } else {
        counter_add(&thread->counters.reclaimed, state == STORE_MISS_EXPIRED);
        store_bury_gone(thread, view, entry->value, state);
    }
}

/* Items of another generation of flush_all can't move into the lane's segment: it would revive them. */
static bool may_move(const struct store *store, const struct item_view *view)
{
    const struct segments *segments = &store->segments;
    uint32_t open = lane_open_segment(&store->reclaim.lane);
    return open == SEGMENT_NONE ||
           segments->of[open].generation ==
               segments_of(segments, segments_place(segments, view->entry))->generation;
}

static bool keeps(const struct store *store, uint64_t slot)
{
    const struct reclaim *reclaim = &store->reclaim;
    switch (reclaim->keep) {
    case KEEP_LIVE:
        return true;
    case KEEP_NOTHING:
        return false;
    case KEEP_HIT:
        break;
    }
    return slot_hits(slot) > 0 &&
           reclaim->moved < (uint64_t)MOVED_SEGMENTS_MAX * store->segments.size;
}

static enum entry_outcome handle_item(struct store_thread *thread, char *at)
{
    struct store *store = thread->store;
    struct item_view view = item_read(at);
    struct index_entry entry;
    enum entry_outcome outcome = ENTRY_DONE;
    uint64_t hash = hash_key(view.key, view.key_size);
    uint64_t place = segments_place(&store->segments, at);
    if (view.state != ITEM_LIVE)
        return ENTRY_DONE;
    uint32_t home = index_lock(&store->index, hash);
    if (index_find_place_locked(&store->index, home, hash, place, &entry)) {
        view = item_read(at); /* its exptime may have changed before the lock */
        enum store_find state = store_item_state(thread, &view);
        if (state != STORE_HIT || !keeps(store, entry.value)) {
            drop_locked(thread, home, &entry, &view, state);
        } else {
            char *copy = may_move(store, &view)
                             ? copy_item_locked(thread, &view, entry.value, view.first_piece)
                             : NULL;
            if (copy == NULL) {
                outcome = ENTRY_NEEDS_ROOM;
            } else {
                index_move_locked(&entry, segments_place(&store->segments, copy));
                mark_moved(thread, at);
            }
        }
    }
    index_unlock(&store->index, home);
    return outcome;
}

/* --- pieces -------------------------------------------------------------------------------- */

static char *copy_piece(struct store_thread *thread, char *old)
{
    struct store *store = thread->store;
    struct slice bytes = piece_bytes(old);
    uint32_t size = item_entry_size_at(old) + 4;
    char *room = lane_append(&store->reclaim.lane, &store->segments, size);
    if (room == NULL)
        return NULL;
    char *copy = store_lay_piece(&store->segments, room, size, (uint32_t)bytes.size);
    memcpy((char *)piece_bytes(copy).at, bytes.at, bytes.size);
    counter_add(&thread->counters.moved_bytes, size);
    store->reclaim.moved += size;
    return copy;
}

/* Puts the copy into the chain in place of the piece; the first one's link is in the item itself. */
static bool relink_locked(struct store_thread *thread, struct index_entry *entry,
                          const struct item_view *owner, char *piece, char *copy)
{
    struct segments *segments = &thread->store->segments;
    uint64_t old_place = segments_place(segments, piece);
    uint64_t new_place = segments_place(segments, copy);
    piece_set_next(copy, piece_next(piece));
    piece_set_owner(copy, segments_place(segments, owner->entry));
    item_set_state(copy, ITEM_LIVE);
    if (owner->first_piece != old_place) {
        uint64_t before = owner->first_piece;
        while (piece_next(segments_at(segments, before)) != old_place) {
            before = piece_next(segments_at(segments, before));
            CHECK(before != PLACE_NONE);
        }
        piece_set_next(segments_at(segments, before), new_place);
        return true;
    }
    char *head = copy_item_locked(thread, owner, entry->value, new_place);
    if (head == NULL)
        return false;
    index_relocate_locked(entry, segments_place(segments, head));
    mark_moved(thread, owner->entry);
    return true;
}

static enum entry_outcome handle_piece(struct store_thread *thread, char *piece)
{
    struct store *store = thread->store;
    struct index_entry entry;
    enum entry_outcome outcome = ENTRY_DONE;
    if (item_header_state(item_header(piece)) != ITEM_LIVE)
        return ENTRY_DONE;
    char *owner_entry = segments_at(&store->segments, piece_owner(piece));
    struct item_view owner = item_read(owner_entry);
    uint64_t hash = hash_key(owner.key, owner.key_size);
    /* Large: copied before the lock, for nothing if the item then turns out to be gone. */
    char *copy = may_move(store, &owner) ? copy_piece(thread, piece) : NULL;
    uint32_t home = index_lock(&store->index, hash);
    if (item_header_state(item_header(piece)) == ITEM_LIVE &&
        index_find_place_locked(&store->index, home, hash, piece_owner(piece), &entry)) {
        owner = item_read(segments_at(&store->segments, piece_owner(piece)));
        enum store_find state = store_item_state(thread, &owner);
        if (state != STORE_HIT || !keeps(store, entry.value)) {
            drop_locked(thread, home, &entry, &owner, state);
        } else if (copy == NULL || !relink_locked(thread, &entry, &owner, piece, copy)) {
            outcome = ENTRY_NEEDS_ROOM;
        } else {
            mark_moved(thread, piece);
            copy = NULL;
        }
    }
    index_unlock(&store->index, home);
    if (copy != NULL)
        mark_moved(thread, copy);
    return outcome;
}

/* --- steps --------------------------------------------------------------------------------- */

enum reclaim_outcome {
    RECLAIM_GOING,
    RECLAIM_EMPTIED,
    RECLAIM_STUCK, /* no victim, or no room to move to */
};

static enum reclaim_outcome finish_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct reclaim *reclaim = &thread->store->reclaim;
    segments_emptied(&thread->store->segments, reclaim->victim);
    reclaim->victim = SEGMENT_NONE;
    counter_add(&thread->counters.segments_reclaimed, 1);
    reclaim->won += thread->store->segments.size;
    if (reclaim->won >= reclaim->moved + thread->store->segments.size)
        reclaim->won = reclaim->moved = 0;
    return RECLAIM_EMPTIED;
}

/* What stays has nowhere to go: when evicting, it does not stay; else the victim waits. */
static enum reclaim_outcome no_room_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    if (store->config.evict) {
        reclaim->keep = KEEP_NOTHING;
        return RECLAIM_GOING;
    }
    segments_put_back(&store->segments, reclaim->victim);
    reclaim->victim = SEGMENT_NONE;
    return RECLAIM_STUCK;
}

static enum reclaim_outcome step_locked(struct store_thread *thread, unsigned entries)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct segments *segments = &store->segments;
    struct reclaim *reclaim = &store->reclaim;
    if (reclaim->victim == SEGMENT_NONE && !choose_victim_locked(thread))
        return RECLAIM_STUCK;
    char *base = segments->base + ((size_t)reclaim->victim << segments->shift);
    uint32_t end = atomic_load_explicit(&segments->of[reclaim->victim].used, memory_order_acquire);
    for (; entries > 0 && reclaim->offset < end; entries--) {
        char *at = base + reclaim->offset;
        uint32_t header = item_header(at);
        enum entry_outcome outcome = ENTRY_DONE;
        if (item_header_key_size(header) != 0)
            outcome = handle_item(thread, at);
        else if (item_header_is_piece(header))
            outcome = handle_piece(thread, at);
        if (outcome == ENTRY_DONE)
            reclaim->offset += item_entry_size_at(at);
        else if (!lane_change(&reclaim->lane, segments, lane_open_segment(&reclaim->lane), 0,
                              thread->now))
            return no_room_locked(thread);
    }
    return reclaim->offset < end ? RECLAIM_GOING : finish_locked(thread);
}

void reclaim_pace(struct store_thread *thread)
{
    struct store *store = thread->store;
    uint32_t available = atomic_load_explicit(&store->segments.available, memory_order_relaxed);
    if (LIKELY(available > SEGMENTS_RESERVED + 1 + store->lane_count))
        return;
    if (!mutex_try_lock(&thread->store->reclaim.lock))
        return;
    (void)step_locked(thread, STEP_ENTRIES);
    mutex_unlock(&thread->store->reclaim.lock);
}

bool reclaim_for_room(struct store_thread *thread)
{
    struct store *store = thread->store;
    enum reclaim_outcome outcome = RECLAIM_GOING;
    counter_add(&thread->counters.room_waits, 1);
    if (!mutex_try_lock(&thread->store->reclaim.lock)) {
        sched_yield();
        return true;
    }
    while (outcome == RECLAIM_GOING)
        outcome = step_locked(thread, STEP_ENTRIES);
    mutex_unlock(&thread->store->reclaim.lock);
    if (outcome == RECLAIM_EMPTIED)
        return true;
    if (!segments_will_come(&store->segments))
        return false;
    sched_yield();
    return true;
}
