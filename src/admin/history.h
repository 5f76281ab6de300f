#ifndef LARDER_HISTORY_H
#define LARDER_HISTORY_H

/*
 * The last hour in points of a few seconds each, so that a page that was just opened has something
 * to draw. A ring of fixed size.
 *
 * Threads: the admin thread's only.
 */

#include "admin/snapshot.h"

#define HISTORY_SECONDS 5 /* from point to point */
#define HISTORY_POINTS (3600 / HISTORY_SECONDS)

enum history_column {
#define HISTORY_COUNT(name, value) HISTORY_##name,
#define HISTORY_GAUGE(name, value) HISTORY_##name,
#define HISTORY_TIME(name, family, share) HISTORY_##name,
#include "admin/history.def"
#undef HISTORY_COUNT
#undef HISTORY_GAUGE
#undef HISTORY_TIME
    HISTORY_COLUMNS
};

struct history_point {
    uint64_t number;       /* of the point, from 1 */
    uint32_t time;         /* seconds since 1970 */
    uint32_t milliseconds; /* since the point before */
    uint64_t columns[HISTORY_COLUMNS];
};

struct history {
    struct history_point points[HISTORY_POINTS]; /* number n is at n % HISTORY_POINTS */
    uint64_t last;                               /* number of the newest point; 0: there is none */
    struct snapshot before;
    struct snapshot now;
};

/* Reads everything; makes a point of it, but for the first time. */
void history_advance(struct history *history, const struct admin_config *config);

/* {"seconds":5,"last":N,"columns":[...],"points":[[number,time,milliseconds,...],...]}: the points
 * after number `after`, the oldest first. */
void history_write(const struct history *history, uint64_t after, struct text *text);

#endif
