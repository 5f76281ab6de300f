#ifndef LARDER_STAT_LINES_H
#define LARDER_STAT_LINES_H

/* Reads what `stats` writes, line by line: STAT NAME VALUE. */

#include "base/check.h"
#include "base/slice.h"

struct stat_line {
    struct slice name;
    struct slice value;
};

/* Cuts the next STAT line off; false: there are no more. */
MUST_USE bool stat_line_next(struct slice *lines, struct stat_line *line);

/* The value of a name; empty if there is none. */
struct slice stat_lines_find(struct slice lines, struct slice name);

#endif
