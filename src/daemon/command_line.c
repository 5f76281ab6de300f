#include "config.h"

#include "daemon/command_line.h"

#include "daemon/nearest_name.h"

#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define TITLE_SIZE 64

/* Values of getopt_long for options without a letter lie above all letters. */
#define ROW_FIRST 256
#define EXTENDED_LETTER 'o'
#define EXTENDED_LONG "extended"

/* What getopt_long needs, made from the table. */
struct option_tables {
    char *letters;
    struct option *long_options;
};

static bool option_tables_init(struct option_tables *tables)
{
    char *letter = tables->letters = calloc(3 * settings_count + 4, 1);
    struct option *option = tables->long_options =
        calloc(settings_count + 2, sizeof(*tables->long_options));
    if (letter == NULL || option == NULL)
        return false;
    *letter++ = ':'; /* tells a missing value from an unknown option */
    *letter++ = EXTENDED_LETTER;
    *letter++ = ':';
    *option++ = (struct option){EXTENDED_LONG, required_argument, NULL, EXTENDED_LETTER};
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        /* Refused whether or not a value follows. */
        bool optional = setting->kind == SETTING_REFUSED;
        int colons = optional ? 2 : setting_takes_value(setting);
        if (setting->letter != 0) {
            *letter++ = setting->letter;
            for (int j = 0; j < colons; j++)
                *letter++ = ':';
        }
        if (setting->long_name[0] != '\0')
            *option++ = (struct option){setting->long_name,
                                        colons == 0   ? no_argument
                                        : colons == 1 ? required_argument
                                                      : optional_argument,
                                        NULL, ROW_FIRST + (int)i};
    }
    return true;
}

static void option_tables_end(struct option_tables *tables)
{
    free(tables->letters);
    free(tables->long_options);
}

/* How users write it: -c, -o idle_timeout, --check-config. */
static const char *title_of(const struct setting *setting, char title[TITLE_SIZE])
{
    if (setting->letter != 0)
        snprintf(title, TITLE_SIZE, "-%c", setting->letter);
    else if (setting->long_name[0] != '\0')
        snprintf(title, TITLE_SIZE, "--%s", setting->long_name);
    else
        snprintf(title, TITLE_SIZE, "-o %s", setting->extended_name);
    return title;
}

static bool refuse(const struct setting *setting)
{
    char title[TITLE_SIZE];
    log_write(LOG_ERROR, "%s refused: %s", title_of(setting, title), setting->help);
    return false;
}

static bool complain_of_value(const struct setting *setting, const char *value)
{
    char title[TITLE_SIZE];
    struct text wanted;
    text_init(&wanted);
    setting_write_wanted(setting, &wanted);
    const char *between = setting->extended_name[0] != '\0' ? "=" : " ";
    log_write(LOG_ERROR, "%s%s%s: wants %.*s (%s)", title_of(setting, title),
              value != NULL ? between : "", value != NULL ? value : "", (int)wanted.size, wanted.at,
              setting->help);
    text_end(&wanted);
    return false;
}

static bool take_value(const struct setting *setting, const char *value, struct settings *settings)
{
    return setting_parse(setting, value, settings) || complain_of_value(setting, value);
}

/* --- -o ------------------------------------------------------------------------------------- */

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

static bool complain_of_extended(const char *name)
{
    struct nearest_name nearest;
    nearest_name_init(&nearest, name);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->extended_name[0] != '\0' && setting->kind != SETTING_REFUSED)
            nearest_name_try(&nearest, setting->extended_name);
    }
    if (nearest.best != NULL)
        log_write(LOG_ERROR, "-o %s: no such name; is %s meant? --help lists them all", name,
                  nearest.best);
    else
        log_write(LOG_ERROR, "-o %s: no such name; --help lists them all", name);
    return false;
}

static bool take_extended(const char *name, const char *value, struct settings *settings)
{
    bool denied = false;
    const struct setting *setting = find_extended(name, &denied);
    if (setting == NULL)
        return complain_of_extended(name);
    if (setting->kind == SETTING_REFUSED)
        return refuse(setting);
    if (value != NULL && !denied && setting->kind != SETTING_FLAG)
        return take_value(setting, value, settings);
    if (value != NULL || (setting->kind != SETTING_FLAG && setting->kind != SETTING_LEVEL))
        return complain_of_value(setting, value);
    setting_assign(setting, !denied, settings);
    return true;
}

/* name,name=value,...; taken apart in place, as the values stay in use. */
static bool parse_extended(char *list, struct settings *settings)
{
    for (char *name; (name = strsep(&list, ",")) != NULL;) {
        char *value = strchr(name, '=');
        if (name[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (!take_extended(name, value, settings))
            return false;
    }
    return true;
}

/* --- letters and long options ------------------------------------------------------------------
 */

static const struct setting *find_option(int found)
{
    if (found >= ROW_FIRST)
        return &settings_table[found - ROW_FIRST];
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].letter != 0 && settings_table[i].letter == found)
            return &settings_table[i];
    return NULL;
}

/* The default of a flag is what it is when its option is not given. */
static bool opposite_of_default(const struct setting *setting)
{
    return setting->kind != SETTING_FLAG || strcmp(setting->start, "no") == 0;
}

static bool complain_of_option(char *arguments[])
{
    struct nearest_name nearest;
    char name[TITLE_SIZE];
    if (optopt > 0 && optopt < ROW_FIRST) {
        log_write(LOG_ERROR, "-%c: no such option; --help lists them all", optopt);
        return false;
    }
    const char *argument = arguments[optind - 1] + 2;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);
    nearest_name_init(&nearest, name);
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].long_name[0] != '\0' && settings_table[i].kind != SETTING_REFUSED)
            nearest_name_try(&nearest, settings_table[i].long_name);
    if (optopt >= ROW_FIRST)
        log_write(LOG_ERROR, "--%s takes no value", name);
    else if (nearest.best != NULL)
        log_write(LOG_ERROR, "--%s: no such option; is --%s meant? --help lists them all", name,
                  nearest.best);
    else
        log_write(LOG_ERROR, "--%s: no such option, or several begin so; --help lists them all",
                  name);
    return false;
}

static bool take_option(int found, char *arguments[], struct settings *settings)
{
    const struct setting *setting;
    if (found == '?')
        return complain_of_option(arguments);
    if (found == EXTENDED_LETTER)
        return parse_extended(optarg, settings);
    setting = find_option(found == ':' ? optopt : found);
    if (setting == NULL) {
        log_write(LOG_ERROR, "-o wants a list of names; --help lists them all");
        return false;
    }
    if (setting->kind == SETTING_REFUSED)
        return refuse(setting);
    if (found == ':')
        return complain_of_value(setting, NULL);
    if (setting_takes_value(setting))
        return take_value(setting, optarg, settings);
    setting_assign(setting, opposite_of_default(setting), settings);
    return true;
}

bool command_line_parse(int argument_count, char *arguments[], struct settings *settings)
{
    struct option_tables tables;
    bool fine = option_tables_init(&tables);
    opterr = 0;
    if (!fine)
        log_write(LOG_ERROR, "no memory for the options");
    while (fine) {
        int found =
            getopt_long(argument_count, arguments, tables.letters, tables.long_options, NULL);
        if (found == -1)
            break;
        fine = take_option(found, arguments, settings);
    }
    option_tables_end(&tables);
    if (fine && optind < argument_count) {
        log_write(LOG_ERROR, "%s: not an option; --help lists what larderd takes",
                  arguments[optind]);
        return false;
    }
    return fine;
}
