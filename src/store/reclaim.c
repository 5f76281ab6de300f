#include "config.h"

#include "store/reclaim.h"

#include "base/hash.h"
#include "store/store_state.h"

#include <sched.h>

#define STEP_ENTRIES 32
#define PACES_TIMED 8         /* one in so many small steps is timed */
#define WASTE_PERCENT 27      /* of a segment, from which it is worth moving the rest */
#define WASTE_PERCENT_LAST 10 /* the same when nothing may be evicted */
#define OLD_QUARTERS 7        /* of memory, written since a segment was: then it is old */
#define SPENT_PERCENT 88      /* of a segment, from which it is used again before a new one */
#define SMALL_PERCENT 10      /* of the segments: the share of the probationary queue */
#define MOVED_SEGMENTS_MAX 3  /* moved for one that is won, before nothing is moved any more */
#define MOVED_SEGMENTS_MAX_LAST                                                                    \
    12 /* the same when nothing may be evicted: then there is no room                              \
        */

void reclaim_init(struct reclaim *reclaim, const struct store_config *config)
{
    lane_init(&reclaim->lane, QUEUE_MAIN);
    mutex_init(&reclaim->lock, LOCK_STORE_RECLAIM);
    reclaim->victim = SEGMENT_NONE;
    worth_init(&reclaim->worth, config->eviction, config->memory_size);
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

/* From the probationary queue while it has more than its share, else from the main one. */
static uint32_t oldest_to_evict(struct segments *segments)
{
    uint32_t small = segments_queued(segments, QUEUE_SMALL);
    uint32_t all = small + segments_queued(segments, QUEUE_MAIN);
    enum segment_queue first = small * 100 > all * SMALL_PERCENT ? QUEUE_SMALL : QUEUE_MAIN;
    uint32_t victim = segments_take_oldest(segments, first);
    if (victim != SEGMENT_NONE)
        return victim;
    return segments_take_oldest(segments, first == QUEUE_MAIN ? QUEUE_SMALL : QUEUE_MAIN);
}

/* Moving can cost as much room as it wins: it must not go on for ever. */
static bool moving_pays(const struct store *store)
{
    unsigned most = store->config.evict ? MOVED_SEGMENTS_MAX : MOVED_SEGMENTS_MAX_LAST;
    return store->reclaim.moved < (uint64_t)most * store->segments.size;
}

static uint32_t choose_wasteful_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    bool evict = store->config.evict;
    if (moving_pays(store) && !store->reclaim.starved)
        return segments_take_wasteful(
            &store->segments, percent_of_segment(store, evict ? WASTE_PERCENT : WASTE_PERCENT_LAST),
            thread->now);
    if (!evict)
        store->reclaim.won = store->reclaim.moved = 0; /* the next write may find better victims */
    return SEGMENT_NONE;
}

static void start_victim_locked(struct store *store, uint32_t victim, enum reclaim_keep keep)
    REQUIRES(store->reclaim.lock)
{
    struct reclaim *reclaim = &store->reclaim;
    reclaim->victim = victim;
    reclaim->keep = keep;
    reclaim->offset = SEGMENT_START;
    reclaim->kept_bytes = reclaim->seen_items = reclaim->seen_bytes = 0;
    atomic_store_explicit(&reclaim->has_victim, victim != SEGMENT_NONE, memory_order_relaxed);
}

static void end_victim_locked(struct store *store) REQUIRES(store->reclaim.lock)
{
    struct reclaim *reclaim = &store->reclaim;
    reclaim->victim = SEGMENT_NONE;
    atomic_store_explicit(&reclaim->has_victim, false, memory_order_relaxed);
}

/* In the main queue, since then as much was written as would fill memory nearly twice: what nobody
 * has asked for in that time goes at this opportunity, for the main queue may have room and so lose
 * nothing by itself. */
static bool is_old(const struct store *store, uint32_t victim)
{
    const struct segments *segments = &store->segments;
    uint64_t allowed =
        atomic_load_explicit(&((struct segments *)segments)->allowed, memory_order_relaxed);
    return store->config.evict && store->config.eviction == STORE_EVICT_LEARNED &&
           segments->of[victim].queue == QUEUE_MAIN &&
           segments_opened_since(segments, victim) * 4 >= allowed * OLD_QUARTERS;
}

