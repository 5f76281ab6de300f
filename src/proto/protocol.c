#include "config.h"

#include "proto/protocol.h"

#include "base/clock.h"
#include "proto/watch.h"

#include <stdlib.h>

struct protocol *protocol_create(const struct protocol_config *config)
{
    struct protocol *protocol = calloc(1, sizeof(*protocol));
    if (protocol == NULL)
        return NULL;
    protocol->config = *config;
    protocol->inline_size_max = store_inline_size_max(config->store);
    protocol->prefixes = prefix_stats_create(config->prefix_delimiter, config->prefix_detail);
    if (protocol->prefixes == NULL) {
        free(protocol);
        return NULL;
    }
    mutex_init(&protocol->lock, LOCK_PROTO_THREADS);
    mutex_init(&protocol->passwords_lock, LOCK_PROTO_PASSWORDS);
    return protocol;
}

void protocol_destroy(struct protocol *protocol)
{
    mutex_lock(&protocol->lock);
    CHECK(protocol->threads == NULL);
    mutex_unlock(&protocol->lock);
    mutex_end(&protocol->lock);
    mutex_lock(&protocol->passwords_lock);
    passwords_destroy(protocol->passwords);
    mutex_unlock(&protocol->passwords_lock);
    mutex_end(&protocol->passwords_lock);
    prefix_stats_destroy(protocol->prefixes);
    free(protocol);
}

bool protocol_set_passwords(struct protocol *protocol, struct slice lines, const char **why)
{
    struct passwords *passwords = passwords_create(lines, why);
    if (passwords == NULL)
        return false;
    mutex_lock(&protocol->passwords_lock);
    struct passwords *before = protocol->passwords;
    protocol->passwords = passwords;
    mutex_unlock(&protocol->passwords_lock);
    passwords_destroy(before);
    return true;
}

bool protocol_authenticates(const struct protocol *protocol)
{
    return protocol->config.authenticate;
}

bool protocol_knows_password(struct protocol *protocol, struct slice user, struct slice password)
{
    mutex_lock(&protocol->passwords_lock);
    bool known = protocol->passwords != NULL && passwords_have(protocol->passwords, user, password);
    mutex_unlock(&protocol->passwords_lock);
    return known;
}

bool protocol_counts_prefixes(const struct protocol *protocol)
{
    return prefix_stats_is_on(protocol->prefixes);
}

static void thread_free(struct proto_thread *thread)
{
    if (thread->store != NULL)
        store_thread_destroy(thread->store);
    hot_keys_destroy(thread->hot_keys);
    record_ring_end(&thread->ring);
    free(thread);
}

/* Each thread has a rhythm of its own. */
static void start_samplers(struct proto_thread *thread)
{
    const struct protocol_config *config = &thread->protocol->config;
    uint32_t seed = (uint32_t)clock_nanoseconds();
    sampler_init(&thread->latency.turns, config->latency_interval, seed);
    sampler_init(&thread->hot_keys_sampler, config->hot_keys_interval, ~seed);
}

struct proto_thread *proto_thread_create(struct protocol *protocol)
{
    struct proto_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL)
        return NULL;
    thread->protocol = protocol;
    thread->store = store_thread_create(protocol->config.store);
    if (protocol->config.hot_keys_interval > 0)
        thread->hot_keys = hot_keys_create();
    bool has_hot_keys = thread->hot_keys != NULL || protocol->config.hot_keys_interval == 0;
    if (thread->store == NULL || !has_hot_keys) {
        thread_free(thread);
        return NULL;
    }
    mutex_lock(&protocol->lock);
    thread->next = protocol->threads;
    protocol->threads = thread;
    mutex_unlock(&protocol->lock);
    start_samplers(thread);
    return thread;
}

static void stats_add_thread(struct proto_stats *stats, const struct proto_thread *thread)
{
#define PROTO_COUNTER(name, text) stats->name += counter_read(&thread->counters.name);
#include "proto/proto_stats.def"
#undef PROTO_COUNTER
}

void proto_thread_destroy(struct proto_thread *thread)
{
    struct protocol *protocol = thread->protocol;
    mutex_lock(&protocol->lock);
    struct proto_thread **link = &protocol->threads;
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    stats_add_thread(&protocol->past, thread);
    mutex_unlock(&protocol->lock);
    thread_free(thread);
}

void proto_turn_start(struct proto_thread *thread)
{
    thread->now = clock_seconds();
    if (UNLIKELY(sampler_takes(&thread->latency.turns)))
        latency_begin(
            &thread->latency, &thread->counters,
            atomic_load_explicit(&thread->protocol->latency_generation, memory_order_relaxed));
    store_turn_start(thread->store, thread->now);
}

uint32_t proto_turn_now(const struct proto_thread *thread)
{
    return thread->now;
}

void proto_turn_refresh(struct proto_thread *thread)
{
    thread->now = clock_seconds();
    store_turn_pass(thread->store, thread->now);
}

void proto_note_buffers(struct proto_thread *thread, size_t bytes)
{
    store_set_other_bytes(thread->store, thread->protocol->config.other_bytes + bytes);
}

size_t proto_room_for_buffers(struct proto_thread *thread)
{
    size_t room = store_room_for_others(thread->store);
    size_t other = thread->protocol->config.other_bytes;
    return room > other ? room - other : 0;
}

bool proto_room_is_coming(struct proto_thread *thread)
{
    return store_room_is_coming(thread->store);
}

void proto_turn_stop(struct proto_thread *thread)
{
    watch_wake_if_told(thread);
    latency_end(&thread->latency, &thread->counters);
    store_turn_stop(thread->store);
}

static struct proto_stats stats_sum_locked(struct protocol *protocol) REQUIRES(protocol->lock)
{
    struct proto_stats sum = protocol->past;
    for (const struct proto_thread *thread = protocol->threads; thread != NULL;
         thread = thread->next)
        stats_add_thread(&sum, thread);
    return sum;
}

void protocol_stats_read(struct protocol *protocol, struct proto_stats *stats)
{
    mutex_lock(&protocol->lock);
    *stats = stats_sum_locked(protocol);
#define PROTO_COUNTER(name, text) stats->name -= protocol->baseline.name;
#include "proto/proto_stats.def"
#undef PROTO_COUNTER
    mutex_unlock(&protocol->lock);
}

void protocol_stats_reset(struct protocol *protocol)
{
    mutex_lock(&protocol->lock);
    protocol->baseline = stats_sum_locked(protocol);
    mutex_unlock(&protocol->lock);
}
