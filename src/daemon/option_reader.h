#ifndef LARDER_OPTION_READER_H
#define LARDER_OPTION_READER_H

/*
 * One option by its name, wherever it is written: on the command line or in a file. Complaints are
 * one line in the log; those about a file begin with its name and the line.
 */

#include "base/check.h"
#include "daemon/settings.h"

#include <stdbool.h>

struct option_reader {
    struct settings *settings; /* lent */
    const char *path;          /* lent; the file, or NULL: the command line */
    unsigned line;
};

/* An option with dashes: -c, --threads. `value` NULL: it has none. */
MUST_USE bool option_read(const struct option_reader *reader, const struct setting *setting,
                          const char *value);

/* One name of -o. */
MUST_USE bool option_read_extended(const struct option_reader *reader, const char *name,
                                   const char *value);

/* A long option without its dashes, or a name of -o: as files have them. */
MUST_USE bool option_read_named(const struct option_reader *reader, const char *name,
                                const char *value);

/* False, always, so that it can be returned. */
bool option_complain(const struct option_reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
