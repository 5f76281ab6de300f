#ifndef LARDER_INDEX_HOME_H
#define LARDER_INDEX_HOME_H

/* Where a hash belongs in the index: for its look-ups, which have no time for calls. */

#include "store/index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#define UPPER_HALVES _MM_SHUFFLE(3, 1, 3, 1)
#endif

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

/*
 * Which slots of a line have that name, as it stands: bit i is slot i. The processor can't foresee
 * in which one a key is, so there is no loop to leave early. What comes of it is looked at again.
 */
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
HOT_INLINE unsigned line_names(const struct index_line *line, uint64_t name)
{
    const __m128 *pairs = (const __m128 *)(const void *)line; /* the line's word, then the slots */
    const __m128i wanted = _mm_set1_epi32((int)name);
    __m128i low = _mm_castps_si128(_mm_shuffle_ps(pairs[0], pairs[1], UPPER_HALVES));
    __m128i high = _mm_castps_si128(_mm_shuffle_ps(pairs[2], pairs[3], UPPER_HALVES));
    low = _mm_cmpeq_epi32(_mm_srli_epi32(low, SLOT_SPILL_SHIFT - 32), wanted);
    high = _mm_cmpeq_epi32(_mm_srli_epi32(high, SLOT_SPILL_SHIFT - 32), wanted);
    __m128i all = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
    return (unsigned)_mm_movemask_epi8(all) >> 1;
}
#else
HOT_INLINE unsigned line_names(const struct index_line *line, uint64_t name)
{
    unsigned names = 0;
    for (unsigned i = 0; i < INDEX_SLOTS; i++) {
        uint64_t slot =
            atomic_load_explicit(&((struct index_line *)line)->slots[i], memory_order_relaxed);
        names |= (unsigned)(slot >> SLOT_SPILL_SHIFT == name) << i;
    }
    return names;
}
#endif

/* The first slot of that name in a line; ->slot NULL: there is none. It is a hint: neither need the
 * key be that item's, nor is it elsewhere for sure. */
HOT_INLINE struct index_entry line_guess(struct index_line *line, uint64_t name)
{
    unsigned names = line_names(line, name);
    if (UNLIKELY(names == 0))
        return (struct index_entry){0};
    _Atomic uint64_t *slot = &line->slots[__builtin_ctz(names)];
    uint64_t value = atomic_load_explicit(slot, memory_order_acquire);
    if (UNLIKELY(value >> SLOT_SPILL_SHIFT != name || value == 0))
        return (struct index_entry){0};
    return (struct index_entry){slot, value};
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
