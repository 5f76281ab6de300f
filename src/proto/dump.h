#ifndef LARDER_DUMP_H
#define LARDER_DUMP_H

/*
 * Lists of keys: lru_crawler metadump and mgdump, stats cachedump. All items are walked over in
 * steps; the lines of a step go out before the next, so that a slow reader holds no more of them.
 */

#include "proto/exchange.h"

#include <stdint.h>

enum dump_kind { DUMP_METADUMP, DUMP_MGDUMP, DUMP_CACHEDUMP };

/* Where a dump has got to. */
struct dump {
    enum dump_kind kind;
    size_t cursor;       /* of store_walk */
    uint64_t items_left; /* that may still be shown */
    uint64_t bytes_left;
};

/* `classes` as class_list_parse takes them. Ends the request. */
bool exchange_dump_keys(struct exchange *x, enum dump_kind kind, struct slice classes);

/* stats cachedump CLASS LIMIT. Ends the request. */
bool exchange_cachedump(struct exchange *x, const struct slice *words, size_t word_count);

#endif
