#ifndef LARDER_SETTINGS_H
#define LARDER_SETTINGS_H

/*
 * The settings: what the command line and the file of --config may say, from the table
 * settings.def. They stay in this folder; main copies what a layer needs into that layer's own
 * config.
 *
 * Threads: written by one thread before any other exists, then only read.
 *
 * Ownership: texts are lent (the command line's or the file's, which outlive the settings); lists
 * are owned.
 */

#include "base/check.h"
#include "base/slice.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    SETTING_NUMBER,
    SETTING_LEVEL,
    SETTING_DECIMAL,
    SETTING_OCTAL,
    SETTING_SIZE,
    SETTING_KILOBYTES,
    SETTING_MEGABYTES,
    SETTING_PROCESSORS,
    SETTING_COUNT,
    SETTING_FLAG,
    SETTING_CHOICE,
    SETTING_TEXT,
    SETTING_LIST,
    SETTING_REFUSED,
    SETTING_CONSTANT,
    SETTING_SAME,
};

enum setting_effect { SETTING_WORKS, SETTING_COMMAND_LINE, SETTING_ACCEPTED };

#define SETTING_TYPE_NUMBER int64_t
#define SETTING_TYPE_LEVEL int64_t
#define SETTING_TYPE_DECIMAL double
#define SETTING_TYPE_OCTAL int64_t
#define SETTING_TYPE_SIZE int64_t      /* bytes */
#define SETTING_TYPE_KILOBYTES int64_t /* bytes */
#define SETTING_TYPE_MEGABYTES int64_t /* bytes */
#define SETTING_TYPE_PROCESSORS int64_t
#define SETTING_TYPE_COUNT int64_t
#define SETTING_TYPE_FLAG bool
#define SETTING_TYPE_CHOICE unsigned /* the place of the word among the limits */
#define SETTING_TYPE_TEXT const char *
#define SETTING_TYPE_LIST char *

/* As many as there are rows. */
enum {
    SETTINGS_COUNT = 0
#define SETTING(...) +1
#define REFUSED(...) +1
#define CONSTANT(...) +1
#define SAME(...) +1
#include "daemon/settings.def"
#undef SETTING
#undef REFUSED
#undef CONSTANT
#undef SAME
};

struct settings {
    bool named[SETTINGS_COUNT]; /* somebody has set this row, and be it to its default */
#define SETTING(kind, field, ...) SETTING_TYPE_##kind field;
#define REFUSED(...)
#define CONSTANT(...)
#define SAME(...)
#include "daemon/settings.def"
#undef SETTING
#undef REFUSED
#undef CONSTANT
#undef SAME
};

/* A row of the table. Texts that it does not have are "". */
struct setting {
    enum setting_kind kind;
    size_t offset;     /* of the field in struct settings */
    size_t size;       /* of that field */
    const char *start; /* the default; the value of a constant or refused one */
    const char *limits;
    const char *stat;
    char letter; /* or 0 */
    const char *long_name;
    const char *extended_name;
    enum setting_effect effect;
    const char *help; /* why, if it is refused */
};

extern const struct setting settings_table[];
extern const size_t settings_count;

/* Fills in the defaults. */
void settings_init(struct settings *settings);
void settings_end(struct settings *settings);

/* Moves over from `other` what was named there and not yet here. */
void settings_take_over(struct settings *settings, struct settings *other);

/* What the single values can't show. False, and one line in the log, if they don't go together. */
MUST_USE bool settings_check(const struct settings *settings);

/* Whether somebody has named a delimiter of prefixes, even the one that is the default. */
bool settings_name_delimiter(const struct settings *settings);

/* The STAT lines of `stats settings`. */
void settings_write(const struct settings *settings, struct text *text);

/* --- one setting (setting_value.c) ----------------------------------------------------------- */

/* False if the text is no value of that kind or beyond the limits. `text` is lent for good. */
MUST_USE bool setting_parse(const struct setting *setting, const char *text,
                            struct settings *settings);

/* Sets a flag, a level (to 1 or 0), or counts one more. */
void setting_assign(const struct setting *setting, bool value, struct settings *settings);

/* What setting_parse would have taken, as words: "a number from 1 to 1024". */
void setting_write_wanted(const struct setting *setting, struct text *text);

/* The value as `stats settings` prints it. */
void setting_write_value(const struct setting *setting, const struct settings *settings,
                         struct text *text);

/* Whether it has a field of its own in struct settings. */
bool setting_is_stored(const struct setting *setting);

/* Whether an option of this kind is followed by a value. */
bool setting_takes_value(const struct setting *setting);

#endif
