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

/* What an item of that key takes, as `bytes` counts it but for what was kept with it. */
static inline uint64_t stats_item_size(size_t key_size, const struct store_item *item)
{
    return (item->exptime == 0 ? 4u : 8u) + key_size + item->value_size;
}

void stats_write_general(struct text *text, const struct stats_snapshot *now);

/* The whole store as one slab class, the first, with segments for pages. */
void stats_write_items(struct text *text, const struct stats_snapshot *now);
void stats_write_slabs(struct text *text, const struct stats_snapshot *now);

/* What only larder has: where memory goes, and what is done to make room. */
void stats_write_segments(struct text *text, const struct stats_snapshot *now);

/* What only larder has: how long requests take, and which keys are asked for most. */
void stats_write_latency(struct text *text, struct protocol *protocol);
void stats_write_hot_keys(struct text *text, struct protocol *protocol);

/* What only larder has: what share of gets would miss with other memory limits. */
void stats_write_curve(struct text *text, struct protocol *protocol);

#endif
