#include "config.h"

#include "admin/snapshot.h"

#include "base/clock.h"

void snapshot_read(struct snapshot *snapshot, const struct admin_config *config)
{
    snapshot->microseconds = clock_microseconds();
    snapshot->time = clock_seconds();
    protocol_stats_read(config->protocol, &snapshot->proto);
    store_stats_read(config->store, &snapshot->store);
    store_report_read(config->store, snapshot->time, &snapshot->report);
    net_stats_read(config->net, &snapshot->net);
    for (unsigned i = 0; i < LATENCY_FAMILIES; i++)
        protocol_latency_read(config->protocol, (enum latency_family)i, &snapshot->times[i]);
}

uint64_t snapshot_process_bytes(const struct snapshot *snapshot)
{
    uint64_t others = snapshot->report.other_bytes;
    return others > snapshot->net.buffer_bytes ? others - snapshot->net.buffer_bytes : 0;
}

uint64_t snapshot_free_bytes(const struct snapshot *snapshot)
{
    const struct store_report *report = &snapshot->report;
    return (report->segments_free + report->segments_waiting) * report->segment_size;
}
