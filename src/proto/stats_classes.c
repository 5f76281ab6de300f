#include "config.h"

#include "proto/stats.h"

#include <inttypes.h>

/* An item's mean size passes for the chunk size, a segment for a page. */
struct class_shape {
    uint64_t chunk_size;
    uint64_t chunks_per_page;
    uint64_t total_chunks;
};

static struct class_shape shape_of(const struct stats_snapshot *now)
{
    struct class_shape shape;
    uint64_t items = now->store.curr_items;
    shape.chunk_size = items > 0 ? now->store.bytes / items : now->report.segment_size;
    if (shape.chunk_size == 0)
        shape.chunk_size = 1;
    shape.chunks_per_page = now->report.segment_size / shape.chunk_size;
    if (shape.chunks_per_page == 0)
        shape.chunks_per_page = 1;
    shape.total_chunks = shape.chunks_per_page * now->report.segments_used;
    if (shape.total_chunks < items)
        shape.total_chunks = items;
    return shape;
}

void stats_write_items(struct text *text, const struct stats_snapshot *now)
{
    if (now->store.curr_items == 0)
        return;
#define CLASS_ITEMS(name, value)                                                                   \
    text_format(text, "STAT items:1:" #name " %" PRIu64 "\r\n", (uint64_t)(value));
#include "proto/class_stats.def"
#undef CLASS_ITEMS
}

static void write_class(struct text *text, const struct stats_snapshot *now,
                        const struct class_shape *shape)
{
#define CLASS_SLABS(name, value)                                                                   \
    text_format(text, "STAT 1:" #name " %" PRIu64 "\r\n", (uint64_t)(value));
#include "proto/class_stats.def"
#undef CLASS_SLABS
}

/* The class stays when its last item goes: who collects its counters would see them vanish. */
void stats_write_slabs(struct text *text, const struct stats_snapshot *now)
{
    uint64_t resident = now->report.segments_used + now->report.segments_free;
    bool any = resident > 0;
    if (any) {
        struct class_shape shape = shape_of(now);
        write_class(text, now, &shape);
    }
    text_format(text, "STAT active_slabs %d\r\n", any);
    text_format(text, "STAT total_malloced %" PRIu64 "\r\n", resident * now->report.segment_size);
}
