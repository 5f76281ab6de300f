/* What lardertop knows, for other programs. What is unknown is null. */

#include "config.h"

#include "tools/top_screen.h"

#include <math.h>
#include <time.h>

/* Each byte that is not printable ASCII becomes the character of that number. */
static void add_string(struct text *out, const char *string)
{
    text_add(out, SLICE_LITERAL("\""));
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte == '"' || byte == '\\')
            text_format(out, "\\%c", byte);
        else if (byte < ' ' || byte >= 0x7f)
            text_format(out, "\\u%04x", byte);
        else
            text_add(out, (struct slice){string, 1});
    }
    text_add(out, SLICE_LITERAL("\""));
}

static void add_number(struct text *out, const char *name, double number)
{
    if (isnan(number))
        text_format(out, ",\"%s\":null", name);
    else
        text_format(out, ",\"%s\":%.15g", name, round(number * 1e6) / 1e6);
}

static void add_stats(struct text *out, const struct top_sample *sample)
{
    static const char *const names[] = {
#define TOP_STAT(name, section, wire_name) wire_name,
#include "tools/top_stats.def"
#undef TOP_STAT
    };
    const char *separator = "";
    text_format(out, ",\"stats\":{");
    for (unsigned i = 0; i < TOP_STATS; i++) {
        if (isnan(sample->values[i]))
            continue;
        text_format(out, "%s\"%s\":%.15g", separator, names[i], sample->values[i]);
        separator = ",";
    }
    text_format(out, "}");
}

static void add_hot_keys(struct text *out, const struct top_sample *sample)
{
    if (isnan(sample->values[TOP_STAT_HOT_SECONDS])) {
        text_format(out, ",\"hot_keys\":null");
        return;
    }
    text_format(out, ",\"hot_keys\":[");
    for (unsigned i = 0; i < sample->hot_key_count; i++) {
        text_format(out, "%s{\"key\":", i == 0 ? "" : ",");
        add_string(out, sample->hot_keys[i].key);
        add_number(out, "requests", sample->hot_keys[i].requests);
        add_number(out, "error", sample->hot_keys[i].error);
        text_format(out, "}");
    }
    text_format(out, "]");
}

static void add_server(struct text *out, const struct top_view *view)
{
    static const char *const states[] = {
        [TOP_CONNECTING] = "connecting", [TOP_UP] = "up", [TOP_DOWN] = "down"};
    text_format(out, "{\"server\":");
    add_string(out, view->name);
    text_format(out, ",\"state\":\"%s\"", states[view->state]);
    if (view->state == TOP_DOWN) {
        text_format(out, ",\"problem\":");
        add_string(out, view->problem);
    }
    if (view->state == TOP_UP) {
        add_number(out, "waiting_seconds", view->waiting);
        text_format(out, ",\"version\":");
        add_string(out, view->sample.version);
        for (unsigned i = 0; i < TOP_FIGURES; i++)
            add_number(out, top_figure_rows[i].key, view->figures[i]);
        add_stats(out, &view->sample);
        add_hot_keys(out, &view->sample);
    }
    text_format(out, "}");
}

void top_json_print(struct text *out, const struct top_frame *frame)
{
    text_format(out, "{\"time\":%lld,\"servers\":[", (long long)time(NULL));
    for (unsigned i = 0; i < frame->count; i++) {
        if (i > 0)
            text_format(out, ",");
        add_server(out, frame->views[frame->order[i]]);
    }
    text_format(out, "]}\n");
}
