#include "config.h"

#include "tools/top_screen.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define COLUMN_WIDTH 8
#define NAME_WIDTH_MIN 15
#define NAME_WIDTH_MAX 40
#define PANE_HEIGHT 9      /* lines that servers leave to the details, if there is room for both */
#define WAITING_SECONDS 1  /* an answer that is out for longer is told */
#define INDENT 7           /* of a line of details that goes on */
#define PRINTED_WIDTH 1000 /* of lines that no screen cuts */

/* Where lines are written to; a plain one has no escape sequences. */
struct canvas {
    struct text *out;
    unsigned width;
    unsigned used; /* columns of this line */
    unsigned rows; /* that are left, with this one */
    bool plain;
    bool colour;
};

/* --- lines ----------------------------------------------------------------------------------- */

static void put(struct canvas *canvas, const char *text)
{
    char safe[512];
    size_t size = 0;
    for (; *text != '\0' && canvas->used < canvas->width && size < sizeof(safe); text++) {
        safe[size++] = *text >= ' ' && *text < 0x7f ? *text : '?';
        canvas->used++;
    }
    if (canvas->rows > 0)
        text_add(canvas->out, (struct slice){safe, size});
}

static void put_format(struct canvas *canvas, const char *format, ...) PRINTF_LIKE(2, 3);

static void put_format(struct canvas *canvas, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put(canvas, text);
}

static void put_escape(struct canvas *canvas, const char *sequence)
{
    if (!canvas->plain && canvas->rows > 0)
        text_format(canvas->out, "\033[%s", sequence);
}

static void put_colour(struct canvas *canvas, const char *sequence)
{
    if (canvas->colour)
        put_escape(canvas, sequence);
}

#define BOLD "1m"
#define REVERSE "7m"
#define NORMAL "0m"
#define RED "31m"
#define YELLOW "33m"

static void end_line(struct canvas *canvas)
{
    if (canvas->rows == 0)
        return;
    put_escape(canvas, NORMAL);
    /* What an earlier screen has left there; on a full line it would take the last letter. */
    if (canvas->used < canvas->width)
        put_escape(canvas, "K");
    canvas->rows--;
    canvas->used = 0;
    if (canvas->plain)
        text_add(canvas->out, SLICE_LITERAL("\n"));
    else if (canvas->rows > 0)
        text_add(canvas->out, SLICE_LITERAL("\r\n"));
}

static void put_figure(struct canvas *canvas, enum top_form form, double value)
{
    char text[TOP_FIGURE_TEXT_SIZE];
    top_format_figure(text, form, value);
    put_format(canvas, "%*s", COLUMN_WIDTH, text);
}

/* --- servers --------------------------------------------------------------------------------- */

static unsigned column_count(const struct canvas *canvas)
{
    unsigned room = canvas->width > NAME_WIDTH_MIN + 1 ? canvas->width - NAME_WIDTH_MIN - 1 : 0;
    unsigned count = room / COLUMN_WIDTH;
    return count < TOP_FIGURES ? count : TOP_FIGURES;
}

static unsigned name_width(const struct canvas *canvas)
{
    unsigned columns = column_count(canvas) * COLUMN_WIDTH + 1;
    unsigned width = canvas->width > columns ? canvas->width - columns : 0;
    return width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
}

/* Of a long name the end is shown, where names mostly differ. */
static void put_name(struct canvas *canvas, char mark, const char *name)
{
    unsigned width = name_width(canvas);
    size_t size = strlen(name);
    bool is_cut = size > width && width > 1;
    put_format(canvas, "%c%s", mark, is_cut ? "~" : "");
    put_format(canvas, "%-*s", (int)width - (is_cut ? 1 : 0),
               is_cut ? name + size - width + 1 : name);
}

