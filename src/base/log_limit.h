#ifndef LARDER_LOG_LIMIT_H
#define LARDER_LOG_LIMIT_H

/*
 * Keeps what clients can provoke from filling the log: one line in ten seconds for each cause. The
 * next line then says how many were left out.
 *
 * Threads: each limit belongs to one thread.
 */

#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

struct log_limit {
    uint64_t written_at; /* of clock_microseconds; 0: never */
    uint64_t left_out;   /* lines since */
};

/* All zero is a fresh limit. */
void log_write_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
