#ifndef LARDER_NEAREST_NAME_H
#define LARDER_NEAREST_NAME_H

/* Finds the known name that somebody who mistyped may have meant. */

#include <stddef.h>

struct nearest_name {
    const char *wanted; /* lent */
    const char *best;   /* lent; NULL while nothing tried comes near */
    size_t best_distance;
};

void nearest_name_init(struct nearest_name *nearest, const char *wanted);
void nearest_name_try(struct nearest_name *nearest, const char *name);

#endif
