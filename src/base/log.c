#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE_MAX 1024
#define LINE_SIZE_MAX (2 * MESSAGE_SIZE_MAX + 128) /* JSON puts a backslash before a quote */

/* By level: how syslog(3) counts, and how JSON says it. */
static const struct {
    int priority;
    const char *name;
} levels[] = {
    [LOG_ERROR] = {3, "error"}, [LOG_WARNING] = {4, "warning"}, [LOG_NOTICE] = {5, "notice"},
    [LOG_INFO] = {6, "info"},   [LOG_DEBUG] = {7, "debug"},
};

_Atomic unsigned log_shown_verbosity;
static _Atomic uint64_t lines_lost;
static _Atomic uint64_t lines_untold;                 /* of those, since the log has last said so */
static enum log_format line_format = LOG_FORMAT_TEXT; /* set before there are threads */

/* systemd names the file that it has connected, as somebody may have redirected it since. */
static bool leads_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat file;
    char name[64];
    if (stream == NULL || fstat(STDERR_FILENO, &file) != 0)
        return false;
    snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(name, stream) == 0;
}

void log_set_format(enum log_format format)
{
    if (format == LOG_FORMAT_AUTO)
        format = leads_to_journal() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_TEXT;
    line_format = format;
}

void log_set_verbosity(unsigned verbosity)
{
    atomic_store_explicit(&log_shown_verbosity, verbosity, memory_order_relaxed);
}

/* A line stays one line, whatever somebody has put into a name. */
static void make_printable(char *message)
{
    for (unsigned char *at = (unsigned char *)message; *at != '\0'; at++)
        if (*at < ' ' || *at >= 0x7f)
            *at = '?';
}

static size_t write_json(char *line, enum log_level level, const char *message)
{
    struct timespec now;
    struct tm utc;
    char second[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &utc);
    char *at = line + sprintf(line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"",
                              second, now.tv_nsec / 1000000, levels[level].name);
    for (; *message != '\0'; message++) {
        if (*message == '"' || *message == '\\')
            *at++ = '\\';
        *at++ = *message;
    }
    *at++ = '"';
    *at++ = '}';
    return (size_t)(at - line);
}

static size_t write_line(char *line, enum log_level level, const char *message)
{
    if (line_format == LOG_FORMAT_JSON)
        return write_json(line, level, message);
    if (line_format == LOG_FORMAT_JOURNAL)
        return (size_t)sprintf(line, "<%d>%s", levels[level].priority, message);
    return (size_t)sprintf(line, "larderd: %s", message);
}

static bool write_out(char *line, enum log_level level, const char *message)
{
    size_t size = write_line(line, level, message);
    line[size++] = '\n';
    for (size_t done = 0; done < size;) {
        ssize_t written = write(STDERR_FILENO, line + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return true;
}

/* A full disk, for example, has no room for being told so; what comes after it does that once. */
static void tell_lost(char *line)
{
    char message[MESSAGE_SIZE_MAX];
    uint64_t count = atomic_exchange_explicit(&lines_untold, 0, memory_order_relaxed);
    if (count == 0)
        return;
    snprintf(message, sizeof(message),
             "%" PRIu64 " lines of the log could not be written: is its disk full?", count);
    if (!write_out(line, LOG_WARNING, message))
        atomic_fetch_add_explicit(&lines_untold, count, memory_order_relaxed);
}

uint64_t log_lines_lost(void)
{
    return atomic_load_explicit(&lines_lost, memory_order_relaxed);
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_SIZE_MAX];
    char line[LINE_SIZE_MAX];
    va_list arguments;
    if (!log_shows(level))
        return;
    int saved_errno = errno;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    make_printable(message);
    if (write_out(line, level, message)) {
        tell_lost(line);
    } else {
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&lines_untold, 1, memory_order_relaxed);
    }
    errno = saved_errno;
}