static bool choose_victim_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    enum reclaim_keep keep = KEEP_LIVE;
    uint32_t victim = choose_wasteful_locked(thread);
    if (victim != SEGMENT_NONE && is_old(store, victim))
        keep = KEEP_USED;
    if (victim == SEGMENT_NONE && store->config.evict) {
        keep = reclaim->starved ? KEEP_NOTHING : KEEP_WORTHY;
        victim = oldest_to_evict(&store->segments);
    }
    reclaim->starved = false;
    start_victim_locked(thread->store, victim, keep);
    return victim != SEGMENT_NONE;
}

static bool choose_spent_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    atomic_store_explicit(&reclaim->looks_spent, false, memory_order_relaxed);
    uint32_t victim = segments_take_spent(&store->segments, &reclaim->cursor,
                                          percent_of_segment(store, SPENT_PERCENT), thread->now);
    start_victim_locked(thread->store, victim, KEEP_LIVE);
    return victim != SEGMENT_NONE;
}

/* --- moving -------------------------------------------------------------------------------- */

enum entry_outcome {
    ENTRY_DONE,
    ENTRY_NEEDS_ROOM, /* the lane is full: change it and look at the entry again */
};

/* An item's entry written anew elsewhere, with its cas unique if somebody may have seen it, or an
 * earlier one of its key's: that of the new place might be smaller. */
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
        .marks = old->marks,
    };
    uint32_t size = item_entry_size(&shape);
    char *entry = lane_append(&store->reclaim.lane, segments, size);
    if (entry == NULL)
        return NULL;
    char *value = item_write(entry, &shape, old->key);
    if (first_piece == PLACE_NONE)
        item_copy_value(value, old); /* a counter becomes text until it is counted again */
    item_set_state(entry, ITEM_LIVE);
    segments_expiry_add(segments, segments_place(segments, entry), old->exptime, size);
    for (uint64_t place = first_piece; place != PLACE_NONE;
         place = piece_next(segments_at(segments, place)))
        piece_set_owner(segments_at(segments, place), segments_place(segments, entry));
    counter_add(&thread->counters.moved_items, 1);
    counter_add(&thread->counters.moved_bytes, size);
    counter_add(&thread->counters.bytes, (uint64_t)size - old->entry_size);
    store->reclaim.moved += size;
    store->reclaim.kept_bytes += size;
    return entry;
}

/* The old entry is dead to a scan; the item lives on, so it stays in the sums. */
static void mark_moved(struct store_thread *thread, char *entry)
{
    struct segments *segments = &thread->store->segments;
    item_set_state(entry, ITEM_DEAD);
    atomic_fetch_add_explicit(&segments_of(segments, segments_place(segments, entry))->dead,
                              item_entry_size_at(entry), memory_order_relaxed);
}

static void show_evicted(struct store_thread *thread, const struct item_view *view, uint64_t slot,
                         uint64_t hash)
{
    struct store_key key = {view->key, view->key_size, hash};
    struct store_item item;
    store_item_fill(thread, view, slot, STORE_WANT_IDLE, &item);
    thread->observer->evicted(thread->observer_context, &key, &item);
}

static void show_emptied_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    const struct reclaim *reclaim = &thread->store->reclaim;
    struct store_emptying what = {
        .segment = reclaim->victim,
        .items = reclaim->seen_items,
        .kept_bytes = reclaim->kept_bytes,
        .main_queue = thread->store->segments.of[reclaim->victim].queue == QUEUE_MAIN,
        .evicts = reclaim->keep != KEEP_LIVE,
    };
    thread->observer->segment_emptied(thread->observer_context, &what);
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

