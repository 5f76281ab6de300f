#include "config.h"

#include "proto/stats.h"

#include <inttypes.h>

static uint64_t stats_percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : part * 100 / whole;
}

void stats_write_segments(struct text *text, const struct stats_snapshot *now)
{
#define SEGMENT_STAT(name, value, meaning)                                                         \
    text_format(text, "STAT " #name " %" PRIu64 "\r\n", (uint64_t)(value));
#include "proto/segment_stats.def"
#undef SEGMENT_STAT
}
