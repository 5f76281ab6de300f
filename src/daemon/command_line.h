#ifndef LARDER_COMMAND_LINE_H
#define LARDER_COMMAND_LINE_H

/* Options with dashes, as the table of settings has them: the command line, or a line of a file. */

#include "base/check.h"
#include "daemon/option_reader.h"

#include <stdbool.h>

/*
 * Reads the words behind the first, which names the program. False, and one line in the log, at the
 * first that is wrong. The words are lent for good, and lists in them are taken apart in place.
 */
MUST_USE bool command_line_parse(const struct option_reader *reader, int count, char *words[]);

#endif
