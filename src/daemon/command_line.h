#ifndef LARDER_COMMAND_LINE_H
#define LARDER_COMMAND_LINE_H

/* The command line, as the table of settings has it. */

#include "base/check.h"
#include "daemon/settings.h"

#include <stdbool.h>

/* Reads the options into `settings`. False, and one line in the log, at the first that is wrong. */
MUST_USE bool command_line_parse(int argument_count, char *arguments[], struct settings *settings);

#endif
