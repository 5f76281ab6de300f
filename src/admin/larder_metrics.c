#include "config.h"

#include "admin/metrics.h"

#include <inttypes.h>
#include <stdlib.h>

#define OCTAVES 24 /* buckets of a latency histogram: 1 microsecond to 8.4 seconds */
#define RANKS 10   /* of hot keys */

void metrics_write_family(struct text *text, const char *name, const char *type, const char *help)
{
    text_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The counters are read one after the other, so a part may be ahead of the whole. */
static uint64_t rest_of(uint64_t whole, uint64_t part)
{
    return whole > part ? whole - part : 0;
}

static void write_table(const struct snapshot *now, struct text *text)
{
    const struct store_report *report = &now->report;
    const struct store_stats *store = &now->store;
    const struct proto_stats *proto = &now->proto;
    const struct net_stats *net = &now->net;
    const char *family = "";
#define FAMILY(name, type, help)                                                                   \
    family = name;                                                                                 \
    metrics_write_family(text, name, type, help);
#define SAMPLE(labels, value) text_format(text, "%s%s %" PRIu64 "\n", family, labels, value);
#include "admin/larder_metrics.def"
#undef FAMILY
#undef SAMPLE
}

/* --- latency --------------------------------------------------------------------------------- */

static const char *const family_names[] = {
#define LATENCY_FAMILY(id, name, requests, text) [id] = #name,
#include "proto/latency_families.def"
#undef LATENCY_FAMILY
};

/* "1.5": nanoseconds as seconds. */
static void write_seconds(struct text *text, uint64_t nanoseconds)
{
    text_format(text, "%" PRIu64 ".%09" PRIu64, nanoseconds / 1000000000, nanoseconds % 1000000000);
}

static void write_histogram(struct text *text, const char *name, const struct time_histogram *times)
{
    static const char metric[] = "larder_request_duration_seconds";
    for (unsigned octave = 0; octave < OCTAVES; octave++) {
        text_format(text, "%s_bucket{command=\"%s\",le=\"", metric, name);
        write_seconds(text, UINT64_C(1000) << octave);
        text_format(text, "\"} %" PRIu64 "\n", time_histogram_below(times, octave));
    }
    text_format(text, "%s_bucket{command=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", metric, name,
                times->count);
    text_format(text, "%s_sum{command=\"%s\"} ", metric, name);
    write_seconds(text, times->nanoseconds);
    text_format(text, "\n%s_count{command=\"%s\"} %" PRIu64 "\n", metric, name, times->count);
}

static void write_latency(const struct snapshot *now, struct text *text)
{
    metrics_write_family(text, "larder_request_duration_seconds", "histogram",
                         "Time in the server of the requests that were timed, which are a sample.");
    for (unsigned i = 0; i < LATENCY_FAMILIES; i++)
        write_histogram(text, family_names[i], &now->times[i]);
    metrics_write_family(text, "larder_longest_stall_seconds", "gauge",
                         "CPU time that one call spent at most on making room or index growth.");
    text_format(text, "larder_longest_stall_seconds ");
    write_seconds(text, now->report.longest_stall * 1000);
    text_format(text, "\n");
    metrics_write_family(text, "larder_request_duration_longest_seconds", "gauge",
                         "The longest of those since the last reset.");
    for (unsigned i = 0; i < LATENCY_FAMILIES; i++) {
        text_format(text, "larder_request_duration_longest_seconds{command=\"%s\"} ",
                    family_names[i]);
        write_seconds(text, now->times[i].longest);
        text_format(text, "\n");
    }
}

/* --- workers and connections ----------------------------------------------------------------- */

static void write_workers(struct net *net, struct text *text)
{
    unsigned count = net_worker_count(net);
    struct net_worker_load load;
    metrics_write_family(text, "larder_worker_cpu_seconds_total", "counter",
                         "CPU time that a worker has used.");
    for (unsigned i = 0; i < count; i++) {
        net_worker_load_read(net, i, &load);
        text_format(text, "larder_worker_cpu_seconds_total{worker=\"%u\"} ", i);
        write_seconds(text, load.cpu_nanoseconds);
        text_format(text, "\n");
    }
    metrics_write_family(text, "larder_worker_bytes_total", "counter",
                         "Bytes that a worker has read from clients and sent to them.");
    for (unsigned i = 0; i < count; i++) {
        net_worker_load_read(net, i, &load);
        text_format(text,
                    "larder_worker_bytes_total{worker=\"%u\",direction=\"read\"} %" PRIu64 "\n"
                    "larder_worker_bytes_total{worker=\"%u\",direction=\"written\"} %" PRIu64 "\n",
                    i, load.bytes_read, i, load.bytes_written);
    }
}

static void write_connections(const struct connection_counts *counts, struct text *text)
{
    metrics_write_family(text, "larder_connections", "gauge",
                         "Connections of a worker by what they wait for, counted now and then.");
    for (unsigned worker = 0; worker < counts->worker_count; worker++)
        for (unsigned state = 0; net_state_name(state) != NULL; state++)
            text_format(text, "larder_connections{worker=\"%u\",state=\"%s\"} %" PRIu64 "\n",
                        worker, net_state_name(state), counts->workers[worker][state]);
}

/* --- hot keys -------------------------------------------------------------------------------- */

static void write_hot_keys(struct protocol *protocol, struct text *text)
{
    struct hot_keys_report *report = malloc(sizeof(*report));
    if (report != NULL && protocol_hot_keys_read(protocol, report) && report->interval > 0) {
        metrics_write_family(text, "larder_hot_keys_window_seconds", "gauge",
                             "The time that the hot keys are counted over.");
        text_format(text, "larder_hot_keys_window_seconds %" PRIu64 "\n", report->seconds);
        metrics_write_family(text, "larder_hot_keys_window_requests", "gauge",
                             "Requests for all keys in that time, about.");
        text_format(text, "larder_hot_keys_window_requests %" PRIu64 "\n", report->requests);
        metrics_write_family(text, "larder_hot_key_requests", "gauge",
                             "Requests for the hottest keys in that time, about, by rank.");
        for (size_t i = 0; i < RANKS; i++)
            text_format(text, "larder_hot_key_requests{rank=\"%zu\"} %" PRIu64 "\n", i + 1,
                        i < report->count ? report->keys[i].requests : 0);
    }
    free(report);
}

/* --- other memory limits --------------------------------------------------------------------- */

static void write_curve(struct protocol *protocol, struct text *text)
{
    struct miss_curve curve;
    protocol_curve_read(protocol, &curve);
    if (!curve.on)
        return;
    metrics_write_family(
        text, "larder_miss_ratio_at_memory", "gauge",
        "The share of the gets since the last reset that would have missed, about, "
        "with so many times the memory limit.");
    for (unsigned i = 0; i < STORE_CURVE_POINTS; i++) {
        text_format(text, "larder_miss_ratio_at_memory{times=\"%s\"} ", miss_curve_times(i));
        text_add_miss_ratio(text, &curve, i);
        text_format(text, "\n");
    }
    metrics_write_family(text, "larder_miss_curve_sampled_gets_total", "counter",
                         "Gets that this rests on.");
    text_format(text, "larder_miss_curve_sampled_gets_total %" PRIu64 "\n", curve.sampled_gets);
}

void metrics_write_own(const struct admin_config *config, const struct connection_counts *counts,
                       struct text *text)
{
    struct snapshot now;
    snapshot_read(&now, config);
    write_table(&now, text);
    write_latency(&now, text);
    write_workers(config->net, text);
    write_connections(counts, text);
    write_hot_keys(config->protocol, text);
    write_curve(config->protocol, text);
}
