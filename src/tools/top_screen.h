#ifndef LARDER_TOP_SCREEN_H
#define LARDER_TOP_SCREEN_H

/*
 * What lardertop shows, as text. Names, problems, versions and keys come from elsewhere: of these
 * nothing but printable ASCII gets out, so that no server and no key can steer the terminal.
 */

#include "tools/top_view.h"

#include "base/text.h"

struct top_frame {
    const struct top_view *const *views;
    const unsigned *order; /* of the views, first to last */
    unsigned count;
    unsigned selected; /* the view whose details are shown */
    enum top_figure sort;
    bool reversed;
    bool help;    /* shown instead of the servers */
    double delay; /* seconds from one reading to the next */
    unsigned width;
    unsigned height;
    bool colour;
};

/* A whole screen: at most height lines of width columns, by the escape sequences of ANSI. */
void top_screen_draw(struct text *out, const struct top_frame *frame);

/* The same for --once: lines only, of all servers, with all columns. */
void top_screen_print(struct text *out, const struct top_frame *frame);

/* A line of JSON. */
void top_json_print(struct text *out, const struct top_frame *frame);

#endif
