#include "config.h"

#include "daemon/settings.h"

#include "base/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* The field, which is about to be set. */
static void *name_field(const struct setting *setting, struct settings *settings)
{
    settings->named[setting - settings_table] = true;
    return (char *)settings + setting->offset;
}

static const void *value_of(const struct setting *setting, const struct settings *settings)
{
    return (const char *)settings + setting->offset;
}

bool setting_is_stored(const struct setting *setting)
{
    return setting->kind != SETTING_REFUSED && setting->kind != SETTING_CONSTANT &&
           setting->kind != SETTING_SAME;
}

bool setting_takes_value(const struct setting *setting)
{
    return setting_is_stored(setting) && setting->kind != SETTING_FLAG &&
           setting->kind != SETTING_COUNT;
}

/* What a number without a letter behind it counts in; 0 where no letter may follow. */
static int64_t unit_of(enum setting_kind kind)
{
    switch (kind) {
    case SETTING_SIZE:
        return 1;
    case SETTING_KILOBYTES:
        return 1 << 10;
    case SETTING_MEGABYTES:
        return 1 << 20;
    default:
        return 0;
    }
}

static int64_t unit_of_letter(char letter)
{
    switch (letter) {
    case 'k':
    case 'K':
        return 1 << 10;
    case 'm':
    case 'M':
        return 1 << 20;
    case 'g':
    case 'G':
        return 1 << 30;
    default:
        return 0;
    }
}

static bool parse_octal(struct slice text, int64_t *value)
{
    int64_t sum = 0;
    if (text.size == 0 || text.size > 8)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '7')
            return false;
        sum = 8 * sum + text.at[i] - '0';
    }
    *value = sum;
    return true;
}

static bool parse_whole(enum setting_kind kind, struct slice text, int64_t *value)
{
    int64_t unit = unit_of(kind);
    if (kind == SETTING_OCTAL)
        return parse_octal(text, value);
    if (unit != 0 && text.size > 0 && unit_of_letter(text.at[text.size - 1]) != 0)
        unit = unit_of_letter(text.at[--text.size]);
    return number_parse_i64(text, value) &&
           (unit == 0 || !__builtin_mul_overflow(*value, unit, value));
}

/* Digits and one point: what strtod takes besides (exponents, infinity) is left out. */
static bool parse_decimal(struct slice text, double *value)
{
    size_t digits = 0;
    size_t points = 0;
    for (size_t i = 0; i < text.size; i++) {
        digits += isdigit((unsigned char)text.at[i]) != 0;
        points += text.at[i] == '.';
    }
    if (digits == 0 || points > 1 || digits + points != text.size)
        return false;
    *value = strtod(text.at, NULL); /* stops at the end of the digits at the latest */
    return true;
}

/* Those that this process may run on, as taskset, a container or systemd left them. */
static int64_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                        : sysconf(_SC_NPROCESSORS_ONLN);
}

struct limits {
    struct slice least;
    struct slice most;
};

static struct limits limits_of(const struct setting *setting)
{
    const char *gap = strstr(setting->limits, "..");
    CHECK(gap != NULL);
    return (struct limits){{setting->limits, (size_t)(gap - setting->limits)}, slice_of(gap + 2)};
}

static bool store_whole(const struct setting *setting, struct slice text, int64_t *field)
{
    struct limits limits = limits_of(setting);
    int64_t value;
    int64_t least;
    int64_t most;
    CHECK(parse_whole(setting->kind, limits.least, &least));
    CHECK(parse_whole(setting->kind, limits.most, &most));
    if (setting->kind == SETTING_PROCESSORS && slice_is(text, "auto"))
        value = processors();
    else if (!parse_whole(setting->kind, text, &value))
        return false;
    if (value < least || value > most)
        return false;
    *field = value;
    return true;
}

static bool store_decimal(const struct setting *setting, struct slice text, double *field)
{
    struct limits limits = limits_of(setting);
    double value;
    double least;
    double most;
    CHECK(parse_decimal(limits.least, &least));
    CHECK(parse_decimal(limits.most, &most));
    if (!parse_decimal(text, &value) || value < least || value > most)
        return false;
    *field = value;
    return true;
}

/* Takes the next word off "word|word=as stats print it|word"; false when there is none left. */
static bool next_word(const char **at, struct slice *word, struct slice *printed)
{
    const char *start = *at;
    if (*start == '\0')
        return false;
    size_t size = strcspn(start, "|");
    *at = start + size + (start[size] == '|');
    const char *equals = memchr(start, '=', size);
    *word = (struct slice){start, equals == NULL ? size : (size_t)(equals - start)};
    *printed = *word;
    if (equals != NULL)
        *printed = (struct slice){equals + 1, size - word->size - 1};
    return true;
}

static bool store_choice(const struct setting *setting, struct slice text, unsigned *field)
{
    const char *at = setting->limits;
    struct slice word;
    struct slice printed;
    for (unsigned place = 0; next_word(&at, &word, &printed); place++) {
        if (slice_equal(word, text) || slice_equal(printed, text)) {
            *field = place;
            return true;
        }
    }
    return false;
}

static bool store_flag(const char *text, bool *field)
{
    *field = strcmp(text, "yes") == 0;
    return *field || strcmp(text, "no") == 0;
}

static bool append_to_list(const char *text, char **list)
{
    size_t old_size = *list == NULL ? 0 : strlen(*list) + 1;
    size_t size = strlen(text);
    char *longer = realloc(*list, old_size + size + 1);
    if (size == 0 || longer == NULL) {
        *list = longer != NULL ? longer : *list;
        return false;
    }
    if (old_size > 0)
        longer[old_size - 1] = ',';
    memcpy(longer + old_size, text, size + 1);
    *list = longer;
    return true;
}

