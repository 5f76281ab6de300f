#include "config.h"

#include "daemon/option_reader.h"

#include "daemon/nearest_name.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define TITLE_SIZE 64
#define COMPLAINT_SIZE 1024

bool option_complain(const struct option_reader *reader, const char *format, ...)
{
    char complaint[COMPLAINT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint, sizeof(complaint), format, arguments);
    va_end(arguments);
    if (reader->path != NULL)
        log_write(LOG_ERROR, "%s:%u: %s", reader->path, reader->line, complaint);
    else
        log_write(LOG_ERROR, "%s", complaint);
    return false;
}

/* How users write it: -c, -o idle_timeout, --check-config; in a file conn-limit, idle_timeout. */
static const char *title_of(const struct option_reader *reader, const struct setting *setting,
                            char title[TITLE_SIZE])
{
    bool in_file = reader->path != NULL;
    if (setting->letter != 0 && (!in_file || setting->long_name[0] == '\0'))
        snprintf(title, TITLE_SIZE, "-%c", setting->letter);
    else if (setting->long_name[0] != '\0')
        snprintf(title, TITLE_SIZE, "%s%s", in_file ? "" : "--", setting->long_name);
    else
        snprintf(title, TITLE_SIZE, "%s%s", in_file ? "" : "-o ", setting->extended_name);
    return title;
}

static bool complain_of_value(const struct option_reader *reader, const struct setting *setting,
                              const char *value)
{
    char title[TITLE_SIZE];
    struct text wanted;
    text_init(&wanted);
    setting_write_wanted(setting, &wanted);
    const char *between = setting->extended_name[0] != '\0' ? "=" : " ";
    option_complain(reader, "%s%s%s: wants %.*s (%s)", title_of(reader, setting, title),
                    value != NULL ? between : "", value != NULL ? value : "", (int)wanted.size,
                    wanted.at, setting->help);
    text_end(&wanted);
    return false;
}

/* What may not be read at all, whatever its value. */
static bool is_refused(const struct option_reader *reader, const struct setting *setting)
{
    char title[TITLE_SIZE];
    if (setting->kind == SETTING_REFUSED)
        option_complain(reader, "%s refused: %s", title_of(reader, setting, title), setting->help);
    else if (setting->effect == SETTING_COMMAND_LINE && reader->path != NULL)
        option_complain(reader, "%s: is for the command line only; leave it out here",
                        title_of(reader, setting, title));
    else
        return false;
    return true;
}

/* The default of a flag is what it is when its option is not given. */
static bool opposite_of_default(const struct setting *setting)
{
    return setting->kind != SETTING_FLAG || strcmp(setting->start, "no") == 0;
}

bool option_read(const struct option_reader *reader, const struct setting *setting,
                 const char *value)
{
    if (is_refused(reader, setting))
        return false;
    bool countable = setting->kind == SETTING_COUNT && value != NULL; /* verbose = 2 */
    if (setting_takes_value(setting) != (value != NULL) && !countable)
        return complain_of_value(reader, setting, value);
    if (value != NULL)
        return setting_parse(setting, value, reader->settings) ||
               complain_of_value(reader, setting, value);
    setting_assign(setting, opposite_of_default(setting), reader->settings);
    return true;
}

/* *denied: the name was found behind "no_", and it is one that can be denied. */
static const struct setting *find_extended(const char *name, bool *denied)
{
    const char *positive = strncmp(name, "no_", 3) == 0 ? name + 3 : NULL;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        bool deniable = setting->kind == SETTING_FLAG || setting->kind == SETTING_LEVEL;
        if (setting->extended_name[0] == '\0')
            continue;
        *denied = deniable && positive != NULL && strcmp(setting->extended_name, positive) == 0;
        if (*denied || strcmp(setting->extended_name, name) == 0)
            return setting;
    }
    return NULL;
}

static bool complain_of_extended(const struct option_reader *reader, const char *name)
{
    struct nearest_name nearest;
    nearest_name_init(&nearest, name);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->kind == SETTING_REFUSED)
            continue;
        if (setting->extended_name[0] != '\0')
            nearest_name_try(&nearest, setting->extended_name);
        if (setting->long_name[0] != '\0' && reader->path != NULL)
            nearest_name_try(&nearest, setting->long_name);
    }
    const char *before = reader->path == NULL ? "-o " : "";
    if (nearest.best != NULL)
        return option_complain(reader, "%s%s: no such name; is %s meant? --help lists them all",
                               before, name, nearest.best);
    return option_complain(reader, "%s%s: no such name; --help lists them all", before, name);
}

bool option_read_extended(const struct option_reader *reader, const char *name, const char *value)
{
    bool denied = false;
    const struct setting *setting = find_extended(name, &denied);
    if (setting == NULL)
        return complain_of_extended(reader, name);
    if (value != NULL && !denied && setting->kind != SETTING_FLAG)
        return option_read(reader, setting, value);
    if (is_refused(reader, setting))
        return false;
    if (value != NULL || (setting->kind != SETTING_FLAG && setting->kind != SETTING_LEVEL))
        return complain_of_value(reader, setting, value);
    setting_assign(setting, !denied, reader->settings);
    return true;
}

bool option_read_named(const struct option_reader *reader, const char *name, const char *value)
{
    for (size_t i = 0; i < settings_count; i++)
        if (name[0] != '\0' && strcmp(settings_table[i].long_name, name) == 0)
            return option_read(reader, &settings_table[i], value);
    return option_read_extended(reader, name, value);
}