static void drop_locked(struct store_thread *thread, uint32_t home, uint64_t hash,
                        struct index_entry *entry, const struct item_view *view,
                        enum store_find state)
{
    struct index *index = &thread->store->index;
    index_remove_locked(index, home, entry);
    if (state == STORE_HIT) {
        if (!slot_fetched(entry->value) && slot_hits(entry->value) == 0)
            ghosts_add(&thread->store->ghosts, index_size(index), hash);
        count_evicted(thread, view, entry->value);
        if (UNLIKELY(thread->observer != NULL))
            show_evicted(thread, view, entry->value, hash);
        store_bury(thread, view);
    } else {
        counter_add(&thread->counters.reclaimed, state == STORE_MISS_EXPIRED);
        store_bury_gone(thread, view, entry->value, state);
    }
}

/* Items of another generation of flush_all can't move into the lane's segment: it would revive
 * them. */
static bool may_move(const struct store *store, const struct item_view *view)
{
    const struct segments *segments = &store->segments;
    uint32_t open = lane_open_segment(&store->reclaim.lane);
    return open == SEGMENT_NONE ||
           segments->of[open].generation ==
               segments_of(segments, segments_place(segments, view->entry))->generation;
}

static struct worth_item worth_item_of(const struct store_thread *thread,
                                       const struct item_view *view, uint64_t slot, uint64_t hash)
{
    const struct store *store = thread->store;
    uint32_t left = view->exptime > thread->now ? view->exptime - thread->now : 0;
    return (struct worth_item){
        .hash = hash,
        .size = store_item_bytes(view),
        .seconds_left = view->exptime == 0 ? WORTH_FOREVER : left,
        .queue = store->segments.of[store->reclaim.victim].queue,
        .hits = slot_hits(slot),
    };
}

/* `state`: of the item as it was found. */
static bool keeps_locked(struct store_thread *thread, const struct worth_item *item,
                         enum store_find state) REQUIRES(thread->store->reclaim.lock)
{
    struct reclaim *reclaim = &thread->store->reclaim;
    enum worth_verdict verdict = WORTH_GOES;
    if (reclaim->keep == KEEP_LIVE)
        return state == STORE_HIT;
    counter_add(&thread->counters.lessons, worth_see(&reclaim->worth, item));
    if (state == STORE_HIT && reclaim->keep == KEEP_WORTHY && moving_pays(thread->store))
        verdict = worth_judge(&reclaim->worth, item);
    if (state == STORE_HIT && reclaim->keep == KEEP_USED && item->hits > 0)
        verdict = WORTH_STAYS;
    counter_add(&thread->counters.kept_by_lot, verdict == WORTH_STAYS_BY_LOT);
    return verdict != WORTH_GOES;
}

/* The slot leads to the copy. What was moved because its segment wasted much is as it was. */
static void relink_item_locked(struct store_thread *thread, struct index_entry *entry,
                               const char *copy) REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    uint64_t place = segments_place(&store->segments, copy);
    if (store->reclaim.keep == KEEP_LIVE)
        index_relocate_locked(entry, place);
    else
        index_move_locked(entry, place,
                          worth_carried(&store->reclaim.worth, slot_hits(entry->value)));
}

static enum entry_outcome handle_item(struct store_thread *thread, char *at)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct item_view view = item_read(at);
    struct index_entry entry;
    enum entry_outcome outcome = ENTRY_DONE;
    uint64_t hash = hash_key(view.key, view.key_size);
    uint64_t place = segments_place(&store->segments, at);
    if (!item_is_live(view.state))
        return ENTRY_DONE;
    uint32_t home = index_lock(&store->index, hash);
    if (index_find_place_locked(&store->index, home, hash, place, &entry)) {
        view = item_read(at); /* its exptime may have changed before the lock */
        store->reclaim.seen_items++;
        store->reclaim.seen_bytes += view.entry_size;
        enum store_find state = store_item_state(thread, &view);
        struct worth_item worth = worth_item_of(thread, &view, entry.value, hash);
        if (!keeps_locked(thread, &worth, state)) {
            drop_locked(thread, home, hash, &entry, &view, state);
        } else {
            char *copy = may_move(store, &view)
                             ? copy_item_locked(thread, &view, entry.value, view.first_piece)
                             : NULL;
            if (copy == NULL) {
                outcome = ENTRY_NEEDS_ROOM;
            } else {
                relink_item_locked(thread, &entry, copy);
                mark_moved(thread, at);
            }
        }
    }
    index_unlock(&store->index, home);
    return outcome;
}

