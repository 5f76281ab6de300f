/* Writing: store_put, store_delete, and the decision under the lock that both rest on. */

#include "config.h"

#include "store/index_home.h"
#include "store/store_state.h"

/* --- room ---------------------------------------------------------------------------------- */

bool store_make_room(struct store_thread *thread, enum segment_queue queue)
{
    struct store *store = thread->store;
    struct lane *lane = thread->lanes[queue];
    uint32_t full = lane_open_segment(lane);
    while (!lane_change(lane, &store->segments, full, SEGMENTS_RESERVED, thread->now)) {
        store_turn_pass(thread, thread->now);
        if (!reclaim_for_room(thread)) {
            counter_add(&thread->counters.outofmemory, 1);
            return false;
        }
    }
    reclaim_note_opened(&store->reclaim);
    return true;
}

void store_expect(const struct store_thread *thread, const struct store_key *key)
{
    const struct index *index = &thread->store->index;
    __builtin_prefetch(&index->lines[home_of(index, shape_read(index), key->hash)]);
}

void store_expect_item(const struct store_thread *thread, const struct store_key *key)
{
    const struct store *store = thread->store;
    const struct index *index = &store->index;
    uint32_t home = home_of(index, shape_read(index), key->hash);
    struct index_entry entry =
        line_guess(&index->lines[home], slot_name(tag_of(index, key->hash), 0));
    const char *item = segments_at(&store->segments, slot_place(entry.value));
    if (LIKELY(entry.slot != NULL)) {
        __builtin_prefetch(item);
        __builtin_prefetch(item + CACHE_LINE);
    } else
        ghosts_prefetch(&store->ghosts, index_size(index), key->hash);
}

/* The slot's tag is enough to go by: to mistake another key for it, once in thousands, only costs a
 * worse place. So the old item is on its way from memory while the new one is written. */
enum segment_queue store_queue_for(struct store_thread *thread, const struct store_key *key)
{
    const struct store *store = thread->store;
    const struct index *index = &store->index;
    uint32_t home = home_of(index, shape_read(index), key->hash);
    struct index_entry entry =
        line_guess(&index->lines[home], slot_name(tag_of(index, key->hash), 0));
    if (LIKELY(entry.slot != NULL) || index_find(index, key, &entry)) {
        __builtin_prefetch(segments_at(&store->segments, slot_place(entry.value)), 1);
        return segments_of(&store->segments, slot_place(entry.value))->queue;
    }
    bool dropped_lately = ghosts_have(&store->ghosts, index_size(&store->index), key->hash);
    counter_add(&thread->counters.ghosts_hit, dropped_lately);
    return dropped_lately ? QUEUE_MAIN : QUEUE_SMALL;
}

char *store_allocate(struct store_thread *thread, enum segment_queue queue, uint32_t size)
{
    char *entry;
    reclaim_pace(thread);
    while ((entry = lane_append(thread->lanes[queue], &thread->store->segments, size)) == NULL)
        if (!store_make_room(thread, queue))
            return NULL;
    counter_add(&thread->counters.appended_bytes, size);
    return entry;
}

/* --- the decision -------------------------------------------------------------------------- */

/* Finds the key's item under its lock; one that its time has passed over is buried and counts as
 * none. */
struct found {
    bool live; /* there is one; else the rest is not filled in */
    struct index_entry entry;
    struct item_view view;
};

static void find_locked(struct store_thread *thread, uint32_t home, const struct store_key *key,
                        struct found *found)
{
    struct store *store = thread->store;
    found->live = false;
    if (!index_find_locked(&store->index, home, key, &found->entry))
        return;
    found->view = item_read(segments_at(&store->segments, slot_place(found->entry.value)));
    enum store_find state = store_item_state(thread, &found->view);
    found->live = state == STORE_HIT;
    if (UNLIKELY(!found->live)) {
        index_remove_locked(&store->index, home, &found->entry);
        store_bury_gone(thread, &found->view, found->entry.value, state);
    }
}

