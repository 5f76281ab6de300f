/* Reading: store_get and what it is made of. */

#include "config.h"

#include "store/store_state.h"

void store_prefetch_index(const struct store_thread *thread, const struct store_key *key)
{
    index_prefetch(&thread->store->index, key->hash);
}

void store_prefetch_item(const struct store_thread *thread, const struct store_key *key)
{
    uint64_t place = index_guess(&thread->store->index, key->hash);
    if (place != PLACE_NONE)
        __builtin_prefetch(segments_at(&thread->store->segments, place));
}

/* It is of no use any more: takes it out of the index, if nobody else has. */
static void drop_gone(struct store_thread *thread, const struct store_key *key)
{
    struct store *store = thread->store;
    struct index_entry entry;
    uint32_t home = index_lock(&store->index, key->hash);
    if (index_find_locked(&store->index, home, key, &entry)) {
        struct item_view view = item_read(segments_at(&store->segments, slot_place(entry.value)));
        enum store_find state = store_item_state(thread, &view);
        if (state != STORE_HIT) {
            index_remove_locked(&store->index, home, &entry);
            store_bury_gone(thread, &view, entry.value, state);
        }
    }
    index_unlock(&store->index, home);
}

/*
 * Marks the slot, so that a later move of the item carries the cas unique along. The mark is set
 * under the lock, and the unique is taken from the place that the slot has then.
 */
static bool observe_cas(struct store_thread *thread, const struct store_key *key,
                        struct index_entry *entry)
{
    struct index *index = &thread->store->index;
    uint32_t home = index_lock(index, key->hash);
    bool found = index_find_locked(index, home, key, entry);
    if (found)
        slot_observe_cas_locked(entry);
    index_unlock(index, home);
    return found;
}

enum store_find store_get(struct store_thread *thread, const struct store_key *key, unsigned want,
                          struct store_item *item)
{
    struct store *store = thread->store;
    struct index_entry entry;
    if (!index_find(&store->index, key, &entry))
        return STORE_MISS;
    if (want & STORE_WANT_CAS && store->config.cas && !slot_cas_observed(entry.value) &&
        !observe_cas(thread, key, &entry))
        return STORE_MISS;
    struct item_view view = item_read(segments_at(&store->segments, slot_place(entry.value)));
    enum store_find state = store_item_state(thread, &view);
    if (UNLIKELY(state != STORE_HIT)) {
        drop_gone(thread, key);
        return state;
    }
    if (!(want & STORE_PEEK))
        slot_count_hit(&entry);
    store_item_fill(thread, &view, entry.value, want, item);
    return STORE_HIT;
}
