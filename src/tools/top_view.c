#include "config.h"

#include "tools/top_view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

const struct top_figure_row top_figure_rows[TOP_FIGURES] = {
#define TOP_FIGURE(name, title, form, key, expression, what) {title, TOP_##form, key, what},
#include "tools/top_figures.def"
#undef TOP_FIGURE
};

/* --- rates ----------------------------------------------------------------------------------- */

static bool is_same_process(const struct top_sample *before, const struct top_sample *now)
{
    const double *old = before->values, *new = now->values;
    return !(new[TOP_STAT_UPTIME] < old[TOP_STAT_UPTIME]) &&
           !(new[TOP_STAT_PID] < old[TOP_STAT_PID]) && !(new[TOP_STAT_PID] > old[TOP_STAT_PID]);
}

void top_change_between(struct top_change *change, const struct top_sample *before,
                        const struct top_sample *now)
{
    double seconds = before != NULL ? now->taken_at - before->taken_at : 0;
    bool knows_rates = seconds > 0 && is_same_process(before, now);
    for (unsigned i = 0; i < TOP_STATS; i++) {
        double grown = knows_rates ? now->values[i] - before->values[i] : NAN;
        change->now[i] = now->values[i];
        change->rate[i] = grown >= 0 ? grown / seconds : NAN;
    }
}

void top_change_init(struct top_change *sum)
{
    for (unsigned i = 0; i < TOP_STATS; i++)
        sum->now[i] = sum->rate[i] = NAN;
}

static double plus(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : a + b;
}

static bool is_time(unsigned stat)
{
    return stat >= TOP_STAT_GET_TIMED && stat <= TOP_STAT_TOUCH_MAX;
}

void top_change_add(struct top_change *sum, const struct top_change *change)
{
    for (unsigned i = 0; i < TOP_STATS; i++) {
        if (is_time(i))
            continue;
        sum->now[i] = plus(sum->now[i], change->now[i]);
        sum->rate[i] = plus(sum->rate[i], change->rate[i]);
    }
}

/* --- figures --------------------------------------------------------------------------------- */

static double sum_of(size_t count, const double numbers[])
{
    double sum = NAN;
    for (size_t i = 0; i < count; i++)
        sum = plus(sum, numbers[i]);
    return sum;
}

#define NOW(stat) change->now[TOP_STAT_##stat]
#define RATE(stat) change->rate[TOP_STAT_##stat]
#define SUM(...)                                                                                   \
    sum_of(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (const double[]){__VA_ARGS__})
#define TIME(family, which) (NOW(family##_TIMED) > 0 ? NOW(family##_##which) : NAN)
#define SHARE(part, whole) ((whole) > 0 ? (part) / (whole) : NAN)

void top_figures_of(double figures[TOP_FIGURES], const struct top_change *change)
{
#define TOP_FIGURE(name, title, form, key, expression, what)                                       \
    figures[TOP_FIGURE_##name] = expression;
#include "tools/top_figures.def"
#undef TOP_FIGURE
}

/* --- order ----------------------------------------------------------------------------------- */

/* Above 0: `a` stands behind `b`. */
static int compare(const struct top_view *a, const struct top_view *b, enum top_figure key,
                   bool reversed)
{
    if (key == TOP_BY_NAME)
        return reversed ? -strcmp(a->name, b->name) : strcmp(a->name, b->name);
    double left = a->state == TOP_UP ? a->figures[key] : NAN;
    double right = b->state == TOP_UP ? b->figures[key] : NAN;
    if (isnan(left) || isnan(right))
        return (isnan(left) ? 1 : 0) - (isnan(right) ? 1 : 0);
    int difference = (left < right) - (left > right);
    return reversed ? -difference : difference;
}

/* By insertion: there are few, they are mostly in order, and equal ones stay as the user has named
 * them. */
void top_sort(unsigned order[], const struct top_view *const views[], unsigned count,
              enum top_figure key, bool reversed)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 && compare(views[order[at - 1]], views[i], key, reversed) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* --- texts ----------------------------------------------------------------------------------- */

/* Three digits that count, and a unit. */
static void format_scaled(char text[TOP_FIGURE_TEXT_SIZE], double value, double step,
                          const char *const units[])
{
    while (units[1] != NULL && value >= step * 0.9995) {
        value /= step;
        units++;
    }
    int decimals = units[0][0] == '\0' || value >= 99.95 ? 0 : 1;
    snprintf(text, TOP_FIGURE_TEXT_SIZE, "%.*f%s", decimals, value < 99999 ? value : 99999,
             units[0]);
}

void top_format_figure(char text[TOP_FIGURE_TEXT_SIZE], enum top_form form, double value)
{
    static const char *const thousands[] = {"", "k", "M", "G", "T", NULL};
    static const char *const bytes[] = {"", "K", "M", "G", "T", "P", NULL};
    static const char *const times[] = {"us", "ms", "s", NULL};
    if (isnan(value)) {
        snprintf(text, TOP_FIGURE_TEXT_SIZE, "-");
        return;
    }
    switch (form) {
    case TOP_COUNT:
        format_scaled(text, value, 1000, thousands);
        break;
    case TOP_BYTES:
        format_scaled(text, value, 1024, bytes);
        break;
    case TOP_PERCENT:
        snprintf(text, TOP_FIGURE_TEXT_SIZE, "%.1f", value < 99.999 ? value * 100 : 9999.9);
        break;
    case TOP_MICROSECONDS:
        if (value < 999.5)
            snprintf(text, TOP_FIGURE_TEXT_SIZE, "%.0fus", value);
        else
            format_scaled(text, value / 1000, 1000, times + 1);
        break;
    }
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

void top_readable_key(char *to, size_t size, const char *key)
{
    size_t used = 0;
    for (; *key != '\0' && used + 1 < size; key++) {
        char byte = *key;
        int high = byte == '%' ? hex_digit(key[1]) : -1;
        int low = high >= 0 ? hex_digit(key[2]) : -1;
        int decoded = low >= 0 ? high * 16 + low : -1;
        if (decoded > ' ' && decoded < 0x7f && decoded != '%') {
            byte = (char)decoded;
            key += 2;
        }
        to[used++] = byte > ' ' && byte < 0x7f ? byte : '?';
    }
    to[used] = '\0';
}