static enum store_outcome decide(const struct store *store, const struct store_put *put,
                                 const struct found *found)
{
    if (put->expected != 0 &&
        (!found->live ||
         segments_cas(&store->segments, segments_place(&store->segments, found->view.entry)) !=
             put->expected))
        return STORE_EXISTS;
    if (put->compare_cas && !found->live)
        return STORE_NOT_FOUND;
    if (put->compare_cas && !store_cas_is(store, &found->view, put->compare))
        return STORE_EXISTS;
    switch (put->mode) {
    case STORE_SET:
        return STORE_STORED;
    case STORE_ADD:
        return found->live ? STORE_NOT_STORED : STORE_STORED;
    case STORE_REPLACE:
    case STORE_APPEND:
    case STORE_PREPEND:
        return found->live ? STORE_STORED : STORE_NOT_STORED;
    }
    return STORE_STORED;
}

/* Makes the slot lead to the new entry. false: no slot is to be had within reach. */
static bool link_locked(struct store_thread *thread, uint32_t home, const struct store_key *key,
                        struct found *found, uint64_t place)
{
    if (!found->live)
        return index_add_locked(&thread->store->index, home, key->hash, place, &found->entry);
    index_replace_locked(&found->entry, place);
    store_bury(thread, &found->view);
    return true;
}

static void mark_locked(struct index_entry *entry, const struct store_put *put)
{
    slot_mark_locked(entry, put->marks);
    if (put->want_cas)
        slot_observe_cas_locked(entry);
}

/* The exptime is the old item's: a touch in place may have changed it since it was looked up. */
static void take_exptime_locked(struct item_view *fresh, const struct item_view *old)
{
    fresh->exptime = old->exptime;
    atomic_store_explicit(fresh->exptime_word, old->exptime, memory_order_relaxed);
}

static bool publish_locked(struct store_thread *thread, uint32_t home, const struct store_key *key,
                           const struct store_put *put, struct found *found,
                           struct item_view *fresh)
{
    struct store *store = thread->store;
    if (UNLIKELY(put->expected != 0))
        take_exptime_locked(fresh, &found->view);
    item_set_state(fresh->entry, ITEM_LIVE);
    store_note_expiry(store, fresh, 0, fresh->exptime);
    if (!link_locked(thread, home, key, found, segments_place(&store->segments, fresh->entry)))
        return false;
    if (UNLIKELY(put->want_cas || put->marks != 0))
        mark_locked(&found->entry, put);
    return true;
}

/* Lanes open segments at different times, so a later place may have a smaller cas unique. That must
 * not be seen: clients tell by it which of two is older. */
static bool cas_rises_locked(struct store *store, const struct store_put *put,
                             const struct found *found, const struct item_view *fresh,
                             struct store_result *result)
{
    if (LIKELY(!found->live || !store_cas_counts(found->entry.value)) || put->set_cas)
        return true;
    result->cas_to_carry =
        store_cas_rising(store, &found->view, found->entry.value, store_item_cas(store, fresh));
    return result->cas_to_carry == 0;
}

bool store_publish(struct store_thread *thread, const struct store_key *key,
                   const struct store_put *put, char *entry, enum store_outcome *outcome,
                   struct store_result *result)
{
    struct store *store = thread->store;
    struct item_view fresh = item_read(entry);
    uint32_t home = index_lock(&store->index, key->hash);
    struct found found;
    find_locked(thread, home, key, &found);
    bool again = false;
    *outcome = decide(store, put, &found);
    if (*outcome == STORE_STORED) {
        again = store_is_passed_over(store, entry) ||
                !cas_rises_locked(store, put, &found, &fresh, result);
        if (UNLIKELY(again) || !publish_locked(thread, home, key, put, &found, &fresh))
            *outcome = STORE_NO_MEMORY;
    }
    index_unlock(&store->index, home);
    if (*outcome != STORE_STORED)
        return !again;
    store_note_added(thread, &fresh);
    counter_add(&thread->counters.total_items, 1);
    result->cas = put->want_cas ? store_item_cas(store, &fresh) : 0;
    result->value_size = fresh.value_size;
    store_note_for_curve(thread, key->hash, MINIATURE_STORED, &fresh);
    return true;
}

/* --- store_put ----------------------------------------------------------------------------- */

