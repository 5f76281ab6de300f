#ifndef LARDER_FUZZ_H
#define LARDER_FUZZ_H

/*
 * A fuzz target is one file that defines LLVMFuzzerTestOneInput: bytes in, and an abort if what
 * they lead to is wrong. With libFuzzer it searches (scripts/fuzz); with replay.c it is a test that
 * runs the committed corpus. A target does the same for the same bytes, always.
 */

#include "base/check.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- quiet_log.c: in the place of the daemon's own, a log that nobody has to read
 * -------------------------------------------------
 */

/* Lines at LOG_ERROR since the last call. */
unsigned quiet_log_take_errors(void);

#endif
