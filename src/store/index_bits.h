#ifndef LARDER_INDEX_BITS_H
#define LARDER_INDEX_BITS_H

/*
 * The bits of the index's words and slots, as store/index.h draws them.
 */

#include "store/item.h"

#include <stdbool.h>
#include <stdint.h>

#define WORD_LOCK UINT64_C(1)
#define WORD_MOVING UINT64_C(2)
#define WORD_MOVES_ONE UINT64_C(4)
#define WORD_MOVES_MASK UINT64_C(0xfffffffc)
#define WORD_SPILLED_SHIFT 32
#define WORD_REACH_SHIFT 40
#define WORD_BYTE UINT64_C(0xff)
#define WORD_BLOOM_SHIFT 48
#define WORD_BLOOM_BITS 16

#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)
#define SLOT_CAS_OBSERVED (UINT64_C(1) << PLACE_BITS)
#define SLOT_MARKS_SHIFT 39
#define SLOT_MARKS UINT64_C(3)
#define SLOT_FETCHED ((uint64_t)STORE_FETCHED << SLOT_MARKS_SHIFT)
#define SLOT_HITS_SHIFT 41
#define SLOT_HITS_MAX UINT64_C(7)
/* Another hit would change nothing. */
#define SLOT_COUNTED_OUT (SLOT_FETCHED | SLOT_HITS_MAX << SLOT_HITS_SHIFT)
#define SLOT_SPILL_SHIFT 44
#define SLOT_SPILL_MAX UINT64_C(31)
#define SLOT_TAG_SHIFT 49
#define SLOT_TAG_BITS (64 - SLOT_TAG_SHIFT)
#define SLOT_TAG_MAX ((UINT64_C(1) << SLOT_TAG_BITS) - 1)

static inline unsigned word_reach(uint64_t word)
{
    return (unsigned)(word >> WORD_REACH_SHIFT & WORD_BYTE);
}

static inline unsigned word_spilled(uint64_t word)
{
    return (unsigned)(word >> WORD_SPILLED_SHIFT & WORD_BYTE);
}

static inline bool word_may_have_spilled(uint64_t word, uint64_t tag)
{
    return word >> (WORD_BLOOM_SHIFT + tag % WORD_BLOOM_BITS) & 1;
}

/* One more has spilled that far. */
static inline uint64_t word_add_spill(uint64_t word, unsigned spill, uint64_t tag)
{
    uint64_t reach = word_reach(word) < spill ? spill : word_reach(word);
    word = (word & ~(WORD_BYTE << WORD_REACH_SHIFT)) | reach << WORD_REACH_SHIFT;
    return (word | UINT64_C(1) << (WORD_BLOOM_SHIFT + tag % WORD_BLOOM_BITS)) +
           (UINT64_C(1) << WORD_SPILLED_SHIFT);
}

static inline uint64_t word_without_spills(uint64_t word)
{
    return word & ((UINT64_C(1) << WORD_SPILLED_SHIFT) - 1);
}

static inline uint64_t slot_place(uint64_t slot)
{
    return slot & PLACE_MASK;
}

static inline unsigned slot_hits(uint64_t slot)
{
    return (unsigned)(slot >> SLOT_HITS_SHIFT & SLOT_HITS_MAX);
}

static inline bool slot_cas_observed(uint64_t slot)
{
    return slot & SLOT_CAS_OBSERVED;
}

/* At all, since it was stored. */
static inline bool slot_fetched(uint64_t slot)
{
    return slot & SLOT_FETCHED;
}

/* Of STORE_SLOT_MARKS. */
static inline uint8_t slot_marks(uint64_t slot)
{
    return slot >> SLOT_MARKS_SHIFT & SLOT_MARKS;
}

/* The bits that say whose slot it is: tag and spill. */
static inline uint64_t slot_name(uint64_t tag, unsigned spill)
{
    return tag << (SLOT_TAG_SHIFT - SLOT_SPILL_SHIFT) | spill;
}

static inline unsigned slot_spill(uint64_t slot)
{
    return (unsigned)(slot >> SLOT_SPILL_SHIFT & SLOT_SPILL_MAX);
}

static inline uint64_t slot_with_spill(uint64_t slot, unsigned spill)
{
    return (slot & ~(SLOT_SPILL_MAX << SLOT_SPILL_SHIFT)) | (uint64_t)spill << SLOT_SPILL_SHIFT;
}

#endif