/* Whether a look without the lock shows already that nothing will be stored: saves the writing. */
static bool refused_at_sight(struct store_thread *thread, const struct store_key *key,
                             const struct store_put *put, enum store_outcome *outcome)
{
    struct store_item item;
    if (put->mode == STORE_SET && !put->compare_cas)
        return false;
    bool found = store_get(thread, key, STORE_PEEK, &item) == STORE_HIT;
    bool joins = put->mode == STORE_APPEND || put->mode == STORE_PREPEND;
    if (put->compare_cas && !found && !joins)
        *outcome = STORE_NOT_FOUND;
    else if (put->mode == STORE_ADD ? found : !found && put->mode != STORE_SET && !put->adds)
        *outcome = STORE_NOT_STORED;
    else
        return false;
    return true;
}

static enum store_outcome put_whole(struct store_thread *thread, const struct store_key *key,
                                    const struct store_put *put, struct slice value,
                                    struct store_result *result)
{
    struct store_put stale;
    enum store_outcome outcome = STORE_NO_MEMORY;
    bool published;
    if (UNLIKELY(put->accept_older) && store_put_as_stale(thread, key, put, &stale))
        put = &stale;
    struct item_shape shape = {
        .key_size = key->size,
        .value_size = value.size,
        .client_flags = put->client_flags,
        .exptime = put->exptime,
        .cas = put->set_cas ? put->cas : 0,
        .exptime_word = put->expected != 0,
        .marks = put->marks,
    };
    result->cas_to_carry = 0;
    do {
        enum segment_queue queue = store_queue_for(thread, key);
        if (UNLIKELY(put->compare_cas && !put->set_cas && result->cas_to_carry == 0))
            result->cas_to_carry = store_cas_foreseen(thread, queue, put->compare);
        if (UNLIKELY(result->cas_to_carry != 0))
            shape.cas = result->cas_to_carry;
        char *entry = store_allocate(thread, queue, item_entry_size(&shape));
        if (entry == NULL)
            return STORE_NO_MEMORY;
        memcpy(item_write(entry, &shape, key->at), value.at, value.size);
        published = store_publish(thread, key, put, entry, &outcome, result);
        if (outcome != STORE_STORED)
            store_discard(thread, entry);
    } while (UNLIKELY(!published));
    return outcome;
}

/* The key may come and go meanwhile, but one of the two has it where it was at some time. */
static enum store_outcome join_or_add(struct store_thread *thread, const struct store_key *key,
                                      const struct store_put *put, struct slice value,
                                      struct store_result *result)
{
    struct store_put add = *put;
    add.mode = STORE_ADD;
    add.compare_cas = false;
    enum store_outcome outcome = store_join(thread, key, put, value, result);
    while (outcome == STORE_NOT_STORED && put->adds) {
        outcome = put_whole(thread, key, &add, value, result);
        if (outcome == STORE_NOT_STORED)
            outcome = store_join(thread, key, put, value, result);
    }
    return outcome;
}

enum store_outcome store_put(struct store_thread *thread, const struct store_key *key,
                             const struct store_put *put, struct slice value,
                             struct store_result *result)
{
    enum store_outcome outcome;
    CHECK(value.size <= thread->store->inline_size_max);
    if (refused_at_sight(thread, key, put, &outcome))
        return outcome;
    if (put->mode == STORE_APPEND || put->mode == STORE_PREPEND)
        return join_or_add(thread, key, put, value, result);
    return put_whole(thread, key, put, value, result);
}

/* --- store_delete -------------------------------------------------------------------------- */

enum store_outcome_delete store_delete(struct store_thread *thread, const struct store_key *key,
                                       const uint64_t *compare)
{
    struct store *store = thread->store;
    uint32_t home = index_lock(&store->index, key->hash);
    struct found found;
    find_locked(thread, home, key, &found);
    enum store_outcome_delete outcome = STORE_DELETE_MISS;
    if (found.live && compare != NULL && !store_cas_is(store, &found.view, *compare))
        outcome = STORE_DELETE_EXISTS;
    else if (found.live)
        outcome = STORE_DELETED;
    if (outcome == STORE_DELETED) {
        index_remove_locked(&store->index, home, &found.entry);
        store_bury(thread, &found.view);
    }
    index_unlock(&store->index, home);
    if (outcome == STORE_DELETED)
        store_note_for_curve(thread, key->hash, MINIATURE_DELETED, NULL);
    return outcome;
}
