#include "config.h"

#include "session_witness.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static const size_t value_sizes[] = {10, 900, 40000, 1, 5000, 200000, 30};

/* No two values have the same byte at the same place. */
static char value_byte(unsigned number, size_t place)
{
    return (char)('a' + (place / 26 + place + number) % 26);
}

static void add_value(struct text *text, unsigned number)
{
    char *value = malloc(value_sizes[number]);
    CHECK(value != NULL);
    for (size_t i = 0; i < value_sizes[number]; i++)
        value[i] = value_byte(number, i);
    text_add(text, (struct slice){value, value_sizes[number]});
    free(value);
}

void witness_write(struct text *input)
{
    for (unsigned i = 0; i < ARRAY_COUNT(value_sizes); i++) {
        text_format(input, "set " WITNESS_KEY " 7 0 %zu\r\n", value_sizes[i]);
        add_value(input, i);
        text_format(input, "\r\nget " WITNESS_KEY "\r\n");
    }
}

/* Moves on behind the line if it is what comes next. */
static bool take(struct slice *text, const char *line)
{
    size_t size = strlen(line);
    if (text->size < size || memcmp(text->at, line, size) != 0)
        return false;
    *text = (struct slice){text->at + size, text->size - size};
    return true;
}

static void take_value(struct slice *text, unsigned number)
{
    CHECK(text->size >= value_sizes[number]);
    for (size_t i = 0; i < value_sizes[number]; i++)
        CHECK(text->at[i] == value_byte(number, i));
    *text = (struct slice){text->at + value_sizes[number], text->size - value_sizes[number]};
    CHECK(take(text, "\r\n"));
}

void witness_check(struct slice replies)
{
    for (unsigned i = 0; i < ARRAY_COUNT(value_sizes); i++) {
        char head[128];
        snprintf(head, sizeof(head), "VALUE " WITNESS_KEY " 7 %zu\r\n", value_sizes[i]);
        bool stored = take(&replies, "STORED\r\n");
        CHECK(stored || take(&replies, "SERVER_ERROR out of memory storing object\r\n"));
        if (take(&replies, head)) {
            CHECK(stored);
            take_value(&replies, i);
        } else if (take(&replies, "SERVER_ERROR out of memory writing get response\r\n")) {
            continue;
        }
        CHECK(take(&replies, "END\r\n"));
    }
    CHECK(replies.size == 0);
}
