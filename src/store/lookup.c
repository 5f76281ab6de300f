/* Reading: store_get and what it is made of. */

#include "config.h"

#include "base/hash_inline.h"
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
                                     const struct index_entry *entry, const struct item_view *view,
                                     unsigned want, struct store_item *item)
{
    uint64_t place = slot_place(entry->value);
    enum store_find state = store_place_state(thread, place, view->exptime);
    if (UNLIKELY(state != STORE_HIT))
        return missed(thread, key, want, drop_gone(thread, key, state));
    if (LIKELY(!(want & STORE_PEEK)))
        slot_count_hit(entry);
    if (UNLIKELY(store_curve_looks_at(thread, key->hash)))
        return hit_noted(thread, key, entry->value, want, item);
    return store_item_fill(thread, view, entry->value, want, item);
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
    struct item_view view = item_read(segments_at(&store->segments, slot_place(entry.value)));
    return get_entry(thread, key, &entry, &view, want, item);
}

HOT_INLINE enum store_find get_guess(struct store_thread *thread, const struct store_key *key,
                                     const struct index_entry *guess, unsigned want,
                                     struct store_item *item)
{
    if (UNLIKELY(guess->slot == NULL || want & STORE_WANT_CAS))
        return get_anywhere(thread, key, want, item);
    struct item_view view =
        item_read(segments_at(&thread->store->segments, slot_place(guess->value)));
    if (UNLIKELY(!item_is_of(&view, key)))
        return get_anywhere(thread, key, want, item);
    return get_entry(thread, key, guess, &view, want, item);
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

/* --- a batch -------------------------------------------------------------------------------- */

HOT_INLINE void probe_indexes(const struct index *index, struct store_probe *probes, size_t count)
{
    uint64_t shape = shape_read(index);
    for (struct store_probe *probe = probes; probe < probes + count; probe++) {
        probe->key.hash = hash_key_inline(probe->key.at, probe->key.size);
        probe->home = home_of(index, shape, probe->key.hash);
        __builtin_prefetch(&index->lines[probe->home]);
    }
}

HOT_INLINE void probe_items(const struct store *store, struct store_probe *probes, size_t count)
{
    for (struct store_probe *probe = probes; probe < probes + count; probe++) {
        struct index_entry guess = guess_in(store, probe->home, probe->key.hash);
        probe->slot = guess.slot;
        probe->seen = guess.value;
    }
}

/*
 * The plain case, without a call: an item in one piece, without extra fields, whose key agrees and
 * that counts, and the curve does not look at it. false: it is not that.
 */
HOT_INLINE bool take_plain(struct store_thread *thread, struct store_probe *probe)
{
    const struct segments *segments = &thread->store->segments;
    const struct index_entry guess = {probe->slot, probe->seen};
    uint64_t place = slot_place(guess.value);
    const char *entry = segments_at(segments, place);
    uint32_t header = guess.slot == NULL ? 0 : item_header(entry);
    if (UNLIKELY(!item_is_plain(entry, header, &probe->key)))
        return false;
    uint32_t exptime = item_header_has_exptime(header) ? item_exptime(entry) : 0;
    if (UNLIKELY(store_place_state(thread, place, exptime) != STORE_HIT) ||
        UNLIKELY(store_curve_looks_at(thread, probe->key.hash)))
        return false;
    slot_count_hit(&guess);
    probe->item.value = item_plain_key(entry, header) + probe->key.size;
    probe->item.value_size = item_header_value_size(header);
    probe->item.cas = 0;
    probe->item.client_flags = 0;
    probe->item.exptime = exptime;
    probe->item.marks = slot_marks(guess.value);
    probe->item.place = place;
    return true;
}

/* Any other. What stood in the slot still lies where it did: memory is not used again before the
 * turn ends. */
static enum store_find get_probed(struct store_thread *thread, struct store_probe *probe,
                                  unsigned want)
{
    struct index_entry guess = {probe->slot, probe->seen};
    return get_guess(thread, &probe->key, &guess, want, &probe->item);
}

size_t store_get_batch(struct store_thread *thread, struct store_probe *probes, size_t count,
                       unsigned want, size_t room, size_t besides)
{
    const struct store_probe *end = probes + count;
    struct store_probe *probe = probes;
    probe_indexes(&thread->store->index, probes, count);
    probe_items(thread->store, probes, count);
    for (; probe < end; probe++) {
        size_t takes = probe->key.size + besides;
        probe->found = LIKELY(want == 0 && take_plain(thread, probe))
                           ? STORE_HIT
                           : get_probed(thread, probe, want);
        bool in_pieces = probe->found == STORE_HIT && probe->item.value == NULL;
        if (LIKELY(probe->found == STORE_HIT && !in_pieces))
            takes += probe->item.value_size;
        if (UNLIKELY(takes > room))
            break;
        room -= takes;
        if (UNLIKELY(in_pieces))
            end = probe + 1;
    }
    return (size_t)(probe - probes);
}
