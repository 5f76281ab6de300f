#ifndef LARDER_TEXT_H
#define LARDER_TEXT_H

/*
 * A growing text on the heap, for statistics and dumps; never on the path of a get or a set. When
 * memory runs out it stops growing and says so in `failed`, so that callers check once, at the end.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *at; /* owned; no NUL */
    size_t size;
    size_t capacity;
    bool failed;
};

void text_init(struct text *text);
void text_end(struct text *text);
void text_add(struct text *text, struct slice bytes);

/* As in a URI: letters, digits and -._~ as they are, the rest as %XX. */
void text_add_encoded(struct text *text, struct slice bytes);

/* The same into room for three times as many bytes. Returns where the next byte goes. */
char *put_encoded(char *to, struct slice bytes);

void text_format(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
