#include "config.h"

#include "proto/class_list.h"

#include "base/number.h"

bool class_list_parse(struct slice text, bool *has_items)
{
    *has_items = slice_is(text, "all") || slice_is(text, "hash");
    if (*has_items)
        return true;
    while (true) {
        const char *comma = memchr(text.at, ',', text.size);
        size_t size = comma == NULL ? text.size : (size_t)(comma - text.at);
        uint32_t id;
        if (!number_parse_u32((struct slice){text.at, size}, &id) || id < 1 || id > CLASS_ID_MAX)
            return false;
        *has_items = *has_items || id == 1;
        if (comma == NULL)
            return true;
        text = (struct slice){comma + 1, text.size - size - 1};
    }
}