static void put_titles(struct canvas *canvas, const struct top_frame *frame)
{
    put_escape(canvas, REVERSE);
    put_name(canvas, ' ', "SERVER");
    for (unsigned i = 0; i < column_count(canvas); i++) {
        if (i == frame->sort)
            put_escape(canvas, BOLD);
        put_format(canvas, "%*s", COLUMN_WIDTH, top_figure_rows[i].title);
        if (i == frame->sort && !canvas->plain) {
            put_escape(canvas, NORMAL);
            put_escape(canvas, REVERSE);
        }
    }
    put_format(canvas, "%*s", canvas->plain ? 0 : (int)(canvas->width - canvas->used), "");
    end_line(canvas);
}

static void put_server(struct canvas *canvas, const struct top_frame *frame, unsigned which)
{
    const struct top_view *view = frame->views[which];
    bool is_marked = which == frame->selected && frame->count > 1 && !canvas->plain;
    if (is_marked)
        put_escape(canvas, BOLD);
    put_name(canvas, is_marked ? '>' : ' ', view->name);
    if (view->state == TOP_DOWN) {
        put_colour(canvas, RED);
        put_format(canvas, " down: %s", view->problem);
    } else if (view->state == TOP_CONNECTING) {
        put_colour(canvas, YELLOW);
        put(canvas, " connecting");
    } else if (view->waiting > WAITING_SECONDS) {
        put_colour(canvas, YELLOW);
        put_format(canvas, " no answer for %.0f s", view->waiting);
    } else {
        for (unsigned i = 0; i < column_count(canvas); i++)
            put_figure(canvas, top_figure_rows[i].form, view->figures[i]);
    }
    end_line(canvas);
}

static void put_total(struct canvas *canvas, const struct top_frame *frame)
{
    struct top_change sum;
    double figures[TOP_FIGURES];
    top_change_init(&sum);
    for (unsigned i = 0; i < frame->count; i++)
        if (frame->views[i]->state == TOP_UP)
            top_change_add(&sum, &frame->views[i]->change);
    top_figures_of(figures, &sum);
    put_name(canvas, ' ', "total");
    for (unsigned i = 0; i < column_count(canvas); i++)
        put_figure(canvas, top_figure_rows[i].form, figures[i]);
    end_line(canvas);
}

/* Those around the selected one, if there is no room for all. */
static void put_servers(struct canvas *canvas, const struct top_frame *frame)
{
    unsigned fixed = frame->count > 1 ? 3 : 2; /* titles, total, an empty line */
    unsigned room = canvas->rows > fixed + PANE_HEIGHT ? canvas->rows - fixed - PANE_HEIGHT
                    : canvas->rows > fixed             ? canvas->rows - fixed
                                                       : 1;
    unsigned shown = frame->count < room ? frame->count : room;
    unsigned first = 0;
    for (unsigned i = 0; i < frame->count; i++)
        if (frame->order[i] == frame->selected && i >= shown)
            first = i - shown + 1;
    put_titles(canvas, frame);
    for (unsigned i = first; i < first + shown; i++)
        put_server(canvas, frame, frame->order[i]);
    if (frame->count > 1)
        put_total(canvas, frame);
}

/* --- one server's details -------------------------------------------------------------------- */

static void format_duration(char *text, size_t size, double seconds)
{
    if (seconds >= 86400)
        snprintf(text, size, "  up %.0f d %.0f h", floor(seconds / 86400),
                 floor(fmod(seconds, 86400) / 3600));
    else if (seconds >= 3600)
        snprintf(text, size, "  up %.0f h %.0f min", floor(seconds / 3600),
                 floor(fmod(seconds, 3600) / 60));
    else if (seconds >= 60)
        snprintf(text, size, "  up %.0f min", floor(seconds / 60));
    else
        snprintf(text, size, "  up %.0f s", seconds);
}

/* A part of a line of details; a line that is full goes on in the next. */
static void put_part(struct canvas *canvas, const char *part)
{
    if (canvas->used + strlen(part) > canvas->width && canvas->used > INDENT) {
        end_line(canvas);
        put_format(canvas, "%*s", INDENT, "");
    }
    put(canvas, part);
}

static void put_bytes(struct canvas *canvas, const char *name, double bytes)
{
    char text[TOP_FIGURE_TEXT_SIZE], part[64];
    if (isnan(bytes))
        return;
    top_format_figure(text, TOP_BYTES, bytes);
    snprintf(part, sizeof(part), "  %s %s", name, text);
    put_part(canvas, part);
}

