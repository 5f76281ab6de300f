#include "config.h"

#include "daemon/command_line.h"

#include "daemon/nearest_name.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE 64

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

/* name,name=value,...; taken apart in place, as the values stay in use. */
static bool read_list(const struct option_reader *reader, char *list)
{
    for (char *name; (name = strsep(&list, ",")) != NULL;) {
        char *value = strchr(name, '=');
        if (name[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (!option_read_extended(reader, name, value))
            return false;
    }
    return true;
}

static const struct setting *find_option(int found)
{
    if (found >= ROW_FIRST)
        return &settings_table[found - ROW_FIRST];
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].letter != 0 && settings_table[i].letter == found)
            return &settings_table[i];
    return NULL;
}

static bool complain_of_option(const struct option_reader *reader, char *words[])
{
    struct nearest_name nearest;
    char name[NAME_SIZE];
    /* 0 of a long option. A letter beyond ASCII may come as a negative number. */
    if (optopt != 0 && optopt < ROW_FIRST)
        return option_complain(reader, "-%c: no such option; --help lists them all", optopt);
    const char *word = words[optind - 1] + 2;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    nearest_name_init(&nearest, name);
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].long_name[0] != '\0' && settings_table[i].kind != SETTING_REFUSED)
            nearest_name_try(&nearest, settings_table[i].long_name);
    if (optopt >= ROW_FIRST)
        return option_complain(reader, "--%s takes no value", name);
    if (nearest.best != NULL)
        return option_complain(reader, "--%s: no such option; is --%s meant? --help lists them all",
                               name, nearest.best);
    return option_complain(
        reader, "--%s: no such option, or several begin so; --help lists them all", name);
}

static bool read_found(const struct option_reader *reader, int found, char *words[])
{
    if (found == '?')
        return complain_of_option(reader, words);
    if (found == EXTENDED_LETTER)
        return read_list(reader, optarg);
    const struct setting *setting = find_option(found == ':' ? optopt : found);
    if (setting == NULL)
        return option_complain(reader, "-o wants a list of names; --help lists them all");
    return option_read(reader, setting, found == ':' ? NULL : optarg);
}

bool command_line_parse(const struct option_reader *reader, int count, char *words[])
{
    struct option_tables tables;
    bool fine = option_tables_init(&tables);
    opterr = 0;
    optind = 0; /* glibc begins anew then, also within a word */
    if (!fine)
        option_complain(reader, "no memory for the options");
    while (fine) {
        int found = getopt_long(count, words, tables.letters, tables.long_options, NULL);
        if (found == -1)
            break;
        fine = read_found(reader, found, words);
    }
    option_tables_end(&tables);
    if (fine && optind < count)
        return option_complain(reader, "%s: not an option; --help lists what larderd takes",
                               words[optind]);
    return fine;
}
