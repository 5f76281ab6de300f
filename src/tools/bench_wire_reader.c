/* Reading replies: lines, and values behind some of them. */

#include "config.h"

#include "tools/bench_wire.h"

#include "base/number.h"

#include <string.h>

#define WORDS_MAX 8

/* What the line before a value says. */
struct value_head {
    struct slice key; /* empty: not said */
    uint64_t size;
    uint32_t version;
};

static bool starts_with(struct slice line, const char *text)
{
    size_t size = strlen(text);
    return line.size >= size && memcmp(line.at, text, size) == 0;
}

static unsigned split_words(struct slice line, struct slice words[WORDS_MAX])
{
    unsigned count = 0;
    const char *at = line.at, *end = line.at + line.size;
    while (count < WORDS_MAX) {
        while (at < end && *at == ' ')
            at++;
        if (at == end)
            break;
        const char *space = memchr(at, ' ', (size_t)(end - at));
        words[count++] = (struct slice){at, (size_t)((space != NULL ? space : end) - at)};
        at = space != NULL ? space : end;
    }
    return count;
}

/* VALUE key flags bytes */
static bool parse_classic_head(struct slice line, struct value_head *head)
{
    struct slice words[WORDS_MAX];
    if (split_words(line, words) < 4)
        return false;
    head->key = words[1];
    return number_parse_u32(words[2], &head->version) && number_parse_u64(words[3], &head->size);
}

/* VA bytes kKEY fFLAGS, and whatever else */
static bool parse_meta_head(struct slice line, struct value_head *head)
{
    struct slice words[WORDS_MAX];
    unsigned count = split_words(line, words);
    for (unsigned i = 2; i < count; i++) {
        struct slice rest = {words[i].at + 1, words[i].size - 1};
        if (words[i].at[0] == 'k')
            head->key = rest;
        else if (words[i].at[0] == 'f' && !number_parse_u32(rest, &head->version))
            return false;
    }
    return count >= 2 && number_parse_u64(words[1], &head->size);
}

static void note_missed(struct wire_reader *reader, uint32_t key)
{
    if (reader->missed != NULL)
        reader->missed[reader->missed_count++] = key;
}

/* Replies come in the order of the keys: those that are passed over were not found. */
static bool find_key(const struct wire *wire, struct wire_reader *reader,
                     const struct wire_asked *asked, struct slice text, uint32_t *key)
{
    while (reader->next_key < asked->key_count) {
        *key = asked->keys[reader->next_key++];
        if (wire_key_is(wire, *key, text))
            return true;
        note_missed(reader, *key);
    }
    return false;
}

static void begin_value(const struct wire *wire, struct wire_reader *reader,
                        const struct wire_asked *asked, const struct value_head *head)
{
    uint32_t key;
    reader->hits++;
    reader->body_left = head->size;
    reader->end_left = 2;
    reader->expected = NULL;
    if (!wire->follow_keys)
        return;
    if (!find_key(wire, reader, asked, head->key, &key))
        reader->wrong = true;
    else if (wire->verify && head->size > wire->pool->value_size_max)
        reader->wrong = true;
    else if (wire->verify)
        reader->expected = value_pool_at(wire->pool, key, head->size, head->version);
}

static enum wire_step finish_get(const struct wire *wire, struct wire_reader *reader,
                                 const struct wire_asked *asked)
{
    if (wire->follow_keys && !reader->error)
        while (reader->next_key < asked->key_count)
            note_missed(reader, asked->keys[reader->next_key++]);
    return WIRE_DONE;
}

static bool is_error(struct slice line)
{
    return starts_with(line, "ERROR") || starts_with(line, "CLIENT_ERROR") ||
           starts_with(line, "SERVER_ERROR") || starts_with(line, "BUSY");
}

