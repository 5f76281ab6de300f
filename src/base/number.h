#ifndef LARDER_NUMBER_H
#define LARDER_NUMBER_H

/*
 * Numbers to and from text, without locale and without printf. A text is a number only as a whole:
 * digits from its first byte to its last, at most as large as the type holds.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_U64_SIZE_MAX 20 /* digits of 2^64 - 1 */

/* Decimal digits only; false on an empty text, another byte, or overflow. *value then untouched. */
MUST_USE bool number_parse_u64(struct slice text, uint64_t *value);
MUST_USE bool number_parse_u32(struct slice text, uint32_t *value);

/* An optional '-' before the digits. */
MUST_USE bool number_parse_i64(struct slice text, int64_t *value);
MUST_USE bool number_parse_i32(struct slice text, int32_t *value);

extern const char number_pairs[]; /* 00, 01 and so on to 99 */

/* Writes the digits to `to` (room for NUMBER_U64_SIZE_MAX bytes, no NUL); returns how many. */
size_t number_format_u64(char *to, uint64_t value);

#endif
