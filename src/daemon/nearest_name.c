#include "config.h"

#include "daemon/nearest_name.h"

#include <string.h>

#define NAME_SIZE_MAX 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes to change, add or leave out (Wagner and Fischer, The string-to-string correction problem).
 */
static size_t distance_between(const char *a, const char *b)
{
    size_t row[NAME_SIZE_MAX + 1];
    size_t b_size = strlen(b);
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, 1 + least(row[j], row[j + 1]));
        }
    }
    return row[b_size];
}

void nearest_name_init(struct nearest_name *nearest, const char *wanted)
{
    *nearest = (struct nearest_name){.wanted = wanted};
    /* More than a third of it is a guess, not a slip. */
    nearest->best_distance = 1 + (strlen(wanted) + 2) / 3;
}

void nearest_name_try(struct nearest_name *nearest, const char *name)
{
    if (strlen(name) > NAME_SIZE_MAX)
        return;
    size_t distance = distance_between(nearest->wanted, name);
    if (distance < nearest->best_distance) {
        nearest->best_distance = distance;
        nearest->best = name;
    }
}