/*
 * What the full segment has left unused counts as moved: it is not won. When nothing may be
 * evicted, moving is all that makes room: it must not wait for a segment that the index or others'
 * buffers have taken since. One beyond what memory allows is given back as soon as its victim is
 * empty.
 */
static bool change_lane_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    struct segments *segments = &thread->store->segments;
    struct reclaim *reclaim = &thread->store->reclaim;
    uint32_t full = lane_open_segment(&reclaim->lane);
    uint32_t reserve = thread->store->config.evict ? 0 : SEGMENTS_BEYOND;
    if (!lane_change(&reclaim->lane, segments, full, reserve, thread->now))
        return false;
    if (full != SEGMENT_NONE)
        reclaim->moved +=
            segments->size - atomic_load_explicit(&segments->of[full].used, memory_order_relaxed);
    return true;
}

/* --- pieces -------------------------------------------------------------------------------- */

struct piece_copy {
    uint64_t first;
    uint64_t last;
};

static void discard_copy(struct store_thread *thread, struct piece_copy *copy)
{
    struct segments *segments = &thread->store->segments;
    for (uint64_t place = copy->first; place != PLACE_NONE;) {
        char *piece = segments_at(segments, place);
        place = piece_next(piece);
        mark_moved(thread, piece);
    }
    *copy = (struct piece_copy){PLACE_NONE, PLACE_NONE};
}

/* One piece may become two, so that segments are filled to their ends. false: no room. */
static bool copy_piece(struct store_thread *thread, char *old, struct piece_copy *copy)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct slice bytes = piece_bytes(old);
    *copy = (struct piece_copy){PLACE_NONE, PLACE_NONE};
    while (bytes.size > 0) {
        char *piece = store_append_piece(thread, &store->reclaim.lane, bytes.size);
        if (piece == NULL && change_lane_locked(thread))
            continue;
        if (piece == NULL) {
            discard_copy(thread, copy);
            return false;
        }
        struct slice room = piece_bytes(piece);
        uint64_t place = segments_place(&store->segments, piece);
        memcpy((char *)room.at, bytes.at, room.size);
        bytes = (struct slice){bytes.at + room.size, bytes.size - room.size};
        store->reclaim.moved += room.size;
        store->reclaim.kept_bytes += room.size;
        counter_add(&thread->counters.moved_bytes, room.size);
        if (copy->last == PLACE_NONE)
            copy->first = place;
        else
            piece_set_next(segments_at(&store->segments, copy->last), place);
        copy->last = place;
    }
    return true;
}

/* The copy's chain takes the piece's place in front of those that follow it. */
static void copy_set_live(struct segments *segments, const struct piece_copy *copy, char *old,
                          uint32_t exptime)
{
    for (uint64_t place = copy->first; place != PLACE_NONE;) {
        char *piece = segments_at(segments, place);
        piece_set_owner(piece, piece_owner(old));
        item_set_state(piece, ITEM_LIVE);
        segments_expiry_add(segments, place, exptime, item_entry_size_at(piece));
        place = place == copy->last ? PLACE_NONE : piece_next(piece);
    }
    piece_set_next(segments_at(segments, copy->last), piece_next(old));
}

/* As it was before copy_set_live: a chain of its own, to be discarded. */
static void copy_unset_live(struct segments *segments, const struct piece_copy *copy,
                            uint32_t exptime)
{
    piece_set_next(segments_at(segments, copy->last), PLACE_NONE);
    for (uint64_t place = copy->first; place != PLACE_NONE;) {
        char *piece = segments_at(segments, place);
        segments_expiry_remove(segments, place, exptime, item_entry_size_at(piece));
        place = piece_next(piece);
    }
}

#define EXTRA_CAS_SIZE 12 /* that an entry may grow by when it has to carry its cas unique */

