#include "config.h"

#include "admin/metrics.h"

#include "admin/stat_lines.h"
#include "base/number.h"

#include <inttypes.h>

/* The metrics that memcached_exporter makes of `stats`, made of the same lines. */

struct row {
    const char *family; /* NULL: a sample of the family before it */
    const char *type;
    const char *help;
    const char *labels;
    const char *section;
    const char *value;
};

static const struct row rows[] = {
#define FAMILY(name, type, help) {name, type, help, NULL, NULL, NULL},
#define SAMPLE(labels, section, value) {NULL, NULL, NULL, labels, section, value},
#include "admin/exporter_metrics.def"
#undef FAMILY
#undef SAMPLE
};

static const char *const section_names[] = {"", "items", "slabs", "settings"};

struct sections {
    struct text texts[ARRAY_COUNT(section_names)];
};

static void sections_read(struct sections *sections, struct protocol *protocol)
{
    for (size_t i = 0; i < ARRAY_COUNT(section_names); i++) {
        struct text *text = &sections->texts[i];
        text_init(text);
        if (!protocol_write_section(protocol, slice_of(section_names[i]), text))
            text->failed = true;
    }
}

static void sections_end(struct sections *sections)
{
    for (size_t i = 0; i < ARRAY_COUNT(section_names); i++)
        text_end(&sections->texts[i]);
}

static struct slice find(const struct sections *sections, const char *section, struct slice name)
{
    size_t i = 0;
    while (strcmp(section_names[i], section) != 0)
        i++;
    const struct text *text = &sections->texts[i];
    return stat_lines_find((struct slice){text->at, text->size}, name);
}

/* "a-b-c": a less b less c. */
static struct slice cut_name(struct slice *names)
{
    const char *dash = memchr(names->at, '-', names->size);
    size_t size = dash == NULL ? names->size : (size_t)(dash - names->at);
    struct slice name = {names->at, size};
    size_t skipped = dash == NULL ? size : size + 1;
    *names = (struct slice){names->at + skipped, names->size - skipped};
    return name;
}

/* false: there is no such name. */
static bool write_difference(const struct sections *sections, const struct row *row,
                             struct slice first, struct slice names, struct text *text)
{
    uint64_t value;
    if (!number_parse_u64(first, &value))
        return false;
    while (names.size > 0) {
        uint64_t less;
        if (!number_parse_u64(find(sections, row->section, cut_name(&names)), &less))
            return false;
        value = value > less ? value - less : 0;
    }
    text_format(text, " %" PRIu64 "\n", value);
    return true;
}

static void write_name(const struct row *family, const struct row *row, struct text *text)
{
    if (row == family + 1)
        metrics_write_family(text, family->family, family->type, family->help);
    text_format(text, "%s", family->family);
    if (row->labels[0] != '\0')
        text_format(text, "{%s}", row->labels);
}

static void write_sample(const struct sections *sections, const struct row *family,
                         const struct row *row, struct text *text)
{
    struct slice names = slice_of(row->value);
    struct slice first = cut_name(&names);
    size_t size_before = text->size;
    struct slice value = slice_is(first, "1") ? first : find(sections, row->section, first);
    if (value.size == 0)
        return;
    write_name(family, row, text);
    if (names.size > 0) {
        if (!write_difference(sections, row, value, names, text))
            text->size = size_before;
    } else if (slice_is(value, "yes") || slice_is(value, "no")) {
        text_format(text, " %d\n", slice_is(value, "yes"));
    } else {
        text_format(text, " %.*s\n", (int)value.size, value.at);
    }
}

static void write_version(const struct sections *sections, struct text *text)
{
    struct slice version = find(sections, "", SLICE_LITERAL("version"));
    metrics_write_family(text, "memcached_version", "gauge",
                         "The version of this memcached server.");
    text_format(text, "memcached_version{version=\"%.*s\"} 1\n", (int)version.size, version.at);
}

void metrics_write_exporter(struct protocol *protocol, struct text *text)
{
    struct sections sections;
    const struct row *family = NULL;
    sections_read(&sections, protocol);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].family != NULL)
            family = &rows[i];
        else
            write_sample(&sections, family, &rows[i], text);
    }
    write_version(&sections, text);
    sections_end(&sections);
}
