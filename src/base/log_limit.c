#include "config.h"

#include "base/log_limit.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LIMIT_MICROSECONDS 10000000
#define LINE_SIZE 512

static bool is_allowed(struct log_limit *limit)
{
    uint64_t now = clock_microseconds();
    if (limit->written_at != 0 && now - limit->written_at < LIMIT_MICROSECONDS)
        return false;
    limit->written_at = now;
    return true;
}

void log_write_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    if (!is_allowed(limit)) {
        limit->left_out++;
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (limit->left_out > 0)
        log_write(level, "%s (and %" PRIu64 " more since the last such line)", line,
                  limit->left_out);
    else
        log_write(level, "%s", line);
    limit->left_out = 0;
}