/* Puts the copy into the chain in place of the piece; the link to the first is in the item itself.
 */
static bool relink_locked(struct store_thread *thread, struct index_entry *entry,
                          const struct item_view *owner, char *piece, const struct piece_copy *copy)
{
    struct segments *segments = &thread->store->segments;
    uint64_t old_place = segments_place(segments, piece);
    if (owner->first_piece != old_place) {
        uint64_t before = owner->first_piece;
        while (piece_next(segments_at(segments, before)) != old_place) {
            before = piece_next(segments_at(segments, before));
            CHECK(before != PLACE_NONE);
        }
        copy_set_live(segments, copy, piece, owner->exptime);
        piece_set_next(segments_at(segments, before), copy->first);
        return true;
    }
    if (!may_move(thread->store, owner))
        return false;
    if (lane_room(&thread->store->reclaim.lane, segments) < owner->entry_size + EXTRA_CAS_SIZE)
        return false;
    copy_set_live(segments, copy, piece, owner->exptime);
    char *head = copy_item_locked(thread, owner, entry->value, copy->first);
    if (head == NULL) { /* flush_all has come between */
        copy_unset_live(segments, copy, owner->exptime);
        return false;
    }
    segments_expiry_remove(segments, segments_place(segments, owner->entry), owner->exptime,
                           owner->entry_size);
    index_relocate_locked(entry, segments_place(segments, head));
    mark_moved(thread, owner->entry);
    return true;
}

static enum entry_outcome handle_piece(struct store_thread *thread, char *piece)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct index_entry entry;
    struct piece_copy copy;
    enum entry_outcome outcome = ENTRY_DONE;
    if (item_header_state(item_header(piece)) != ITEM_LIVE)
        return ENTRY_DONE;
    struct item_view owner = item_read(segments_at(&store->segments, piece_owner(piece)));
    uint64_t hash = hash_key(owner.key, owner.key_size);
    /* Large: copied before the lock, for nothing if the item then turns out to be gone. */
    bool copied = store->reclaim.keep != KEEP_NOTHING && copy_piece(thread, piece, &copy);
    uint32_t home = index_lock(&store->index, hash);
    if (item_header_state(item_header(piece)) == ITEM_LIVE &&
        index_find_place_locked(&store->index, home, hash, piece_owner(piece), &entry)) {
        owner = item_read(segments_at(&store->segments, piece_owner(piece)));
        enum store_find state = store_item_state(thread, &owner);
        struct worth_item worth = worth_item_of(thread, &owner, entry.value, hash);
        if (!keeps_locked(thread, &worth, state)) {
            drop_locked(thread, home, hash, &entry, &owner, state);
        } else if (!copied || !relink_locked(thread, &entry, &owner, piece, &copy)) {
            outcome = ENTRY_NEEDS_ROOM;
        } else {
            mark_moved(thread, piece);
            copied = false; /* it is in use */
        }
    }
    index_unlock(&store->index, home);
    if (copied)
        discard_copy(thread, &copy);
    return outcome;
}

/* --- steps --------------------------------------------------------------------------------- */

enum reclaim_outcome {
    RECLAIM_GOING,
    RECLAIM_EMPTIED,
    RECLAIM_STUCK, /* no victim, or no room to move to */
};

static void tell_worth_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    const struct segment *segment = &store->segments.of[reclaim->victim];
    const struct worth_victim victim = {
        .queue = segment->queue,
        .age = thread->now > segment->opened_at ? thread->now - segment->opened_at : 0,
        .segment_size = store->segments.size,
        .kept_bytes = reclaim->kept_bytes,
        .items = reclaim->seen_items,
        .bytes = reclaim->seen_bytes,
    };
    worth_end_victim(&reclaim->worth, &victim);
    atomic_store_explicit(&reclaim->worth_least, reclaim->worth.least, memory_order_relaxed);
}

