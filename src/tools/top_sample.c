#include "config.h"

#include "tools/top_sample.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_COUNT_MAX 4096

static const struct {
    const char *name;
    enum top_section section;
} stats[] = {
#define TOP_STAT(name, section, wire_name) {wire_name, TOP_##section},
#include "tools/top_stats.def"
#undef TOP_STAT
};

void top_reader_init(struct top_reader *reader, struct top_sample *sample)
{
    *reader = (struct top_reader){.sample = sample};
    *sample = (struct top_sample){0};
    for (unsigned i = 0; i < TOP_STATS; i++)
        sample->values[i] = NAN;
}

static void copy_text(char *to, size_t size, struct slice text)
{
    snprintf(to, size, "%.*s", (int)text.size, text.at);
}

/* Digits and at most one point: what else strtod understands is no statistic. */
static double number_of(struct slice text)
{
    char digits[40];
    char *end;
    if (text.size == 0 || text.size >= sizeof(digits))
        return NAN;
    copy_text(digits, sizeof(digits), text);
    if (digits[strspn(digits, "0123456789.")] != '\0')
        return NAN;
    double number = strtod(digits, &end);
    return end != digits && *end == '\0' ? number : NAN;
}

/* N:key, N:requests or N:error. */
static void take_hot_key(struct top_sample *sample, struct slice name, struct slice value)
{
    const char *colon = memchr(name.at, ':', name.size);
    uint32_t rank;
    if (colon == NULL ||
        !number_parse_u32((struct slice){name.at, (size_t)(colon - name.at)}, &rank) || rank == 0 ||
        rank > TOP_HOT_KEYS_MAX || value.size >= TOP_KEY_SIZE_MAX)
        return;
    struct top_hot_key *hot_key = &sample->hot_keys[rank - 1];
    struct slice field = {colon + 1, name.size - (size_t)(colon + 1 - name.at)};
    if (slice_is(field, "key"))
        copy_text(hot_key->key, sizeof(hot_key->key), value);
    else if (slice_is(field, "requests"))
        hot_key->requests = number_of(value);
    else if (slice_is(field, "error"))
        hot_key->error = number_of(value);
    /* Ranks come in order, each with its key first. */
    if (rank == sample->hot_key_count + 1 && hot_key->key[0] != '\0')
        sample->hot_key_count = rank;
}

static void take_stat(struct top_reader *reader, struct slice name, struct slice value)
{
    for (unsigned i = 0; i < TOP_STATS; i++)
        if (stats[i].section == reader->section && slice_is(name, stats[i].name)) {
            reader->sample->values[i] = number_of(value);
            return;
        }
    if (reader->section == TOP_GENERAL && slice_is(name, "version"))
        copy_text(reader->sample->version, sizeof(reader->sample->version), value);
    if (reader->section == TOP_HOT_KEYS)
        take_hot_key(reader->sample, name, value);
}

static bool starts_with(struct slice line, const char *start)
{
    size_t size = strlen(start);
    return line.size >= size && memcmp(line.at, start, size) == 0;
}

static enum top_progress end_section(struct top_reader *reader)
{
    reader->section++;
    return reader->section == TOP_SECTIONS ? TOP_READ_ALL : TOP_READ_MORE;
}

static enum top_progress take_line(struct top_reader *reader, struct slice line)
{
    if (starts_with(line, "STAT ")) {
        struct slice rest = {line.at + 5, line.size - 5};
        const char *space = memchr(rest.at, ' ', rest.size);
        size_t size = space == NULL ? rest.size : (size_t)(space - rest.at);
        size_t skip = space == NULL ? size : size + 1;
        take_stat(reader, (struct slice){rest.at, size},
                  (struct slice){rest.at + skip, rest.size - skip});
        return TOP_READ_MORE;
    }
    if (slice_is(line, "END"))
        return end_section(reader);
    if (!starts_with(line, "ERROR") && !starts_with(line, "CLIENT_ERROR") &&
        !starts_with(line, "SERVER_ERROR"))
        return TOP_READ_NONSENSE;
    if (reader->section != TOP_GENERAL)
        return end_section(reader);
    copy_text(reader->refusal, sizeof(reader->refusal), line);
    return TOP_READ_REFUSED;
}

static struct slice without_return(struct slice line)
{
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

enum top_progress top_reader_take(struct top_reader *reader, struct slice bytes)
{
    enum top_progress progress = TOP_READ_MORE;
    for (size_t i = 0; i < bytes.size && progress == TOP_READ_MORE; i++) {
        if (bytes.at[i] != '\n') {
            if (reader->line_size == sizeof(reader->line) || bytes.at[i] == '\0')
                return TOP_READ_NONSENSE;
            reader->line[reader->line_size++] = bytes.at[i];
            continue;
        }
        if (++reader->line_count > LINE_COUNT_MAX)
            return TOP_READ_NONSENSE;
        progress =
            take_line(reader, without_return((struct slice){reader->line, reader->line_size}));
        reader->line_size = 0;
    }
    return progress;
}
