#include "config.h"

#include "proto/prefix_stats.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mutex.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKET_COUNT 4096

struct prefix {
    struct prefix *next;
    uint64_t gets;
    uint64_t hits;
    uint64_t sets;
    uint64_t deletes;
    size_t size;
    char text[];
};

struct prefix_stats {
    /* set once at creation */
    char delimiter;

    /* any thread */
    atomic_bool on;

    /* under lock */
    struct mutex lock;
    size_t count GUARDED_BY(lock);
    bool overflowed GUARDED_BY(lock); /* and the log has said so */
    struct prefix *buckets[BUCKET_COUNT] GUARDED_BY(lock);
};

struct prefix_stats *prefix_stats_create(char delimiter, bool on)
{
    struct prefix_stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL)
        return NULL;
    stats->delimiter = delimiter;
    atomic_init(&stats->on, on);
    mutex_init(&stats->lock, LOCK_PROTO_PREFIXES);
    return stats;
}

void prefix_stats_destroy(struct prefix_stats *stats)
{
    prefix_stats_clear(stats);
    mutex_end(&stats->lock);
    free(stats);
}

bool prefix_stats_is_on(const struct prefix_stats *stats)
{
    return atomic_load_explicit(&((struct prefix_stats *)(uintptr_t)stats)->on,
                                memory_order_relaxed);
}

void prefix_stats_switch(struct prefix_stats *stats, bool on)
{
    atomic_store_explicit(&stats->on, on, memory_order_relaxed);
}

/* NULL: there is no room, or no memory. */
static struct prefix *find_or_add_locked(struct prefix_stats *stats, struct slice text)
    REQUIRES(stats->lock)
{
    struct prefix **bucket = &stats->buckets[hash_key(text.at, text.size) % BUCKET_COUNT];
    for (struct prefix *prefix = *bucket; prefix != NULL; prefix = prefix->next)
        if (slice_equal((struct slice){prefix->text, prefix->size}, text))
            return prefix;
    if (stats->count == PREFIX_COUNT_MAX)
        return NULL;
    struct prefix *prefix = calloc(1, sizeof(*prefix) + text.size);
    if (prefix == NULL)
        return NULL;
    prefix->size = text.size;
    memcpy(prefix->text, text.at, text.size);
    prefix->next = *bucket;
    *bucket = prefix;
    stats->count++;
    return prefix;
}

static void count_use(struct prefix *prefix, enum prefix_use use)
{
    prefix->gets += use == PREFIX_HIT || use == PREFIX_MISS;
    prefix->hits += use == PREFIX_HIT;
    prefix->sets += use == PREFIX_SET;
    prefix->deletes += use == PREFIX_DELETE;
}

bool prefix_stats_count(struct prefix_stats *stats, struct slice key, enum prefix_use use)
{
    const char *end = memchr(key.at, stats->delimiter, key.size);
    if (end == NULL)
        return true;
    struct slice text = {key.at, (size_t)(end - key.at)};
    mutex_lock(&stats->lock);
    struct prefix *prefix = find_or_add_locked(stats, text);
    bool first_refused = prefix == NULL && !stats->overflowed;
    if (prefix != NULL)
        count_use(prefix, use);
    else
        stats->overflowed = true;
    mutex_unlock(&stats->lock);
    if (first_refused)
        log_write(LOG_WARNING,
                  "stats detail: %d prefixes are all it tells apart; further ones are only "
                  "counted together, in prefix_overflows",
                  PREFIX_COUNT_MAX);
    return prefix != NULL;
}

void prefix_stats_clear(struct prefix_stats *stats)
{
    mutex_lock(&stats->lock);
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        while (stats->buckets[i] != NULL) {
            struct prefix *prefix = stats->buckets[i];
            stats->buckets[i] = prefix->next;
            free(prefix);
        }
    }
    stats->count = 0;
    stats->overflowed = false;
    mutex_unlock(&stats->lock);
}

void prefix_stats_write(struct prefix_stats *stats, struct text *text)
{
    mutex_lock(&stats->lock);
    for (size_t i = 0; i < BUCKET_COUNT; i++)
        for (const struct prefix *prefix = stats->buckets[i]; prefix != NULL; prefix = prefix->next)
            text_format(text,
                        "PREFIX %.*s get %" PRIu64 " hit %" PRIu64 " set %" PRIu64 " del %" PRIu64
                        "\r\n",
                        (int)prefix->size, prefix->text, prefix->gets, prefix->hits, prefix->sets,
                        prefix->deletes);
    mutex_unlock(&stats->lock);
}
