#ifndef LARDER_PREFIX_STATS_H
#define LARDER_PREFIX_STATS_H

/*
 * stats detail: gets, sets and deletes by the prefix of the key, which ends before the first
 * delimiter. Keys without one are not counted. At most PREFIX_COUNT_MAX prefixes are told apart.
 *
 * Threads: any. While it counts, every key costs the one lock.
 */

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>

#define PREFIX_COUNT_MAX 10000

struct prefix_stats;

enum prefix_use { PREFIX_HIT, PREFIX_MISS, PREFIX_SET, PREFIX_DELETE };

struct prefix_stats *prefix_stats_create(char delimiter, bool on); /* NULL: no memory */
void prefix_stats_destroy(struct prefix_stats *stats);

bool prefix_stats_is_on(const struct prefix_stats *stats);
void prefix_stats_switch(struct prefix_stats *stats, bool on); /* what was counted stays */

/* false: the table is full and has no such prefix. */
MUST_USE bool prefix_stats_count(struct prefix_stats *stats, struct slice key, enum prefix_use use);

void prefix_stats_clear(struct prefix_stats *stats);
void prefix_stats_write(struct prefix_stats *stats, struct text *text); /* PREFIX lines */

#endif
