#ifndef LARDER_CONFIG_FILE_H
#define LARDER_CONFIG_FILE_H

/*
 * The file of --config: one option a line, by its long name or its name of -o, with or without an
 * equals sign; or lines that begin with a dash, which are read as a command line is. A
 * memcached.conf is made of the latter. # begins a comment.
 *
 * Ownership: the settings borrow texts from the file's content, so it ends after them.
 */

#include "base/check.h"
#include "daemon/settings.h"

#include <stdbool.h>

struct config_file {
    char *content; /* owned, taken apart in place */
};

/*
 * Reads the file into those settings that nobody has named yet. False if something is wrong: one
 * line in the log for each wrong line of the file.
 */
MUST_USE bool config_file_load(struct config_file *file, const char *path,
                               struct settings *settings);
void config_file_end(struct config_file *file);

#endif
