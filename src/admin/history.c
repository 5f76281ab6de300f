#include "config.h"

#include "admin/history.h"

#include <inttypes.h>

static uint64_t rise(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : now; /* the counters were reset meanwhile */
}

static uint64_t share_between(const struct time_histogram *before, struct time_histogram now,
                              double share)
{
    time_histogram_subtract(&now, before);
    return time_histogram_at(&now, share);
}

/* Counts as they stand, gauges; times stay 0. */
static void read_values(const struct snapshot *now, uint64_t values[HISTORY_COLUMNS])
{
#define HISTORY_COUNT(name, value) values[HISTORY_##name] = value;
#define HISTORY_GAUGE(name, value) values[HISTORY_##name] = value;
#define HISTORY_TIME(name, family, share) values[HISTORY_##name] = 0;
#include "admin/history.def"
#undef HISTORY_COUNT
#undef HISTORY_GAUGE
#undef HISTORY_TIME
}

static void add_point(struct history *history)
{
    const struct snapshot *now = &history->now;
    const struct snapshot *before = &history->before;
    struct history_point *point = &history->points[++history->last % HISTORY_POINTS];
    uint64_t earlier[HISTORY_COLUMNS];
    uint64_t *values = point->columns;
    point->number = history->last;
    point->time = now->time;
    point->milliseconds = (uint32_t)((now->microseconds - before->microseconds) / 1000);
    read_values(before, earlier);
    read_values(now, values);
#define HISTORY_COUNT(name, value)                                                                 \
    values[HISTORY_##name] = rise(earlier[HISTORY_##name], values[HISTORY_##name]);
#define HISTORY_GAUGE(name, value)
#define HISTORY_TIME(name, family, share)                                                          \
    values[HISTORY_##name] = share_between(&before->times[family], now->times[family], share);
#include "admin/history.def"
#undef HISTORY_COUNT
#undef HISTORY_GAUGE
#undef HISTORY_TIME
}

void history_advance(struct history *history, const struct admin_config *config)
{
    bool is_first = history->now.microseconds == 0;
    history->before = history->now;
    snapshot_read(&history->now, config);
    if (!is_first)
        add_point(history);
}

static void write_columns(struct text *text)
{
    static const char *const names[] = {
#define HISTORY_COUNT(name, value) #name,
#define HISTORY_GAUGE(name, value) #name,
#define HISTORY_TIME(name, family, share) #name,
#include "admin/history.def"
#undef HISTORY_COUNT
#undef HISTORY_GAUGE
#undef HISTORY_TIME
    };
    text_format(text, "\"columns\":[\"number\",\"time\",\"milliseconds\"");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        text_format(text, ",\"%s\"", names[i]);
    text_format(text, "]");
}

static void write_point(const struct history_point *point, const char *separator, struct text *text)
{
    text_format(text, "%s[%" PRIu64 ",%" PRIu32 ",%" PRIu32, separator, point->number, point->time,
                point->milliseconds);
    for (size_t i = 0; i < HISTORY_COLUMNS; i++)
        text_format(text, ",%" PRIu64, point->columns[i]);
    text_format(text, "]");
}

void history_write(const struct history *history, uint64_t after, struct text *text)
{
    uint64_t oldest = history->last > HISTORY_POINTS ? history->last - HISTORY_POINTS + 1 : 1;
    const char *separator = "";
    bool is_stranger = after < oldest || after > history->last; /* of another run, perhaps */
    text_format(text, "{\"seconds\":%d,\"last\":%" PRIu64 ",", HISTORY_SECONDS, history->last);
    write_columns(text);
    text_format(text, ",\"points\":[");
    for (uint64_t n = is_stranger ? oldest : after + 1; n <= history->last; n++) {
        write_point(&history->points[n % HISTORY_POINTS], separator, text);
        separator = ",";
    }
    text_format(text, "]}");
}
