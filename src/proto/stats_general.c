#include "config.h"

#include "proto/stats.h"

#include "base/clock.h"
#include "proto/reply.h"

#include <inttypes.h>
#include <unistd.h>

#define MICROSECONDS 1000000

void stats_snapshot_read(struct stats_snapshot *snapshot, struct protocol *protocol)
{
    const struct protocol_config *config = &protocol->config;
    *snapshot = (struct stats_snapshot){.config = config};
    protocol_stats_read(protocol, &snapshot->proto);
    store_stats_read(config->store, &snapshot->store);
    store_report_read(config->store, clock_seconds(), &snapshot->report);
    config->host.read_gauges(config->host.context, &snapshot->gauges);
}

/* The power of two that the index's lines hold in places of 8 bytes, as memcached tells its own. */
static uint64_t index_power(uint64_t lines)
{
    unsigned power = 0;
    while (lines * 8 >> power > 1)
        power++;
    return power;
}

void stats_write_general(struct text *text, const struct stats_snapshot *now)
{
#define STAT_NUMBER(name, value)                                                                   \
    text_format(text, "STAT " #name " %" PRIu64 "\r\n", (uint64_t)(value));
#define STAT_TEXT(name, value) text_format(text, "STAT " #name " %s\r\n", value);
#define STAT_SECONDS(name, microseconds)                                                           \
    text_format(text, "STAT " #name " %" PRIu64 ".%06" PRIu64 "\r\n",                              \
                (microseconds) / MICROSECONDS, (microseconds) % MICROSECONDS);
#include "proto/general_stats.def"
#undef STAT_NUMBER
#undef STAT_TEXT
#undef STAT_SECONDS
}
