#ifndef LARDER_REQUEST_LINE_H
#define LARDER_REQUEST_LINE_H

/* Lines and the words in them. Words are parted by spaces alone: any other byte may be in a key. */

#include "base/check.h"
#include "base/slice.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A line that is still open beyond so many bytes is no client's; only get and gets may go on. */
#define LINE_SIZE_MAX_OPEN 2048
/* The same for lines that came whole. */
#define LINE_SIZE_MAX 16384

enum line_status { LINE_COMPLETE, LINE_OPEN, LINE_TOO_LONG };

struct line {
    struct slice text; /* without its end: \n, or \r\n */
    size_t size;       /* with it */
};

/* `searched`: so many bytes of the input are known to hold no \n. */
MUST_USE enum line_status line_find(struct slice input, size_t searched, struct line *line);

/*
 * The first byte below `limit` (at most 128), or `end`. Eight bytes at a time: where a byte is
 * below the limit, its difference borrows from its top bit; the lowest such bit is exact.
 */
static inline const char *find_below(const char *at, const char *end, unsigned limit)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
#ifdef __SSE2__
    const __m128i most = _mm_set1_epi8((char)(limit - 1));
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        int below = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, most), bytes));
        if (below != 0)
            return at + __builtin_ctz((unsigned)below);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t bytes = le64toh(load_u64(at));
        uint64_t below = (bytes - ones * limit) & ~bytes & ones << 7;
        if (below != 0)
            return at + __builtin_ctzll(below) / 8;
    }
    while (at < end && (unsigned char)*at >= limit)
        at++;
    return at;
}

/* The text from its first word on; empty if it has none. */
static inline struct slice words_from_first(struct slice text)
{
    while (text.size > 0 && *text.at == ' ')
        text = (struct slice){text.at + 1, text.size - 1};
    return text;
}

#define SPACES_AT_ONCE 16

/* Bit i: there is a space at `at` + i, before `end`. */
static inline unsigned spaces_in(const char *at, const char *end)
{
    unsigned spaces = 0;
#ifdef __SSE2__
    if (LIKELY(end - at >= SPACES_AT_ONCE)) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')));
    }
#endif
    for (unsigned i = 0; i < SPACES_AT_ONCE && at + i < end; i++)
        spaces |= (unsigned)(at[i] == ' ') << i;
    return spaces;
}

/* The first space, or `end`; any other byte may be in a word. */
static inline const char *find_space(const char *at, const char *end)
{
    at = find_below(at, end, ' ' + 1);
    while (UNLIKELY(at < end && *at != ' '))
        at = find_below(at + 1, end, ' ' + 1);
    return at;
}

/* The next word of *rest, which moves on behind it; false: none is left. */
static inline bool word_next(struct slice *rest, struct slice *word)
{
    const char *at = rest->at;
    const char *end = at + rest->size;
    while (at < end && *at == ' ')
        at++;
    const char *behind = find_space(at, end);
    *word = (struct slice){at, (size_t)(behind - at)};
    *rest = (struct slice){behind, (size_t)(end - behind)};
    return behind > at;
}

/* Fills in at most `max` words; returns how many. */
size_t words_split(struct slice text, struct slice *words, size_t max);

/* Whether a word of the text is longer than a key may be. */
MUST_USE bool words_have_overlong_key(struct slice text);

/* The last word; empty if there is none. */
struct slice word_last(struct slice text);

/*
 * An exptime as clients write it: seconds from `now`, above 30 days a time since 1970, below 0 the
 * past. *exptime is as the store keeps it.
 */
MUST_USE bool exptime_parse(struct slice text, uint32_t now, uint32_t *exptime);

/* The same of the number itself. */
uint32_t exptime_of(int32_t given, uint32_t now);

/* Whether it came from a number above 30 days that was no time to come: most likely by mistake. */
bool exptime_is_forgotten(uint32_t exptime, uint32_t now);

#endif
