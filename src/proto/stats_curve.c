#include "config.h"

#include "proto/stats.h"

#include <inttypes.h>

/* The store's own misses, and more or fewer by as many as the miniatures differ in: that corrects
 * for keys that are asked for much and happen to be looked at, or not. */
static uint64_t misses_at(const struct store_curve *curve, unsigned point, uint64_t misses,
                          uint64_t gets)
{
    uint64_t self = curve->misses_at[STORE_CURVE_SELF];
    uint64_t there = curve->misses_at[point];
    if (there < self)
        return misses > self - there ? misses - (self - there) : 0;
    return misses + (there - self) < gets ? misses + (there - self) : gets;
}

void protocol_curve_read(struct protocol *protocol, struct miss_curve *curve)
{
    struct store_curve store;
    struct proto_stats proto;
    protocol_stats_read(protocol, &proto);
    store_curve_read(protocol->config.store, &store);
    *curve = (struct miss_curve){
        .on = store.on,
        .memory_bytes = store.memory_bytes,
        .keys_each = store.keys_each,
        .sampled_gets = store.sampled_gets,
        .lost = store.lost,
        .gets = proto.get_hits + proto.get_misses,
    };
    for (unsigned i = 0; i < STORE_CURVE_POINTS; i++) {
        curve->points[i].memory_size = store.memory[i];
        curve->points[i].misses = misses_at(&store, i, proto.get_misses, curve->gets);
    }
}

const char *miss_curve_times(unsigned point)
{
    static const char *const times[STORE_CURVE_POINTS] = {"0.25", "0.5", "1", "2", "4"};
    return times[point];
}

void text_add_miss_ratio(struct text *text, const struct miss_curve *curve, unsigned point)
{
    uint64_t millionths =
        curve->gets == 0
            ? 0
            : (uint64_t)((double)curve->points[point].misses * 1e6 / (double)curve->gets + 0.5);
    text_format(text, "%" PRIu64 ".%06" PRIu64, millionths / 1000000, millionths % 1000000);
}

void stats_write_curve(struct text *text, struct protocol *protocol)
{
    struct miss_curve curve;
    protocol_curve_read(protocol, &curve);
    text_format(text, "STAT state %s\r\n", curve.on ? "on" : "off");
    text_format(text, "STAT memory_bytes %" PRIu64 "\r\n", curve.memory_bytes);
    text_format(text, "STAT keys_per_sample %" PRIu64 "\r\n", curve.keys_each);
    text_format(text, "STAT sampled_gets %" PRIu64 "\r\n", curve.sampled_gets);
    text_format(text, "STAT lost %" PRIu64 "\r\n", curve.lost);
    text_format(text, "STAT gets %" PRIu64 "\r\n", curve.gets);
    for (unsigned i = 0; curve.on && i < STORE_CURVE_POINTS; i++) {
        const char *times = miss_curve_times(i);
        text_format(text, "STAT %s:limit_maxbytes %" PRIu64 "\r\n", times,
                    curve.points[i].memory_size);
        text_format(text, "STAT %s:misses %" PRIu64 "\r\n", times, curve.points[i].misses);
        text_format(text, "STAT %s:miss_ratio ", times);
        text_add_miss_ratio(text, &curve, i);
        text_format(text, "\r\n");
    }
}
