#ifndef LARDER_SESSION_WITNESS_H
#define LARDER_SESSION_WITNESS_H

/*
 * A second client that knows what it wants: it stores values under a key that nobody else uses and
 * reads them back, while the first one does what the fuzzer says. It may find nothing, but never
 * anything else than what it has stored.
 */

#include "base/text.h"

#define WITNESS_KEY "\1the-witness's-own-key\2"
#define WITNESS_KEY_IN_BASE64 "AXRoZS13aXRuZXNzJ3Mtb3duLWtleQI="

/* All that it sends. */
void witness_write(struct text *input);

/* What it was answered. */
void witness_check(struct slice replies);

#endif
