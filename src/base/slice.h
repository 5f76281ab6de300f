#ifndef LARDER_SLICE_H
#define LARDER_SLICE_H

/* A run of bytes that somebody else owns. Not terminated; may hold any byte. */

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t size; /* bytes */
};

#define SLICE_LITERAL(text) ((struct slice){(text), sizeof(text) - 1})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline uint64_t load_u64(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* memcmp and memcpy for keys and small values, where a call costs more than the work. The last step
 * overlaps the one before. */
static inline bool bytes_equal(const char *a, const char *b, size_t size)
{
    if (size < 8) {
        for (size_t i = 0; i < size; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i < size - 8; i += 8)
        if (load_u64(a + i) != load_u64(b + i))
            return false;
    return load_u64(a + size - 8) == load_u64(b + size - 8);
}

static inline void bytes_copy(char *to, const char *at, size_t size)
{
    if (UNLIKELY(size < 8 || size > 64)) {
        memcpy(to, at, size);
        return;
    }
    if (size < 16) {
        uint64_t last = load_u64(at + size - 8);
        memcpy(to, at, 8);
        memcpy(to + size - 8, &last, 8);
        return;
    }
    for (size_t i = 0; i < size - 16; i += 16)
        memcpy(to + i, at + i, 16);
    memcpy(to + size - 16, at + size - 16, 16);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

#endif