bool setting_parse(const struct setting *setting, const char *text, struct settings *settings)
{
    void *field = name_field(setting, settings);
    switch (setting->kind) {
    case SETTING_NUMBER:
    case SETTING_LEVEL:
    case SETTING_OCTAL:
    case SETTING_SIZE:
    case SETTING_KILOBYTES:
    case SETTING_MEGABYTES:
    case SETTING_PROCESSORS:
    case SETTING_COUNT:
        return store_whole(setting, slice_of(text), field);
    case SETTING_DECIMAL:
        return store_decimal(setting, slice_of(text), field);
    case SETTING_FLAG:
        return store_flag(text, field);
    case SETTING_CHOICE:
        return store_choice(setting, slice_of(text), field);
    case SETTING_TEXT:
        *(const char **)field = text;
        return text[0] != '\0';
    case SETTING_LIST:
        return append_to_list(text, field);
    case SETTING_REFUSED:
    case SETTING_CONSTANT:
    case SETTING_SAME:
        break;
    }
    return false;
}

void setting_assign(const struct setting *setting, bool value, struct settings *settings)
{
    void *field = name_field(setting, settings);
    struct limits limits;
    int64_t most;
    switch (setting->kind) {
    case SETTING_FLAG:
        *(bool *)field = value;
        return;
    case SETTING_LEVEL:
        *(int64_t *)field = value;
        return;
    case SETTING_COUNT:
        limits = limits_of(setting);
        CHECK(parse_whole(setting->kind, limits.most, &most));
        *(int64_t *)field += *(int64_t *)field < most;
        return;
    default:
        CHECK(!"a setting that takes a value");
    }
}

static void write_words(const struct setting *setting, struct text *text)
{
    const char *at = setting->limits;
    struct slice word;
    struct slice printed;
    for (const char *gap = ""; next_word(&at, &word, &printed); gap = ", ") {
        text_add(text, slice_of(gap));
        text_add(text, word);
    }
}

static void write_range(const struct setting *setting, const char *what, struct text *text)
{
    struct limits limits = limits_of(setting);
    if (slice_equal(limits.least, limits.most)) {
        text_format(text, "%.*s", (int)limits.least.size, limits.least.at);
        return;
    }
    text_format(text, "%s from %.*s to %.*s", what, (int)limits.least.size, limits.least.at,
                (int)limits.most.size, limits.most.at);
}

void setting_write_wanted(const struct setting *setting, struct text *text)
{
    switch (setting->kind) {
    case SETTING_NUMBER:
    case SETTING_LEVEL:
    case SETTING_COUNT:
        write_range(setting, "a whole number", text);
        return;
    case SETTING_DECIMAL:
        write_range(setting, "a number", text);
        return;
    case SETTING_OCTAL:
        write_range(setting, "octal digits", text);
        return;
    case SETTING_SIZE:
        write_range(setting, "bytes, or a number with k, m or g,", text);
        return;
    case SETTING_KILOBYTES:
        write_range(setting, "kilobytes", text);
        return;
    case SETTING_MEGABYTES:
        write_range(setting, "megabytes", text);
        return;
    case SETTING_PROCESSORS:
        write_range(setting, "auto, or a whole number", text);
        return;
    case SETTING_CHOICE:
        text_add(text, SLICE_LITERAL("one of "));
        write_words(setting, text);
        return;
    case SETTING_TEXT:
    case SETTING_LIST:
        text_format(text, "<%s>", setting->limits);
        return;
    case SETTING_FLAG:
    case SETTING_REFUSED:
    case SETTING_CONSTANT:
    case SETTING_SAME:
        text_add(text, SLICE_LITERAL("no value"));
        return;
    }
}

/* The word at `place` among the limits. */
static void write_word(const struct setting *setting, unsigned place, struct text *text)
{
    const char *at = setting->limits;
    struct slice word;
    struct slice printed = {"", 0};
    for (unsigned i = 0; next_word(&at, &word, &printed) && i < place; i++)
        ;
    text_add(text, printed);
}

/* With as many digits behind the point as the default has. */
static void write_decimal(const struct setting *setting, double value, struct text *text)
{
    const char *point = strchr(setting->start, '.');
    text_format(text, "%.*f", point == NULL ? 0 : (int)strlen(point + 1), value);
}

void setting_write_value(const struct setting *setting, const struct settings *settings,
                         struct text *text)
{
    const void *value = value_of(setting, settings);
    const char *string;
    switch (setting->kind) {
    case SETTING_NUMBER:
    case SETTING_LEVEL:
    case SETTING_SIZE:
    case SETTING_KILOBYTES:
    case SETTING_MEGABYTES:
    case SETTING_PROCESSORS:
    case SETTING_COUNT:
        text_format(text, "%" PRId64, *(const int64_t *)value);
        return;
    case SETTING_OCTAL:
        text_format(text, "%" PRIo64, (uint64_t) * (const int64_t *)value);
        return;
    case SETTING_DECIMAL:
        write_decimal(setting, *(const double *)value, text);
        return;
    case SETTING_FLAG:
        write_word(setting, *(const bool *)value ? 0 : 1, text);
        return;
    case SETTING_CHOICE:
        write_word(setting, *(const unsigned *)value, text);
        return;
    case SETTING_TEXT:
    case SETTING_LIST:
        string = *(const char *const *)value;
        text_add(text, slice_of(string == NULL ? "NULL" : string));
        return;
    case SETTING_REFUSED:
    case SETTING_CONSTANT:
    case SETTING_SAME:
        text_add(text, slice_of(setting->start));
        return;
    }
}
