#ifndef LARDER_SNAPSHOT_H
#define LARDER_SNAPSHOT_H

/* Everything that the admin endpoint reads from the other layers' counters, at about one moment. */

#include "admin/admin.h"

struct snapshot {
    uint64_t microseconds; /* of the monotonic clock */
    uint32_t time;         /* seconds since 1970 */
    struct proto_stats proto;
    struct store_stats store;
    struct store_report report;
    struct net_stats net;
    struct time_histogram times[LATENCY_FAMILIES];
};

void snapshot_read(struct snapshot *snapshot, const struct admin_config *config);

/* Of report.other_bytes, what is not connections' buffers: the process's own. */
uint64_t snapshot_process_bytes(const struct snapshot *snapshot);
uint64_t snapshot_free_bytes(const struct snapshot *snapshot); /* of segments that are empty */

#endif
