#ifndef LARDER_LOG_H
#define LARDER_LOG_H

/*
 * The log: one line a call, to standard error. Errors and warnings are always written; the rest by
 * verbosity (-v, -vv, -vvv, or the verbosity command).
 *
 * Threads: any; a line is written by one system call and never mixes with another.
 */

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_ERROR,   /* something failed and somebody must act */
    LOG_WARNING, /* the daemon goes on, but somebody should know */
    LOG_NOTICE,  /* start and stop: what an owner wants to read once */
    LOG_INFO,    /* -v */
    LOG_DEBUG,   /* -vv: every connection and request */
};

/* In the order of the words of -o log_format. */
enum log_format {
    LOG_FORMAT_AUTO,    /* journal if systemd's is what standard error leads to, else text */
    LOG_FORMAT_TEXT,    /* "larderd: stopped" */
    LOG_FORMAT_JOURNAL, /* "<5>stopped": a priority of syslog(3); the journal adds name and time */
    LOG_FORMAT_JSON,    /* {"time":"...","level":"notice","message":"stopped"} */
};

/* Text, until this is called. */
void log_set_format(enum log_format format);

/* 0 shows notices and worse; 1 adds LOG_INFO, 2 LOG_DEBUG; more is no more. */
void log_set_verbosity(unsigned verbosity);

extern _Atomic unsigned log_shown_verbosity; /* asked for each time that a session runs */

static inline unsigned log_verbosity(void)
{
    return atomic_load_explicit(&log_shown_verbosity, memory_order_relaxed);
}

static inline bool log_shows(enum log_level level)
{
    return (unsigned)level <= LOG_NOTICE + log_verbosity();
}

/* The text needs no newline. Bytes that are no printable ASCII are shown as ?. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* Lines that could not be written, as on a full disk; the next that can is followed by their sum.
 */
uint64_t log_lines_lost(void);

#endif
