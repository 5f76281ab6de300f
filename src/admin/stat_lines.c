#include "config.h"

#include "admin/stat_lines.h"

#define STAT_SIZE 5

static struct slice cut_line(struct slice *lines)
{
    const char *end = memchr(lines->at, '\n', lines->size);
    size_t size = end == NULL ? lines->size : (size_t)(end - lines->at) + 1;
    struct slice line = {lines->at, size};
    *lines = (struct slice){lines->at + size, lines->size - size};
    while (line.size > 0 && (line.at[line.size - 1] == '\n' || line.at[line.size - 1] == '\r'))
        line.size--;
    return line;
}

bool stat_line_next(struct slice *lines, struct stat_line *line)
{
    while (lines->size > 0) {
        struct slice next = cut_line(lines);
        if (next.size < STAT_SIZE || memcmp(next.at, "STAT ", STAT_SIZE) != 0)
            continue;
        next = (struct slice){next.at + STAT_SIZE, next.size - STAT_SIZE};
        const char *space = memchr(next.at, ' ', next.size);
        if (space == NULL)
            continue;
        line->name = (struct slice){next.at, (size_t)(space - next.at)};
        line->value = (struct slice){space + 1, next.size - line->name.size - 1};
        return true;
    }
    return false;
}

struct slice stat_lines_find(struct slice lines, struct slice name)
{
    struct stat_line line;
    while (stat_line_next(&lines, &line))
        if (slice_equal(line.name, name))
            return line.value;
    return (struct slice){"", 0};
}