static void put_number(struct canvas *canvas, const char *before, double number, const char *behind)
{
    char part[64];
    if (isnan(number))
        return;
    snprintf(part, sizeof(part), "%s%.0f%s", before, number, behind);
    put_part(canvas, part);
}

static void put_process(struct canvas *canvas, const struct top_view *view)
{
    const double *values = view->sample.values;
    put_escape(canvas, BOLD);
    put(canvas, view->name);
    put_escape(canvas, NORMAL);
    if (view->sample.version[0] != '\0') {
        put_part(canvas, "  version ");
        put(canvas, view->sample.version);
    }
    put_number(canvas, "  process ", values[TOP_STAT_PID], "");
    if (!isnan(values[TOP_STAT_UPTIME])) {
        char duration[64];
        format_duration(duration, sizeof(duration), values[TOP_STAT_UPTIME]);
        put_part(canvas, duration);
    }
    put_number(canvas, "  ", values[TOP_STAT_THREADS], " threads");
    end_line(canvas);
    put(canvas, "clients");
    put_number(canvas, "  ", values[TOP_STAT_CONNECTIONS], " connected");
    put_number(canvas, "  ", values[TOP_STAT_CONNECTIONS_MAX], " allowed");
    put_number(canvas, "  ", values[TOP_STAT_CONNECTIONS_TAKEN], " since start");
    put_number(canvas, "  ", values[TOP_STAT_CONNECTIONS_REFUSED], " refused");
    end_line(canvas);
}

static void put_memory(struct canvas *canvas, const double *values)
{
    static const struct {
        const char *name;
        enum top_stat stat;
    } parts[] = {
        {"items", TOP_STAT_LIVE_BYTES},      {"dead", TOP_STAT_DEAD_BYTES},
        {"expired", TOP_STAT_EXPIRED_BYTES}, {"unused", TOP_STAT_UNUSED_BYTES},
        {"index", TOP_STAT_INDEX_BYTES},     {"ghosts", TOP_STAT_GHOST_BYTES},
        {"other", TOP_STAT_OTHER_BYTES},
    };
    put(canvas, "memory ");
    put_bytes(canvas, "limit", values[TOP_STAT_MEMORY_LIMIT]);
    if (isnan(values[TOP_STAT_LIVE_BYTES]))
        put_bytes(canvas, "items", values[TOP_STAT_ITEM_BYTES]);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        put_bytes(canvas, parts[i].name, values[parts[i].stat]);
    end_line(canvas);
}

static void put_latency_titles(struct canvas *canvas)
{
    put_escape(canvas, REVERSE);
    put_format(canvas, "%-13s%8s%8s%8s%8s%8s%8s  since start or reset", "LATENCY", "P50", "P90",
               "P99", "P99.9", "MAX", "TIMED");
    end_line(canvas);
}

static void put_latency(struct canvas *canvas, const double *values)
{
    static const struct {
        const char *name;
        enum top_stat first; /* timed, p50, p90, p99, p99.9, max follow each other */
    } families[] = {
        {"get", TOP_STAT_GET_TIMED},       {"set", TOP_STAT_SET_TIMED},
        {"delete", TOP_STAT_DELETE_TIMED}, {"arithmetic", TOP_STAT_ARITHMETIC_TIMED},
        {"touch", TOP_STAT_TOUCH_TIMED},
    };
    bool has_titles = false;
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        const double *times = &values[families[i].first];
        if (!(times[0] > 0))
            continue;
        if (!has_titles)
            put_latency_titles(canvas);
        has_titles = true;
        put_format(canvas, "%-13s", families[i].name);
        for (unsigned j = 1; j <= 5; j++)
            put_figure(canvas, TOP_MICROSECONDS, times[j]);
        put_figure(canvas, TOP_COUNT, times[0]);
        end_line(canvas);
    }
}

