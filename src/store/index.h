#ifndef LARDER_INDEX_H
#define LARDER_INDEX_H

/*
 * The index: from a key to the place of its item. One flat array of 64-byte lines, each a word and
 * 7 slots of 8 bytes. A key's hash, read as a fraction of 1, says its home line. A slot that finds
 * its home full spills: into the home's neighbour in the same 128 bytes, else into lines at
 * triangular distances (3, 6, 10 ... 496), which soon leaves a crowded stretch. The home's word
 * says how far any has gone, and holds a small Bloom filter of the tags that have, so that a miss
 * seldom looks further.
 *
 * Because lines stand in the order of the hashes, the array grows in place by an eighth at a time:
 * a sweep from the last line to the first moves every line's entries up to where they belong in the
 * larger array, one old line a step. What a slot keeps of the hash is enough to find the new home,
 * so that growth never reads an item. Compare Larson, "Linear hashing with partial expansions"
 * (1980), and Amble and Knuth, "Ordered hash tables" (1974).
 *
 *     word: lock 1 | moving 1 | moves 30 | spilled 8 | reach 8 | Bloom filter of spilled tags 16
 *     slot: place 38 | cas observed 1 | fetched 1 | won 1 | hits 3 | spill 5 | tag 15;  0: empty
 *
 * Threads: any. A slot of a key changes only under the lock of the key's home line, but for two
 * changes that are safe without: an empty slot is claimed by compare-and-swap, and a reader counts
 * a hit by compare-and-swap. Look-ups take no lock: a hit counts when the slot is read; a miss
 * counts only if nothing with the same home was moved between slots meanwhile (`moves`), else it
 * looks again.
 */

#include "base/check.h"
#include "store/index_bits.h"
#include "store/segments.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define INDEX_SLOTS 7
#define INDEX_REACH_MAX 31     /* the longest spill */
#define INDEX_LINES_BEHIND 512 /* behind the last home, for spills */
#define INDEX_SIZES_MAX 64

struct CACHE_ALIGNED index_line {
    _Atomic uint64_t word;
    _Atomic uint64_t slots[INDEX_SLOTS];
};

struct index {
    /* set once at creation */
    struct index_line *lines; /* reserved for the largest size */
    size_t reserved_size;
    const struct segments *segments;
    unsigned fraction_bits; /* how many of a hash's top bits are used ... */
    uint64_t fraction_mask; /* ... these */
    unsigned sizes_count;
    uint32_t sizes[INDEX_SIZES_MAX]; /* lines; each an eighth more than the one before */

    /* any thread */
    CACHE_ALIGNED _Atomic uint64_t
        shape;                /* which size, and how far the sweep to the next has come */
    _Atomic uint64_t entries; /* added to in batches; see index_count */

    struct mutex growth; /* held while a sweep takes some steps */
};

/* Where a key's slot is. Valid under the home's lock, or as a hint. */
struct index_entry {
    _Atomic uint64_t *slot;
    uint64_t value; /* as read */
};

/* lines_min: at start. entries_max: for which address space is reserved. */
MUST_USE bool index_init(struct index *index, const struct segments *segments, size_t lines_min,
                         size_t entries_max);
void index_end(struct index *index);

/* Look-up without a lock. */
MUST_USE bool index_find(const struct index *index, const struct store_key *key,
                         struct index_entry *entry);

/* --- under the lock of a key's home -------------------------------------------------------- */

/* The home line of the hash, locked. Never held across an allocation or another lock. */
uint32_t index_lock(struct index *index, uint64_t hash);
void index_unlock(struct index *index, uint32_t home);

MUST_USE bool index_find_locked(const struct index *index, uint32_t home,
                                const struct store_key *key, struct index_entry *entry);

/* The slot of that hash that points to that place. */
MUST_USE bool index_find_place_locked(const struct index *index, uint32_t home, uint64_t hash,
                                      uint64_t place, struct index_entry *entry);

/* false: every line within reach is full. */
MUST_USE bool index_add_locked(struct index *index, uint32_t home, uint64_t hash, uint64_t place,
                               struct index_entry *entry);
/* Another item of that key: it keeps the hits, for what they tell of the key, and that a cas unique
 * of the key was observed, but no marks. */
void index_replace_locked(struct index_entry *entry, uint64_t place);
void index_remove_locked(struct index *index, uint32_t home, struct index_entry *entry);

/* --- slots --------------------------------------------------------------------------------- */

/* One more hit, unless the count is at its cap or somebody else changed the slot. */
HOT_INLINE void slot_count_use(const struct index_entry *entry, uint64_t marks)
{
    uint64_t expected = entry->value;
    uint64_t one = (uint64_t)(slot_hits(expected) < SLOT_HITS_MAX) << SLOT_HITS_SHIFT;
    uint64_t counted = (expected | marks) + one;
    if (UNLIKELY(counted != expected))
        atomic_compare_exchange_strong_explicit(entry->slot, &expected, counted,
                                                memory_order_relaxed, memory_order_relaxed);
}

HOT_INLINE void slot_count_hit(const struct index_entry *entry)
{
    if (UNLIKELY((entry->value & SLOT_COUNTED_OUT) != SLOT_COUNTED_OUT))
        slot_count_use(entry, SLOT_FETCHED);
}

/* As slot_count_hit, but it was not read. */
static inline void slot_count_use_locked(const struct index_entry *entry)
{
    slot_count_use(entry, 0);
}

void slot_observe_cas_locked(struct index_entry *entry);
void slot_mark_locked(struct index_entry *entry, uint8_t marks);

/* The slot after its item was moved: it counts on from so many hits. */
void index_move_locked(struct index_entry *entry, uint64_t place, unsigned hits);

/* The same item elsewhere: nothing but the place changes. */
void index_relocate_locked(struct index_entry *entry, uint64_t place);

/* --- growth -------------------------------------------------------------------------------- */

/* Adds to the number of entries; in batches of some 16, since the sum is shared. */
void index_count(struct index *index, int64_t added);

bool index_growth_due(struct index *index);

/* Does what growth is due, a bounded number of steps. */
void index_grow(struct index *index);
bool index_is_growing(struct index *index);
size_t index_size(const struct index *index);     /* lines, but for a sweep that is under way */
size_t index_size_max(const struct index *index); /* the most that it can grow to */
uint64_t index_entries(struct index *index);      /* about */
size_t index_lines(struct index *index);          /* with memory behind them */
size_t index_bytes(struct index *index);          /* resident at most */

/*
 * For walks: the slots of a home below index_homes_end, at most INDEX_HOME_SLOTS_MAX. Growth gives
 * an entry a higher home or the same.
 */
#define INDEX_HOME_SLOTS_MAX (INDEX_SLOTS * (INDEX_REACH_MAX + 1))
unsigned index_home_slots(const struct index *index, size_t home, uint64_t *slots);
size_t index_homes_end(const struct index *index);

#endif
