#ifndef LARDER_LOG_H
#define LARDER_LOG_H

/*
 * The log: one line a call, to standard error. Errors and warnings are always written; the rest by
 * verbosity (-v, -vv, -vvv, or the verbosity command).
 *
 * Threads: any; a line is written by one system call and never mixes with another.
 */

#include "base/check.h"

#include <stdbool.h>

enum log_level {
    LOG_ERROR,   /* something failed and somebody must act */
    LOG_WARNING, /* the daemon goes on, but somebody should know */
    LOG_NOTICE,  /* start and stop: what an owner wants to read once */
    LOG_INFO,    /* -v */
    LOG_DEBUG,   /* -vv: every connection */
    LOG_TRACE,   /* -vvv: every command */
};

/* 0 shows notices and worse; 1 adds LOG_INFO, 2 LOG_DEBUG, 3 LOG_TRACE. */
void log_set_verbosity(unsigned verbosity);
unsigned log_verbosity(void);
bool log_shows(enum log_level level);

/* The text needs no newline. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
