#include "config.h"

#include "admin/json.h"

#include "admin/stat_lines.h"

#define NUMBER_SIZE_MAX 15 /* digits that a double holds exactly */

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '<' ||
           byte == '>' || byte == '&';
}

void json_add_string(struct text *text, struct slice bytes)
{
    size_t plain = 0;
    text_add(text, SLICE_LITERAL("\""));
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        if (!needs_escape(byte))
            continue;
        text_add(text, (struct slice){bytes.at + plain, i - plain});
        text_format(text, "\\u%04x", byte);
        plain = i + 1;
    }
    text_add(text, (struct slice){bytes.at + plain, bytes.size - plain});
    text_add(text, SLICE_LITERAL("\""));
}

/* Digits, perhaps with a point among them; no leading zero, which JSON does not allow. */
static bool is_number(struct slice value)
{
    size_t points = 0;
    if (value.size == 0 || value.size > NUMBER_SIZE_MAX)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        bool is_point = value.at[i] == '.' && i > 0 && i + 1 < value.size;
        points += is_point;
        if (!is_point && (value.at[i] < '0' || value.at[i] > '9'))
            return false;
    }
    return points <= 1 && (value.at[0] != '0' || value.size == 1 || value.at[1] == '.');
}

void json_add_stat_lines(struct text *text, struct slice lines)
{
    struct stat_line line;
    const char *separator = "";
    text_add(text, SLICE_LITERAL("{"));
    while (stat_line_next(&lines, &line)) {
        text_format(text, "%s", separator);
        json_add_string(text, line.name);
        text_add(text, SLICE_LITERAL(":"));
        if (is_number(line.value))
            text_add(text, line.value);
        else
            json_add_string(text, line.value);
        separator = ",";
    }
    text_add(text, SLICE_LITERAL("}"));
}
