#ifndef LARDER_INDEX_HOME_H
#define LARDER_INDEX_HOME_H

/* Where a hash belongs in the index: for its look-ups, which have no time for calls. */

#include "store/index.h"

__extension__ typedef unsigned __int128 wide;

static inline uint64_t tag_of(const struct index *index, uint64_t hash)
{
    return hash >> (64 - index->fraction_bits) & SLOT_TAG_MAX;
}

static inline uint32_t line_of(uint64_t fraction, uint32_t lines)
{
    return (uint32_t)((wide)fraction * lines >> 64);
}

static inline uint64_t shape_read(const struct index *index)
{
    return atomic_load_explicit(&((struct index *)index)->shape, memory_order_acquire);
}

/* Lines below the sweep's mark still stand as in the smaller size. */
static inline uint32_t home_of(const struct index *index, uint64_t shape, uint64_t hash)
{
    uint64_t fraction = hash & index->fraction_mask;
    unsigned size = (unsigned)(shape >> 32);
    uint32_t home = line_of(fraction, index->sizes[size]);
    return LIKELY(home < (uint32_t)shape) ? home : line_of(fraction, index->sizes[size + 1]);
}

static inline uint64_t word_read(const struct index *index, uint32_t line)
{
    return atomic_load_explicit(&index->lines[line].word, memory_order_acquire);
}

/* The first slot of that name in a line; ->slot NULL: there is none. It is a hint: neither need the
 * key be that item's, nor is it elsewhere for sure. */
HOT_INLINE struct index_entry line_guess(struct index_line *line, uint64_t name)
{
    for (unsigned i = 0; i < INDEX_SLOTS; i++) {
        uint64_t slot = atomic_load_explicit(&line->slots[i], memory_order_acquire);
        if (UNLIKELY(slot >> SLOT_SPILL_SHIFT == name) && slot != 0)
            return (struct index_entry){&line->slots[i], slot};
    }
    return (struct index_entry){0};
}

/* Most keys are found so: by the first slot of their name at home. false: look further. */
HOT_INLINE bool home_has_key(const struct index *index, uint32_t home, const struct store_key *key,
                             struct index_entry *entry)
{
    *entry = line_guess(&index->lines[home], slot_name(tag_of(index, key->hash), 0));
    return LIKELY(entry->slot != NULL) &&
           LIKELY(item_has_key(segments_at(index->segments, slot_place(entry->value)), key));
}

#endif
