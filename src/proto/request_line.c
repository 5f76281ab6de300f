#include "config.h"

#include "proto/request_line.h"

#include "base/number.h"
#include "proto/proto.h"

#define LEADING_SPACES_MAX 100
#define EXPTIME_RELATIVE_MAX (60 * 60 * 24 * 30)
#define EXPTIME_PAST 1 /* long gone, and not 0, which is for ever */

static bool starts_with(struct slice text, const char *word, size_t size)
{
    return text.size >= size && memcmp(text.at, word, size) == 0;
}

static bool may_be_long(struct slice input)
{
    size_t spaces = 0;
    while (spaces < input.size && input.at[spaces] == ' ')
        spaces++;
    if (spaces > LEADING_SPACES_MAX || input.size > PROTO_INPUT_SIZE_MAX)
        return false;
    struct slice word = {input.at + spaces, input.size - spaces};
    return starts_with(word, "get ", 4) || starts_with(word, "gets ", 5);
}

enum line_status line_find(struct slice input, size_t searched, struct line *line)
{
    const char *end = memchr(input.at + searched, '\n', input.size - searched);
    size_t size = end == NULL ? input.size : (size_t)(end - input.at) + 1;
    if (UNLIKELY(size > (end == NULL ? LINE_SIZE_MAX_OPEN : LINE_SIZE_MAX)) &&
        !may_be_long((struct slice){input.at, size}))
        return LINE_TOO_LONG;
    if (end == NULL)
        return LINE_OPEN;
    line->size = size;
    line->text = (struct slice){input.at, size - 1};
    if (size > 1 && input.at[size - 2] == '\r')
        line->text.size--;
    return LINE_COMPLETE;
}

size_t words_split(struct slice text, struct slice *words, size_t max)
{
    size_t count = 0;
    while (count < max && word_next(&text, &words[count]))
        count++;
    return count;
}

/* Leaps from space to space, the last one within the size of a key and one byte more. */
bool words_have_overlong_key(struct slice text)
{
    const char *at = text.at;
    const char *end = text.at + text.size;
    while (end - at > STORE_KEY_SIZE_MAX) {
        const char *space = memrchr(at, ' ', STORE_KEY_SIZE_MAX + 1);
        if (space == NULL)
            return true;
        at = space + 1;
    }
    return false;
}

struct slice word_last(struct slice text)
{
    while (text.size > 0 && text.at[text.size - 1] == ' ')
        text.size--;
    const char *space = text.size == 0 ? NULL : memrchr(text.at, ' ', text.size);
    if (space == NULL)
        return text;
    return (struct slice){space + 1, (size_t)(text.at + text.size - space - 1)};
}

uint32_t exptime_of(int32_t given, uint32_t now)
{
    if (given == 0)
        return 0;
    if (given < 0)
        return EXPTIME_PAST;
    return given <= EXPTIME_RELATIVE_MAX ? now + (uint32_t)given : (uint32_t)given;
}

/* Of a number beyond 32 bits memcached keeps the low ones. */
bool exptime_parse(struct slice text, uint32_t now, uint32_t *exptime)
{
    int64_t wide;
    if (!number_parse_i64(text, &wide))
        return false;
    *exptime = exptime_of((int32_t)wide, now);
    return true;
}

bool exptime_is_forgotten(uint32_t exptime, uint32_t now)
{
    return exptime > EXPTIME_RELATIVE_MAX && exptime <= now;
}
