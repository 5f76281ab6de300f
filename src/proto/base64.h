#ifndef LARDER_BASE64_H
#define LARDER_BASE64_H

/* Base64 (RFC 4648, section 4), as meta commands carry binary keys. */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>

/* `to` holds *size bytes; *size becomes what was written. false: not base64, or too long. */
MUST_USE bool base64_decode(struct slice text, char *to, size_t *size);

/* Into `to`, with room for 4 bytes for each 3 begun; returns how many. */
size_t base64_encode(char *to, struct slice bytes);

#endif
