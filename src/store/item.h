#ifndef LARDER_ITEM_H
#define LARDER_ITEM_H

/*
 * The layout of an entry in a segment. Entries lie back to back, 4-byte aligned.
 *
 *     u32 header: key size 8 | value size 20 | has exptime 1 | has extra 1 | state 2
 *     [u32 exptime]                            when has exptime
 *     [u8 kind, u32 client flags, u64 cas, u64 value size and u64 first piece, u8 width]
 *                                              when has extra, each as its bit of `kind` says;
 *                                              other bits of `kind` are marks of the item
 *     key, value
 *
 * The value of a counter is a number in one word, at the first address behind the key that is a
 * multiple of 8. What a client reads is its digits, with spaces behind them up to `width`.
 *
 * Key size 0 marks what is no item: with has extra, a piece of a large value (header at 4 modulo 8,
 * then u64 place of the next piece, u64 place of the owner, bytes); without, padding.
 *
 * A place is the distance from the store's first byte in units of 4 bytes; no entry has place 0.
 *
 * Threads: an entry is written by one thread before it is published, and not changed after that but
 * for its state, its exptime and a counter's number, which are single atomic words. The state
 * changes under the lock of its key.
 */

#include "base/check.h"
#include "base/slice.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdint.h>

#define PLACE_UNIT 4
#define PLACE_NONE 0
#define PLACE_BITS 38
#define PLACE_REACH                                                                                \
    ((UINT64_C(1) << PLACE_BITS) * PLACE_UNIT) /* bytes that places can tell apart */

#define ITEM_VALUE_BITS 20
#define ITEM_VALUE_SIZE_MAX ((1u << ITEM_VALUE_BITS) - 1)

enum item_state {
    ITEM_TENTATIVE = 0, /* being written, or given up before anybody saw it */
    ITEM_LIVE = 1,
    ITEM_DEAD = 2,
    ITEM_SEEN = 3, /* a live counter whose cas unique somebody has: not counted in place any more */
};

enum item_extra {
    ITEM_EXTRA_FLAGS = 1,
    ITEM_EXTRA_CAS = 2,
    ITEM_EXTRA_LARGE = 4,
    ITEM_EXTRA_STALE = STORE_STALE,
    ITEM_EXTRA_KEY_BINARY = STORE_KEY_BINARY,
    ITEM_EXTRA_COUNTER = 32,
};

#define ITEM_EXTRA_MARKS (ITEM_EXTRA_STALE | ITEM_EXTRA_KEY_BINARY)

/* An entry, taken apart. Pointers lead into the segment. */
struct item_view {
    char *entry;
    const char *key;
    const char *value;              /* of a large item or a counter: not the text */
    _Atomic uint32_t *exptime_word; /* NULL: has none */
    uint64_t value_size;
    uint64_t cas;         /* 0: none of its own */
    uint64_t first_piece; /* PLACE_NONE: not large */
    uint32_t entry_size;
    uint32_t client_flags;
    uint32_t exptime;
    uint8_t key_size;
    uint8_t state;
    uint8_t marks; /* those of `kind` */
    bool counter;
};

/* What an entry is to be. */
struct item_shape {
    size_t key_size;
    uint64_t value_size;
    uint32_t client_flags;
    uint32_t exptime;
    uint64_t cas;         /* 0: none of its own */
    uint64_t first_piece; /* PLACE_NONE: not large */
    bool exptime_word;    /* even when exptime is 0 */
    bool counter;         /* value_size is its width, at most STORE_NUMBER_SIZE_MAX */
    uint8_t marks;        /* those of store_mark that the entry holds, and its slot's */
};

static inline uint32_t item_round_up(size_t size)
{
    return (uint32_t)((size + PLACE_UNIT - 1) & ~(size_t)(PLACE_UNIT - 1));
}

static inline uint32_t item_header(const char *entry)
{
    return atomic_load_explicit((_Atomic uint32_t *)(uintptr_t)entry, memory_order_acquire);
}

/* Of one that has an exptime. */
static inline uint32_t item_exptime(const char *entry)
{
    return atomic_load_explicit((_Atomic uint32_t *)(uintptr_t)(entry + 4), memory_order_relaxed);
}

static inline bool item_is_live(uint8_t state)
{
    return state == ITEM_LIVE || state == ITEM_SEEN;
}

static inline uint8_t item_header_key_size(uint32_t header)
{
    return (uint8_t)header;
}

static inline uint32_t item_header_value_size(uint32_t header)
{
    return header >> 8 & ITEM_VALUE_SIZE_MAX;
}

static inline bool item_header_has_exptime(uint32_t header)
{
    return header >> 28 & 1;
}

#define ITEM_HEADER_EXTRA (UINT32_C(1) << 29)

static inline bool item_header_has_extra(uint32_t header)
{
    return header & ITEM_HEADER_EXTRA;
}

static inline enum item_state item_header_state(uint32_t header)
{
    return (enum item_state)(header >> 30);
}

