#include "config.h"

#include "proto/stats.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

static size_t count_threads_locked(const struct protocol *protocol) REQUIRES(protocol->lock)
{
    size_t count = 0;
    for (const struct proto_thread *thread = protocol->threads; thread; thread = thread->next)
        count++;
    return count;
}

/* The last whole window and this one, unless the daemon is younger. */
static uint64_t seconds_covered(uint32_t now)
{
    uint64_t seconds = HOT_KEYS_WINDOW + now % HOT_KEYS_WINDOW + 1;
    uint64_t age = (uint64_t)clock_uptime() + 1;
    return seconds < age ? seconds : age;
}

static void fill_in(const struct hot_sum *sum, struct hot_keys_report *report)
{
    report->seconds = seconds_covered(sum->now);
    report->requests = sum->samples * report->interval;
    report->unlisted = sum->unlisted * report->interval;
    report->count = sum->count;
    for (size_t i = 0; i < sum->count; i++) {
        report->keys[i].requests = sum->counts[i].count * report->interval;
        report->keys[i].error = sum->counts[i].error * report->interval;
    }
}

/* A key that has lost its place in the tables meanwhile has no bytes to show. */
static void drop_unnamed(struct hot_keys_report *report)
{
    size_t kept = 0;
    for (size_t i = 0; i < report->count; i++)
        if (report->keys[i].size > 0)
            report->keys[kept++] = report->keys[i];
    report->count = kept;
}

bool protocol_hot_keys_read(struct protocol *protocol, struct hot_keys_report *report)
{
    struct hot_sum sum;
    *report = (struct hot_keys_report){.interval = protocol->config.hot_keys_interval};
    if (report->interval == 0)
        return true;
    mutex_lock(&protocol->lock);
    bool fine = hot_sum_init(&sum, count_threads_locked(protocol), clock_seconds());
    for (struct proto_thread *thread = protocol->threads; fine && thread; thread = thread->next)
        hot_sum_add(&sum, thread->hot_keys);
    if (fine) {
        hot_sum_choose(&sum);
        fill_in(&sum, report);
    }
    for (struct proto_thread *thread = protocol->threads; fine && thread; thread = thread->next)
        hot_sum_find_keys(&sum, thread->hot_keys, report);
    mutex_unlock(&protocol->lock);
    hot_sum_end(&sum);
    drop_unnamed(report);
    return fine;
}

static void write_report(struct text *text, const struct hot_keys_report *report)
{
    text_format(text,
                "STAT requests_per_sample %" PRIu64 "\r\nSTAT seconds %" PRIu64
                "\r\nSTAT requests %" PRIu64 "\r\nSTAT unlisted %" PRIu64 "\r\n",
                report->interval, report->seconds, report->requests, report->unlisted);
    for (size_t i = 0; i < report->count; i++) {
        const struct hot_key *key = &report->keys[i];
        text_format(text, "STAT %zu:key ", i + 1);
        text_add_encoded(text, (struct slice){key->at, key->size});
        text_format(text, "\r\nSTAT %zu:requests %" PRIu64 "\r\nSTAT %zu:error %" PRIu64 "\r\n",
                    i + 1, key->requests, i + 1, key->error);
    }
}

void stats_write_hot_keys(struct text *text, struct protocol *protocol)
{
    struct hot_keys_report *report = malloc(sizeof(*report));
    if (report != NULL && protocol_hot_keys_read(protocol, report))
        write_report(text, report);
    else
        text->failed = true;
    free(report);
}
