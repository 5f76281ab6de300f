#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE_MAX 1024

static _Atomic unsigned shown_verbosity;

void log_set_verbosity(unsigned verbosity)
{
    atomic_store_explicit(&shown_verbosity, verbosity, memory_order_relaxed);
}

unsigned log_verbosity(void)
{
    return atomic_load_explicit(&shown_verbosity, memory_order_relaxed);
}

bool log_shows(enum log_level level)
{
    return (unsigned)level <= LOG_NOTICE + log_verbosity();
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE_MAX];
    va_list arguments;
    if (!log_shows(level))
        return;
    int saved_errno = errno;
    int head = snprintf(line, sizeof(line), "larderd: ");
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, arguments);
    va_end(arguments);
    size_t size = (size_t)head + (body < 0 ? 0 : (size_t)body);
    if (size > sizeof(line) - 2)
        size = sizeof(line) - 2;
    line[size++] = '\n';
    /* Nowhere to complain about a log that can't be written. */
    ssize_t ignored = write(STDERR_FILENO, line, size);
    (void)ignored;
    errno = saved_errno;
}