static inline bool item_header_is_piece(uint32_t header)
{
    return item_header_key_size(header) == 0 && item_header_has_extra(header);
}

/* Bytes an entry of this shape takes in a segment. */
uint32_t item_entry_size(const struct item_shape *shape);

/* Bytes of the entry, whatever it is, that starts there. */
uint32_t item_entry_size_at(const char *entry);

/* Writes header, exptime, extra and key as tentative; returns where the value belongs: of a
 * counter, its word. */
char *item_write(char *entry, const struct item_shape *shape, const char *key);

/* Where the key lies; for comparing without taking everything apart. */
static inline const char *item_key_at(const char *entry, uint32_t header)
{
    const char *at = entry + 4 + 4 * item_header_has_exptime(header);
    if (UNLIKELY(item_header_has_extra(header))) {
        uint8_t kind = (uint8_t)*at;
        at += 1 + 4 * !!(kind & ITEM_EXTRA_FLAGS) + 8 * !!(kind & ITEM_EXTRA_CAS) +
              16 * !!(kind & ITEM_EXTRA_LARGE) + !!(kind & ITEM_EXTRA_COUNTER);
    }
    return at;
}

static inline bool item_has_key(const char *entry, const struct store_key *key)
{
    uint32_t header = item_header(entry);
    return item_header_key_size(header) == key->size &&
           bytes_equal(item_key_at(entry, header), key->at, key->size);
}

/* Most items are plain: without extra fields, so nothing but perhaps an exptime stands between
 * header and key. */
static inline const char *item_plain_key(const char *entry, uint32_t header)
{
    return entry + 4 + 4 * item_header_has_exptime(header);
}

/* It has that key, and is plain. */
static inline bool item_is_plain(const char *entry, uint32_t header, const struct store_key *key)
{
    return (header & (ITEM_HEADER_EXTRA | UINT8_MAX)) == key->size &&
           bytes_equal(item_plain_key(entry, header), key->at, key->size);
}

/* Steps over the optional fields. */
HOT_INLINE const char *item_take_extra(struct item_view *view, const char *at)
{
    uint8_t kind = (uint8_t)*at++;
    view->marks = kind & ITEM_EXTRA_MARKS;
    if (kind & ITEM_EXTRA_FLAGS) {
        memcpy(&view->client_flags, at, 4);
        at += 4;
    }
    if (kind & ITEM_EXTRA_CAS) {
        memcpy(&view->cas, at, 8);
        at += 8;
    }
    if (kind & ITEM_EXTRA_LARGE) {
        memcpy(&view->value_size, at, 8);
        memcpy(&view->first_piece, at + 8, 8);
        at += 16;
    }
    view->counter = kind & ITEM_EXTRA_COUNTER;
    if (view->counter)
        view->value_size = (uint8_t)*at++;
    return at;
}

/* Takes an item (not a piece, not padding) apart. */
HOT_INLINE struct item_view item_read(char *entry)
{
    uint32_t header = item_header(entry);
    uint32_t value_size = item_header_value_size(header);
    struct item_view view = {
        .entry = entry,
        .value_size = value_size,
        .key_size = item_header_key_size(header),
        .state = item_header_state(header),
    };
    const char *at = entry + 4;
    if (item_header_has_exptime(header)) {
        view.exptime_word = (_Atomic uint32_t *)(uintptr_t)at;
        view.exptime = atomic_load_explicit(view.exptime_word, memory_order_relaxed);
        at += 4;
    }
    if (UNLIKELY(item_header_has_extra(header)))
        at = item_take_extra(&view, at);
    view.key = at;
    view.value = at + view.key_size;
    view.entry_size = item_round_up((size_t)(view.value - entry) + value_size);
    return view;
}

static inline bool item_is_of(const struct item_view *view, const struct store_key *key)
{
    return view->key_size == key->size && bytes_equal(view->key, key->at, key->size);
}

void item_set_state(char *entry, enum item_state state);

/* Padding of `size` bytes (a multiple of 4, at least 4), so that a scan can step over it. */
void item_write_padding(char *entry, uint32_t size);

/* --- values that are not pieces ------------------------------------------------------------ */

/* The number of a counter. Set only under the lock of its key, or before it is published. */
_Atomic uint64_t *item_counter(const struct item_view *view);

/* Writes the value as clients read it; view->value_size bytes. */
void item_copy_value(char *to, const struct item_view *view);

/* --- pieces of large values ---------------------------------------------------------------- */

/* u32 header, u64 place of the next piece, u64 place of the owner; then the bytes. */
#define PIECE_HEADER_SIZE 20

void piece_write(char *entry, uint32_t size);
struct slice piece_bytes(char *entry);
uint64_t piece_next(const char *entry);
uint64_t piece_owner(const char *entry);
void piece_set_next(char *entry, uint64_t place);
void piece_set_owner(char *entry, uint64_t place);

#endif