static enum wire_step read_get_line(const struct wire *wire, struct wire_reader *reader,
                                    const struct wire_asked *asked, struct slice line)
{
    bool single_meta = wire->meta && asked->key_count == 1;
    struct value_head head = {.key = {"", 0}};
    if (starts_with(line, wire->meta ? "VA " : "VALUE ")) {
        if (!(wire->meta ? parse_meta_head : parse_classic_head)(line, &head))
            return WIRE_STRAYED;
        if (reader->hits == asked->key_count)
            return WIRE_STRAYED;
        begin_value(wire, reader, asked, &head);
        reader->last = single_meta;
        return WIRE_MORE;
    }
    if (slice_is(line, !wire->meta ? "END" : single_meta ? "EN" : "MN"))
        return finish_get(wire, reader, asked);
    if (!is_error(line))
        return WIRE_STRAYED;
    reader->error = true;
    return WIRE_DONE;
}

static enum wire_step read_set_line(const struct wire *wire, struct wire_reader *reader,
                                    struct slice line)
{
    if (slice_is(line, wire->meta ? "HD" : "STORED"))
        return WIRE_DONE;
    if (!is_error(line) && !slice_is(line, wire->meta ? "NS" : "NOT_STORED"))
        return WIRE_STRAYED;
    reader->error = true;
    return WIRE_DONE;
}

/* Keeps the bytes of a line that is cut, or those that tell what went wrong. */
static bool keep_line(struct wire_reader *reader, const char *at, size_t size)
{
    if (reader->line_size + size >= sizeof(reader->line))
        return false;
    memcpy(reader->line + reader->line_size, at, size);
    reader->line_size += size;
    reader->line[reader->line_size] = '\0';
    return true;
}

static enum wire_step read_line(const struct wire *wire, struct wire_reader *reader,
                                const struct wire_asked *asked, const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline != NULL ? newline + 1 : end;
    struct slice line = {*at, (size_t)(stop - *at)};
    *at = stop;
    if (newline == NULL || reader->line_size > 0) {
        if (!keep_line(reader, line.at, line.size))
            return WIRE_STRAYED;
        if (newline == NULL)
            return WIRE_MORE;
        line = (struct slice){reader->line, reader->line_size};
    }
    reader->line_size = 0;
    if (line.size < 2 || line.at[line.size - 2] != '\r')
        return WIRE_STRAYED;
    line.size -= 2;
    enum wire_step step = asked->key_count == 0 ? read_set_line(wire, reader, line)
                                                : read_get_line(wire, reader, asked, line);
    if ((step == WIRE_STRAYED || reader->error) && line.at != reader->line)
        keep_line(reader, line.at, line.size < 200 ? line.size : 200);
    reader->line_size = 0;
    return step;
}

static bool read_body(struct wire_reader *reader, const char **at, const char *end)
{
    size_t size = (size_t)(end - *at);
    if (size > reader->body_left)
        size = reader->body_left;
    if (reader->expected != NULL) {
        reader->wrong |= memcmp(*at, reader->expected, size) != 0;
        reader->expected += size;
    }
    reader->body_left -= size;
    *at += size;
    for (; reader->body_left == 0 && reader->end_left > 0 && *at < end; ++*at)
        if (**at != "\n\r"[--reader->end_left])
            return false;
    return true;
}

enum wire_step wire_read(const struct wire *wire, struct wire_reader *reader,
                         const struct wire_asked *asked, const char **at, const char *end)
{
    enum wire_step step = WIRE_MORE;
    if (!reader->begun) {
        reader->begun = true;
        reader->hits = reader->next_key = 0;
        reader->error = reader->wrong = reader->last = false;
    }
    while (step == WIRE_MORE && *at < end) {
        if (reader->end_left == 0)
            step = read_line(wire, reader, asked, at, end);
        else if (!read_body(reader, at, end))
            step = WIRE_STRAYED;
        if (step == WIRE_MORE && reader->last && reader->end_left == 0)
            step = finish_get(wire, reader, asked);
    }
    if (step == WIRE_DONE)
        reader->begun = false;
    return step;
}