static enum reclaim_outcome finish_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct reclaim *reclaim = &thread->store->reclaim;
    if (reclaim->keep == KEEP_WORTHY)
        tell_worth_locked(thread);
    if (UNLIKELY(thread->observer != NULL))
        show_emptied_locked(thread);
    segments_emptied(&thread->store->segments, reclaim->victim);
    end_victim_locked(thread->store);
    counter_add(&thread->counters.segments_reclaimed, 1);
    counter_add(&thread->counters.compactions,
                reclaim->keep == KEEP_LIVE || reclaim->keep == KEEP_USED);
    reclaim->won += thread->store->segments.size;
    if (reclaim->won >= reclaim->moved + thread->store->segments.size)
        reclaim->won = reclaim->moved = 0;
    return RECLAIM_EMPTIED;
}

/* What stays has nowhere to go: then something must go that did not have to. */
static enum reclaim_outcome no_room_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    struct reclaim *reclaim = &store->reclaim;
    if (reclaim->keep == KEEP_WORTHY || reclaim->keep == KEEP_USED) {
        reclaim->keep = KEEP_NOTHING;
        return RECLAIM_GOING;
    }
    segments_put_back(&store->segments, reclaim->victim);
    end_victim_locked(thread->store);
    reclaim->starved = true;
    return store->config.evict ? RECLAIM_GOING : RECLAIM_STUCK;
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
        else if (!change_lane_locked(thread))
            return no_room_locked(thread);
    }
    return reclaim->offset < end ? RECLAIM_GOING : finish_locked(thread);
}

void reclaim_note_opened(struct reclaim *reclaim)
{
    atomic_store_explicit(&reclaim->looks_spent, true, memory_order_relaxed);
}

static bool is_short(struct store *store)
{
    uint32_t available = atomic_load_explicit(&store->segments.available, memory_order_relaxed);
    return available <= SEGMENTS_RESERVED + 1 + store->lane_count;
}

static bool has_work(struct reclaim *reclaim)
{
    return atomic_load_explicit(&reclaim->has_victim, memory_order_relaxed) ||
           atomic_load_explicit(&reclaim->looks_spent, memory_order_relaxed);
}

/* A little of what is to be done: while memory is short whatever makes room, else only what is
 * cheap. */
static void pace_locked(struct store_thread *thread) REQUIRES(thread->store->reclaim.lock)
{
    struct store *store = thread->store;
    if (store->reclaim.victim != SEGMENT_NONE || is_short(store) || choose_spent_locked(thread))
        (void)step_locked(thread, STEP_ENTRIES);
}

void reclaim_pace(struct store_thread *thread)
{
    struct store *store = thread->store;
    if (LIKELY(!has_work(&store->reclaim) && !is_short(store)))
        return;
    if (!mutex_try_lock(&thread->store->reclaim.lock))
        return;
    bool timed = thread->paces++ % PACES_TIMED == 0;
    uint64_t begun = timed ? stall_begin() : 0;
    pace_locked(thread);
    mutex_unlock(&thread->store->reclaim.lock);
    if (timed)
        stall_end(thread, begun);
}

static enum reclaim_outcome empty_one_locked(struct store_thread *thread)
    REQUIRES(thread->store->reclaim.lock)
{
    enum reclaim_outcome outcome = RECLAIM_GOING;
    while (outcome == RECLAIM_GOING)
        outcome = step_locked(thread, STEP_ENTRIES);
    return outcome;
}

bool reclaim_for_room(struct store_thread *thread)
{
    struct store *store = thread->store;
    uint64_t begun = stall_begin();
    counter_add(&thread->counters.room_waits, 1);
    if (!mutex_try_lock(&thread->store->reclaim.lock)) {
        sched_yield();
        return true;
    }
    bool emptied = empty_one_locked(thread) == RECLAIM_EMPTIED;
    bool waits = !emptied && segments_will_come(&store->segments, SEGMENTS_RESERVED);
    /* If everybody has passed meanwhile, what could not be emptied before can be now. */
    if (!emptied && !waits)
        emptied = empty_one_locked(thread) == RECLAIM_EMPTIED;
    mutex_unlock(&thread->store->reclaim.lock);
    stall_end(thread, begun);
    if (waits)
        sched_yield();
    return emptied || waits;
}
