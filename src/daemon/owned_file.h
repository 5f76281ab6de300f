#ifndef LARDER_OWNED_FILE_H
#define LARDER_OWNED_FILE_H

/* Small files that tell others about the daemon. They appear whole: written beside, then renamed.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>

/* Writes path + suffix, then renames it to path. False, and one line in the log, if it can't. */
MUST_USE bool owned_file_write(const char *path, const char *suffix, struct slice content);

/* -P. A process that runs and is named by an older file costs a warning, as in memcached. */
MUST_USE bool pid_file_write(const char *path);

/* Unless it names another process by now. */
void pid_file_remove(const char *path);

#endif
