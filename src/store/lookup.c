/* Reading: store_get and what it is made of. */

#include "config.h"

#include "store/index_home.h"
#include "store/store_state.h"

/* It is of no use any more: takes it out of the index, if nobody else has. */
static enum store_find drop_gone(struct store_thread *thread, const struct store_key *key,
                                 enum store_find seen)
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
    return seen;
}

/*
 * Marks the slot, so that a later move of the item carries the cas unique along and the next one
 * will be larger; and a counter, so that it is not counted in place any more. The marks are set
 * under the lock; the unique is taken from the place that the slot has then, and the value read
 * after it.
 */
static bool observe_cas(struct store_thread *thread, const struct store_key *key,
                        struct index_entry *entry)
{
    struct index *index = &thread->store->index;
    uint32_t home = index_lock(index, key->hash);
    bool found = index_find_locked(index, home, key, entry);
    if (found) {
        struct item_view view =
            item_read(segments_at(&thread->store->segments, slot_place(entry->value)));
        store_observe_cas_locked(entry, &view);
    }
    index_unlock(index, home);
    return found;
}

static enum store_find missed(struct store_thread *thread, const struct store_key *key,
                              unsigned want, enum store_find found)
{
    if (!(want & STORE_PEEK))
        store_note_for_curve(thread, key->hash, MINIATURE_MISS, NULL);
    return found;
}

static enum store_find hit_noted(struct store_thread *thread, const struct store_key *key,
                                 uint64_t slot, unsigned want, struct store_item *item)
{
    struct item_view view = item_read(segments_at(&thread->store->segments, slot_place(slot)));
    if (!(want & STORE_PEEK))
        store_note_for_curve(thread, key->hash, MINIATURE_HIT, &view);
    return store_item_fill(thread, &view, slot, want, item);
}

static bool is_observed(const struct store *store, const struct index_entry *entry)
{
    struct item_view view = item_read(segments_at(&store->segments, slot_place(entry->value)));
    return slot_cas_observed(entry->value) && (!view.counter || view.state == ITEM_SEEN);
}

/* The item that the entry leads to, if it counts. What seldom happens is called last, so that the
 * rest needs no stack. */
HOT_INLINE enum store_find get_entry(struct store_thread *thread, const struct store_key *key,
                                     const struct index_entry *entry, unsigned want,
                                     struct store_item *item)
{
    uint64_t place = slot_place(entry->value);
    struct item_view view = item_read(segments_at(&thread->store->segments, place));
    enum store_find state = store_place_state(thread, place, view.exptime);
    if (UNLIKELY(state != STORE_HIT))
        return missed(thread, key, want, drop_gone(thread, key, state));
    if (LIKELY(!(want & STORE_PEEK)))
        slot_count_hit(entry);
    if (UNLIKELY(store_curve_looks_at(thread, key->hash)))
        return hit_noted(thread, key, entry->value, want, item);
    return store_item_fill(thread, &view, entry->value, want, item);
}

/* The general way: spilled slots, cas uniques that nobody has seen yet, misses. */
static enum store_find get_anywhere(struct store_thread *thread, const struct store_key *key,
                                    unsigned want, struct store_item *item)
{
    struct store *store = thread->store;
    struct index_entry entry;
    if (!index_find(&store->index, key, &entry))
        return missed(thread, key, want, STORE_MISS);
    if (want & STORE_WANT_CAS && !is_observed(store, &entry) && !observe_cas(thread, key, &entry))
        return missed(thread, key, want, STORE_MISS);
    return get_entry(thread, key, &entry, want, item);
}

HOT_INLINE enum store_find get_guess(struct store_thread *thread, const struct store_key *key,
                                     const struct index_entry *guess, unsigned want,
                                     struct store_item *item)
{
    const struct segments *segments = &thread->store->segments;
    if (LIKELY(guess->slot != NULL && !(want & STORE_WANT_CAS)) &&
        LIKELY(item_has_key(segments_at(segments, slot_place(guess->value)), key)))
        return get_entry(thread, key, guess, want, item);
    return get_anywhere(thread, key, want, item);
}

/* Most items lie across two cache lines, and where the value begins is only known from the first:
 * so both are asked for at once. */
HOT_INLINE struct index_entry guess_in(const struct store *store, uint32_t home, uint64_t hash)
{
    const struct index *index = &store->index;
    struct index_entry guess = line_guess(&index->lines[home], slot_name(tag_of(index, hash), 0));
    const char *item = segments_at(&store->segments, slot_place(guess.value));
    __builtin_prefetch(item);
    __builtin_prefetch(item + CACHE_LINE);
    return guess;
}

enum store_find store_get(struct store_thread *thread, const struct store_key *key, unsigned want,
                          struct store_item *item)
{
    const struct index *index = &thread->store->index;
    uint32_t home = home_of(index, shape_read(index), key->hash);
    struct index_entry guess = guess_in(thread->store, home, key->hash);
    return get_guess(thread, key, &guess, want, item);
}

/* --- in steps ------------------------------------------------------------------------------ */

void store_probe_index(const struct store_thread *thread, struct store_probe *probe)
{
    const struct index *index = &thread->store->index;
    probe->home = home_of(index, shape_read(index), probe->key.hash);
    __builtin_prefetch(&index->lines[probe->home]);
}

void store_probe_item(const struct store_thread *thread, struct store_probe *probe)
{
    struct index_entry guess = guess_in(thread->store, probe->home, probe->key.hash);
    probe->slot = guess.slot;
    probe->seen = guess.value;
}

/* What stood in the slot still lies where it did: memory is not used again before the turn ends. */
enum store_find store_probe_get(struct store_thread *thread, const struct store_probe *probe,
                                unsigned want, struct store_item *item)
{
    struct index_entry guess = {probe->slot, probe->seen};
    return get_guess(thread, &probe->key, &guess, want, item);
}
