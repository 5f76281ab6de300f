#include "config.h"

#include "reply_grammar.h"

#include "base/check.h"
#include "base/number.h"
#include "proto/reply.h"
#include "proto/request_line.h"

#define WORDS_MAX 5

static const char *const whole_lines[] = {
#define REPLY(name, text) text,
#include "proto/replies.def"
#undef REPLY
};

/* Lines that go on with something that only the command knows. */
static const char *const line_starts[] = {
    "STAT ", "PREFIX ", "ITEM ", "key=", "mg ", "HD", "EN", "NS", "EX", "NF", "ME ",
};

static bool starts_with(struct slice text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.at, start, size) == 0;
}

static bool is_known_line(struct slice line)
{
    uint64_t number;
    if (number_parse_u64(line, &number))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(whole_lines); i++)
        if (slice_is(line, whole_lines[i]))
            return true;
    for (size_t i = 0; i < ARRAY_COUNT(line_starts); i++)
        if (starts_with(line, line_starts[i]))
            return true;
    return false;
}

/* The size of the value behind the line; false: it is no head of one. */
static bool announces_value(struct slice line, uint64_t *size)
{
    struct slice words[WORDS_MAX + 1];
    size_t count = words_split(line, words, ARRAY_COUNT(words));
    if (starts_with(line, "VALUE "))
        return (count == 4 || count == 5) && number_parse_u64(words[3], size);
    return starts_with(line, "VA ") && count >= 2 && number_parse_u64(words[1], size);
}

static struct slice behind(struct slice text, size_t size)
{
    return (struct slice){text.at + size, text.size - size};
}

bool replies_are_whole(struct slice text, const char **wrong)
{
    while (text.size > 0) {
        uint64_t value_size;
        const char *end = memchr(text.at, '\n', text.size);
        *wrong = text.at;
        if (end == NULL)
            return false;
        struct slice line = {text.at, (size_t)(end - text.at)};
        text = behind(text, line.size + 1);
        if (line.size > 0 && line.at[line.size - 1] == '\r')
            line.size--;
        else if (!starts_with(line, "key="))
            return false;
        if (!announces_value(line, &value_size)) {
            if (!is_known_line(line))
                return false;
            continue;
        }
        if (value_size > text.size || text.size - value_size < 2)
            return false;
        text = behind(text, value_size);
        if (text.at[0] != '\r' || text.at[1] != '\n')
            return false;
        text = behind(text, 2);
    }
    return true;
}