static void put_hot_keys(struct canvas *canvas, const struct top_sample *sample)
{
    double seconds = sample->values[TOP_STAT_HOT_SECONDS];
    double requests = sample->values[TOP_STAT_HOT_REQUESTS];
    if (isnan(seconds))
        return;
    put_escape(canvas, REVERSE);
    put_format(canvas, "%8s%8s%8s  HOT KEYS of the last %.0f s", "REQ/S", "SHARE%", "ERROR%",
               seconds);
    end_line(canvas);
    for (unsigned i = 0; i < sample->hot_key_count && canvas->rows > 0; i++) {
        const struct top_hot_key *hot_key = &sample->hot_keys[i];
        char key[TOP_KEY_SIZE_MAX];
        put_figure(canvas, TOP_COUNT, seconds > 0 ? hot_key->requests / seconds : NAN);
        put_figure(canvas, TOP_PERCENT, requests > 0 ? hot_key->requests / requests : NAN);
        put_figure(canvas, TOP_PERCENT, requests > 0 ? hot_key->error / requests : NAN);
        top_readable_key(key, sizeof(key), hot_key->key);
        put(canvas, "  ");
        put(canvas, key);
        end_line(canvas);
    }
}

static void put_details(struct canvas *canvas, const struct top_view *view)
{
    if (view->state != TOP_UP)
        return;
    end_line(canvas);
    put_process(canvas, view);
    put_memory(canvas, view->sample.values);
    put_latency(canvas, view->sample.values);
    put_hot_keys(canvas, &view->sample);
}

/* --- whole screens --------------------------------------------------------------------------- */

static const char *sort_title(const struct top_frame *frame)
{
    return frame->sort == TOP_BY_NAME ? "name" : top_figure_rows[frame->sort].title;
}

static void put_head(struct canvas *canvas, const struct top_frame *frame)
{
    unsigned down = 0;
    for (unsigned i = 0; i < frame->count; i++)
        down += frame->views[i]->state == TOP_DOWN ? 1 : 0;
    put_escape(canvas, BOLD);
    put(canvas, "lardertop");
    put_escape(canvas, NORMAL);
    put_format(canvas, "  %u server%s", frame->count, frame->count == 1 ? "" : "s");
    if (down > 0) {
        put_colour(canvas, RED);
        put_format(canvas, ", %u down", down);
        put_escape(canvas, NORMAL);
    }
    put_format(canvas, "  by %s%s", sort_title(frame), frame->reversed ? ", reversed" : "");
    put_format(canvas, "  every %g s  h: help", frame->delay);
    end_line(canvas);
}

static void put_help(struct canvas *canvas)
{
    static const char *const lines[] = {
        "q              quit",
        "< >            sort by the column to the left, to the right (or the arrows)",
        "n              sort by name",
        "r              reverse the order",
        "j k            the next server, the one before: whose details are shown (or the arrows)",
        "h ?            this, and back",
        "",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        put(canvas, lines[i]);
        end_line(canvas);
    }
    for (unsigned i = 0; i < TOP_FIGURES; i++) {
        put_format(canvas, "%-15s%s", top_figure_rows[i].title, top_figure_rows[i].what);
        end_line(canvas);
    }
}

void top_screen_draw(struct text *out, const struct top_frame *frame)
{
    struct canvas canvas = {
        .out = out, .width = frame->width, .rows = frame->height, .colour = frame->colour};
    text_add(out, SLICE_LITERAL("\033[H"));
    put_head(&canvas, frame);
    if (frame->help) {
        put_help(&canvas);
    } else {
        put_servers(&canvas, frame);
        put_details(&canvas, frame->views[frame->selected]);
    }
    if (canvas.rows > 0)
        text_add(out, SLICE_LITERAL("\033[J"));
}

void top_screen_print(struct text *out, const struct top_frame *frame)
{
    struct canvas canvas = {.out = out, .width = PRINTED_WIDTH, .rows = UINT32_MAX, .plain = true};
    put_servers(&canvas, frame);
    for (unsigned i = 0; i < frame->count; i++)
        put_details(&canvas, frame->views[frame->order[i]]);
}
