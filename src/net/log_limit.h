#ifndef LARDER_LOG_LIMIT_H
#define LARDER_LOG_LIMIT_H

/*
 * Keeps what clients can provoke from filling the log: one line in ten seconds for each cause.
 *
 * Threads: each limit belongs to one thread.
 */

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_MICROSECONDS 10000000

struct log_limit {
    uint64_t written_at; /* of clock_microseconds; 0: never */
};

static inline bool log_limit_allows(struct log_limit *limit)
{
    uint64_t now = clock_microseconds();
    if (limit->written_at != 0 && now - limit->written_at < LOG_LIMIT_MICROSECONDS)
        return false;
    limit->written_at = now;
    return true;
}

#endif
