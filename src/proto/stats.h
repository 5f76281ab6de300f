#ifndef LARDER_STATS_H
#define LARDER_STATS_H

/* The sections of the stats command: each adds its STAT lines to a text, without END. */

#include "proto/protocol.h"

/* Everything that the sections tell, read at one moment. */
struct stats_snapshot {
    const struct protocol_config *config;
    struct proto_stats proto;
    struct store_stats store;
    struct store_report report;
    struct server_gauges gauges;
};

void stats_snapshot_read(struct stats_snapshot *snapshot, struct protocol *protocol);

void stats_write_general(struct text *text, const struct stats_snapshot *now);

/* The whole store as one slab class, the first, with segments for pages. */
void stats_write_items(struct text *text, const struct stats_snapshot *now);
void stats_write_slabs(struct text *text, const struct stats_snapshot *now);

#endif
