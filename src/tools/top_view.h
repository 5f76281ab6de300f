#ifndef LARDER_TOP_VIEW_H
#define LARDER_TOP_VIEW_H

/*
 * What lardertop shows of a server: figures made of two samples, and how servers are put in order.
 * Nothing here waits or writes.
 */

#include "tools/top_sample.h"

#define TOP_SERVERS_MAX 64
#define TOP_FIGURE_TEXT_SIZE 16

enum top_form { TOP_COUNT, TOP_BYTES, TOP_PERCENT, TOP_MICROSECONDS };

enum top_figure {
#define TOP_FIGURE(name, title, form, key, expression, what) TOP_FIGURE_##name,
#include "tools/top_figures.def"
#undef TOP_FIGURE
    TOP_FIGURES,
    TOP_BY_NAME = TOP_FIGURES, /* for sorting only */
    TOP_SORT_KEYS,
};

struct top_figure_row {
    const char *title;
    enum top_form form;
    const char *key; /* in JSON and for --sort */
    const char *what;
};

extern const struct top_figure_row top_figure_rows[TOP_FIGURES];

/* The values now and how fast they grow, in a second; NAN: unknown. */
struct top_change {
    double now[TOP_STATS];
    double rate[TOP_STATS];
};

enum top_state {
    TOP_CONNECTING, /* for the first time, or again after a loss */
    TOP_UP,
    TOP_DOWN, /* see problem */
};

struct top_view {
    const char *name; /* as the user wrote it; lent */
    enum top_state state;
    char problem[160];     /* why it is down */
    double waiting;        /* seconds that an answer has been out for; 0: none is */
    unsigned sample_count; /* since it was connected to */
    struct top_sample sample;
    struct top_change change;
    double figures[TOP_FIGURES];
};

/* `before` may be NULL. Where the server has begun anew or a counter was set back, no rate is
 * known. */
void top_change_between(struct top_change *change, const struct top_sample *before,
                        const struct top_sample *now);

/* Adds a server to a sum; what one does not know adds nothing. Times are not summed. */
void top_change_init(struct top_change *sum);
void top_change_add(struct top_change *sum, const struct top_change *change);

void top_figures_of(double figures[TOP_FIGURES], const struct top_change *change);

/* Puts the indexes of the views in order: the largest first, or by name; what is not up or not
 * known stands last; reversed, the smallest first. */
void top_sort(unsigned order[], const struct top_view *const views[], unsigned count,
              enum top_figure key, bool reversed);

/* At most seven bytes, such as 12.3k; a dash for what is unknown. */
void top_format_figure(char text[TOP_FIGURE_TEXT_SIZE], enum top_form form, double value);

/* A key in URI encoding, as people read it: what is printable ASCII is decoded, but for the percent
 * sign, so that each key still has a text of its own. Nothing else than printable ASCII is left,
 * whatever came. */
void top_readable_key(char *to, size_t size, const char *key);

#endif
