#ifndef LARDER_CENSUS_H
#define LARDER_CENSUS_H

/*
 * How large items are, from a walk over a few of them at a time; and lists of keys.
 *
 * The store's index is in the order of the keys' hashes, so a stretch of it is a fair sample.
 *
 * Threads: the admin thread's only; it has a store_thread of its own, awake for a step at a time.
 */

#include "base/text.h"
#include "store/store.h"

#include <stdbool.h>

#define CENSUS_SIZES 32 /* powers of two of bytes; the last holds all that is larger */

struct census {
    struct store_thread *thread; /* owned */
    size_t cursor;               /* of the walk */
    uint64_t counts[CENSUS_SIZES];
    uint64_t total;
};

MUST_USE bool census_init(struct census *census, struct store *store); /* false: no memory */
void census_end(struct census *census);

/* Looks at some more items; what was seen long ago fades. */
void census_advance(struct census *census);

/* [count, count, ...]: number i is of items of less than 2 to the power i bytes, key and header
 * included, and not of the one before. */
void census_write(const struct census *census, struct text *text);

/*
 * One page of a list of keys. It is cut short after a bounded number of items, found or not; then
 * cursor says where to go on.
 */
#define CENSUS_KEYS_MAX 1000

struct census_query {
    struct slice prefix; /* of the keys */
    size_t limit;        /* keys, about; at most CENSUS_KEYS_MAX */
    size_t cursor;       /* 0: from the start */
};

void census_write_keys(struct census *census, const struct census_query *query, struct text *text);

#endif
