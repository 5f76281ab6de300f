#include "config.h"

#include "daemon/config_file.h"

#include "daemon/command_line.h"
#include "daemon/option_reader.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)
#define LINE_WORDS_MAX 64
#define BLANKS " \t\r\f\v"

/* --- words --------------------------------------------------------------------------------- */

/*
 * Takes the next word off the line, in place, as a shell would: quotes and backslashes protect what
 * they protect there. NULL at the end of the line or where a comment begins.
 */
static char *next_word(char **line, bool *unclosed)
{
    char *from = *line + strspn(*line, BLANKS);
    char *word = from, *to = from;
    char quote = '\0';
    if (*from == '\0' || *from == '#')
        return NULL;
    for (; *from != '\0'; from++) {
        if (quote == '\0' && (strchr(BLANKS, *from) != NULL || *from == '#'))
            break;
        if (*from == quote)
            quote = '\0';
        else if (quote == '\0' && (*from == '"' || *from == '\''))
            quote = *from;
        else if (*from == '\\' && quote != '\'' && from[1] != '\0')
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *unclosed = quote != '\0';
    bool comment = *from == '#';
    *line = comment || *from == '\0' ? from + strlen(from) : from + 1;
    *to = '\0';
    return word;
}

/* -m 64, or several such: what a command line would hold. */
static bool read_dashes(const struct option_reader *reader, char *line)
{
    char *words[LINE_WORDS_MAX + 2] = {"larderd"};
    bool unclosed = false;
    int count = 1;
    for (char *word; (word = next_word(&line, &unclosed)) != NULL; words[count++] = word)
        if (unclosed || count > LINE_WORDS_MAX)
            return option_complain(reader, unclosed ? "a quote is not closed: close it"
                                                    : "too long a line: one option a line will do");
    return command_line_parse(reader, count, words);
}

/* name, name value or name = value. */
static bool read_named(const struct option_reader *reader, char *line)
{
    size_t size = strcspn(line, BLANKS "=#");
    char *rest = line + size;
    bool unclosed = false;
    rest += strspn(rest, BLANKS);
    bool equals = *rest == '=';
    bool comment = *rest == '#';
    rest += equals;
    char *value = comment ? NULL : next_word(&rest, &unclosed);
    line[size] = '\0';
    if (unclosed)
        return option_complain(reader, "%s: a quote is not closed: close it", line);
    if (equals && value == NULL)
        return option_complain(reader, "%s: there is nothing behind the =; give a value", line);
    char *surplus = value == NULL ? NULL : next_word(&rest, &unclosed);
    if (surplus != NULL)
        return option_complain(reader,
                               "%s %s: what does %s mean? one option a line; a value with "
                               "blanks needs quotes",
                               line, value, surplus);
    return option_read_named(reader, line, value);
}

static bool read_line(const struct option_reader *reader, char *line)
{
    line += strspn(line, BLANKS);
    if (*line == '\0' || *line == '#')
        return true;
    return *line == '-' ? read_dashes(reader, line) : read_named(reader, line);
}

/* --- the file ------------------------------------------------------------------------------ */

static bool complain(const char *path, const char *why)
{
    log_write(LOG_ERROR, "--config %s: %s", path, why);
    return false;
}

static bool read_content(struct config_file *file, const char *path)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return complain(path, strerror(errno));
    file->content = malloc(FILE_SIZE_MAX + 1);
    if (file->content == NULL) {
        fclose(stream);
        return complain(path, "no memory to read it");
    }
    size_t size = fread(file->content, 1, FILE_SIZE_MAX + 1, stream);
    bool failed = ferror(stream) != 0;
    int why = errno;
    fclose(stream);
    if (failed)
        return complain(path, strerror(why));
    if (size > FILE_SIZE_MAX)
        return complain(path, "it is larger than 1 MiB; is it a configuration?");
    if (memchr(file->content, '\0', size) != NULL)
        return complain(path, "it holds zero bytes; is it a configuration?");
    file->content[size] = '\0';
    return true;
}

bool config_file_load(struct config_file *file, const char *path, struct settings *settings)
{
    struct settings found;
    struct option_reader reader = {.settings = &found, .path = path};
    bool fine = true;
    *file = (struct config_file){NULL};
    if (!read_content(file, path))
        return false;
    settings_init(&found);
    char *rest = file->content;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        reader.line++;
        fine = read_line(&reader, line) && fine;
    }
    settings_take_over(settings, &found);
    settings_end(&found);
    return fine;
}

void config_file_end(struct config_file *file)
{
    free(file->content);
    file->content = NULL;
}
