/* Items that are to be stored anew: who may do it, and how they are invalidated until then. */

#include "config.h"

#include "store/store_state.h"

enum store_win store_win(struct store_thread *thread, const struct store_key *key,
                         const struct store_item *item)
{
    struct index *index = &thread->store->index;
    struct index_entry entry;
    enum store_win outcome = STORE_WIN_CHANGED;
    if (item->marks & STORE_WON)
        return STORE_WIN_LOST;
    uint32_t home = index_lock(index, key->hash);
    if (index_find_place_locked(index, home, key->hash, item->place, &entry)) {
        outcome = slot_marks(entry.value) & STORE_WON ? STORE_WIN_LOST : STORE_WIN;
        slot_mark_locked(&entry, STORE_WON);
    }
    index_unlock(index, home);
    return outcome;
}

bool store_put_as_stale(struct store_thread *thread, const struct store_key *key,
                        const struct store_put *put, struct store_put *stale)
{
    struct store_item item;
    bool whole = put->mode == STORE_SET || put->mode == STORE_REPLACE;
    if (!whole || !put->compare_cas || !thread->store->config.cas ||
        store_get(thread, key, STORE_PEEK | STORE_WANT_CAS, &item) != STORE_HIT ||
        put->compare >= item.cas)
        return false;
    *stale = *put;
    stale->expected = segments_cas(&thread->store->segments, item.place);
    stale->compare_cas = false;
    stale->exptime = item.exptime;
    stale->marks |= STORE_STALE | (item.marks & STORE_WON);
    return true;
}

/* --- invalidation -------------------------------------------------------------------------- */

struct invalidating {
    const struct store *store;
    const struct store_invalidation *how;
    bool in_pieces; /* refused because only the head may be written anew */
};

/* Clients find by it that theirs is older. One above the place's cas unique lies inside the old
 * entry, where no other can begin. */
static uint64_t cas_after(const struct invalidating *invalidating, const struct item_view *old,
                          uint64_t slot)
{
    if (invalidating->how->cas != 0 || !invalidating->store->config.cas)
        return invalidating->how->cas;
    if (old->cas != 0 && !slot_cas_observed(slot))
        return 0; /* a client gave it and none has asked for it: a new one, as memcached does */
    return store_item_cas(invalidating->store, old) + 1;
}

static bool may_invalidate(const struct invalidating *invalidating, const struct item_view *old)
{
    const uint64_t *compare = invalidating->how->compare;
    return compare == NULL || store_cas_is(invalidating->store, old, *compare);
}

static struct item_shape invalid_shape(const struct invalidating *invalidating,
                                       const struct item_view *old, uint64_t slot)
{
    const struct store_invalidation *how = invalidating->how;
    struct item_shape shape = store_shape_of(old);
    if (how->empty)
        shape =
            (struct item_shape){.key_size = old->key_size, .marks = old->marks & STORE_KEY_BINARY};
    else
        shape.marks |= slot_marks(slot) & STORE_FETCHED;
    if (how->set_exptime)
        shape.exptime = how->exptime;
    if (how->stale)
        shape.marks |= STORE_STALE;
    shape.cas = cas_after(invalidating, old, slot);
    return shape;
}

static bool plan_invalidation(void *context, const struct item_view *old, uint64_t slot,
                              struct item_shape *shape)
{
    struct invalidating *invalidating = context;
    invalidating->in_pieces = false;
    if (!may_invalidate(invalidating, old))
        return false;
    invalidating->in_pieces = old->first_piece != PLACE_NONE && !invalidating->how->empty;
    *shape = invalid_shape(invalidating, old, slot);
    return !invalidating->in_pieces;
}

static void write_invalidation(void *context, const struct item_view *old, char *value)
{
    const struct invalidating *invalidating = context;
    if (!invalidating->how->empty)
        item_copy_value(value, old);
}

/* The pieces stay where they are and have another head. Under the lock. */
static void change_head(struct store_thread *thread, struct index_entry *entry,
                        const struct item_view *old, const struct item_shape *shape, char *room)
{
    struct store *store = thread->store;
    struct segments *segments = &store->segments;
    uint64_t place = segments_place(segments, room);
    uint32_t size = item_entry_size(shape);
    item_write(room, shape, old->key);
    for (uint64_t piece = old->first_piece; piece != PLACE_NONE;
         piece = piece_next(segments_at(segments, piece)))
        piece_set_owner(segments_at(segments, piece), place);
    item_set_state(room, ITEM_LIVE);
    store_note_expiry(store, old, old->exptime, shape->exptime);
    segments_expiry_remove(segments, segments_place(segments, old->entry), shape->exptime,
                           old->entry_size);
    segments_expiry_add(segments, place, shape->exptime, size);
    index_replace_locked(entry, place);
    slot_mark_locked(entry, shape->marks);
    counter_add(&thread->counters.bytes, (uint64_t)size - old->entry_size);
    store_discard(thread, old->entry);
}

/* One try. REWRITE_REFUSED: it is another item meanwhile, or not in pieces any more. */
static enum store_rewritten invalidate_in_pieces(struct store_thread *thread,
                                                 const struct store_key *key,
                                                 const struct invalidating *invalidating)
{
    struct store *store = thread->store;
    struct index_entry entry;
    /* As large as any head is: the rest becomes padding. */
    struct item_shape largest = {
        .key_size = key->size, .client_flags = 1, .cas = 1, .first_piece = 1, .exptime_word = true};
    uint32_t room_size = item_entry_size(&largest);
    char *room = store_allocate(thread, QUEUE_SMALL, room_size);
    uint32_t used = 0;
    if (room == NULL)
        return REWRITE_NO_MEMORY;
    uint32_t home = index_lock(&store->index, key->hash);
    if (index_find_locked(&store->index, home, key, &entry)) {
        struct item_view old = item_read(segments_at(&store->segments, slot_place(entry.value)));
        if (store_item_state(thread, &old) == STORE_HIT && old.first_piece != PLACE_NONE &&
            may_invalidate(invalidating, &old) && !store_is_passed_over(store, room)) {
            struct item_shape shape = invalid_shape(invalidating, &old, entry.value);
            used = item_entry_size(&shape);
            change_head(thread, &entry, &old, &shape, room);
        }
    }
    index_unlock(&store->index, home);
    if (used < room_size) {
        item_write_padding(room + used, room_size - used);
        store_discard(thread, room + used);
    }
    return used > 0 ? REWRITE_DONE : REWRITE_REFUSED;
}

enum store_outcome_delete store_invalidate(struct store_thread *thread, const struct store_key *key,
                                           const struct store_invalidation *how)
{
    static const struct store_rewrite rewrite = {.plan = plan_invalidation,
                                                 .write = write_invalidation};
    struct invalidating invalidating = {.store = thread->store, .how = how};
    enum store_rewritten outcome;
    struct store_item item;
    /* Also takes what is gone out of the index. */
    if (store_get(thread, key, STORE_PEEK, &item) != STORE_HIT)
        return STORE_DELETE_MISS;
    do {
        outcome = store_rewrite(thread, key, &rewrite, &invalidating, &item);
        if (outcome == REWRITE_REFUSED && !invalidating.in_pieces)
            return STORE_DELETE_EXISTS;
        if (outcome == REWRITE_REFUSED)
            outcome = invalidate_in_pieces(thread, key, &invalidating);
    } while (outcome == REWRITE_REFUSED);
    if (outcome == REWRITE_NO_MEMORY)
        return store_delete(thread, key, how->compare);
    return outcome == REWRITE_DONE ? STORE_DELETED : STORE_DELETE_MISS;
}
