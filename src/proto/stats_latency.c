#include "config.h"

#include "proto/stats.h"

#include <inttypes.h>

void protocol_latency_reset(struct protocol *protocol)
{
    atomic_fetch_add_explicit(&protocol->latency_generation, 1, memory_order_relaxed);
}

/* A thread clears its counts in its first timed turn after a reset; until then they do not count.
 */
void protocol_latency_read(struct protocol *protocol, enum latency_family family,
                           struct time_histogram *times)
{
    uint32_t generation = atomic_load_explicit(&protocol->latency_generation, memory_order_relaxed);
    *times = (struct time_histogram){0};
    mutex_lock(&protocol->lock);
    for (const struct proto_thread *thread = protocol->threads; thread != NULL;
         thread = thread->next)
        if (counter_read(&thread->latency.generation) == generation)
            time_histogram_add(times, &thread->latency.times[family]);
    mutex_unlock(&protocol->lock);
}

/* "STAT get:p99_us 41.625" */
static void write_time(struct text *text, const char *family, const char *name,
                       uint64_t nanoseconds)
{
    text_format(text, "STAT %s:%s_us %" PRIu64 ".%03" PRIu64 "\r\n", family, name,
                nanoseconds / 1000, nanoseconds % 1000);
}

static void write_family(struct text *text, const char *name, const struct time_histogram *times)
{
    uint64_t mean = times->count == 0 ? 0 : times->nanoseconds / times->count;
    text_format(text, "STAT %s:timed %" PRIu64 "\r\n", name, times->count);
    write_time(text, name, "mean", mean);
    write_time(text, name, "p50", time_histogram_at(times, 0.5));
    write_time(text, name, "p90", time_histogram_at(times, 0.9));
    write_time(text, name, "p99", time_histogram_at(times, 0.99));
    write_time(text, name, "p999", time_histogram_at(times, 0.999));
    write_time(text, name, "max", times->longest);
}

void stats_write_latency(struct text *text, struct protocol *protocol)
{
    static const char *const names[] = {
#define LATENCY_FAMILY(id, name, requests, text) [id] = #name,
#include "proto/latency_families.def"
#undef LATENCY_FAMILY
    };
    struct time_histogram times;
    text_format(text, "STAT turns_per_timed %u\r\n", protocol->config.latency_interval);
    for (unsigned i = 0; i < LATENCY_FAMILIES; i++) {
        protocol_latency_read(protocol, (enum latency_family)i, &times);
        write_family(text, names[i], &times);
    }
}
