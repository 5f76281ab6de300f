#include "config.h"

#include "proto/watch.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

#define MICROSECONDS 1000000
#define CLASS_OF_ITEMS 1 /* as `stats items` numbers the one class that there is */
#define CLASS_OF_NONE 0

#define WATCH_TEXT_SIZE_MAX 1152 /* the longest key, each byte as %NN, and all the rest */

_Static_assert(PROTO_TOLD_SIZE_MAX > WATCH_TEXT_SIZE_MAX + 64, "a line has ts, gid and its end");

/* --- what is watched ------------------------------------------------------------------------ */

void protocol_watch(struct protocol *protocol, unsigned kinds)
{
    atomic_store_explicit(&protocol->watched, kinds, memory_order_release);
}

bool proto_is_watched(struct proto_thread *thread, unsigned kinds)
{
    watch_refresh(thread);
    return watch_wants(thread, kinds);
}

static const struct store_observer store_observer; /* below, with its functions */

void watch_follow(struct proto_thread *thread, unsigned kinds)
{
    bool of_store = (kinds & (WATCH_EVICTIONS | WATCH_SYSEVENTS)) != 0;
    thread->watched = kinds;
    store_thread_set_observer(thread->store, of_store ? &store_observer : NULL, thread);
}

/* --- telling -------------------------------------------------------------------------------- */

size_t protocol_write_told(struct protocol *protocol, char *to, struct slice text)
{
    uint64_t now = clock_wall_microseconds();
    uint64_t id = atomic_fetch_add_explicit(&protocol->told, 1, memory_order_relaxed) + 1;
    int size = snprintf(to, PROTO_TOLD_SIZE_MAX, "ts=%" PRIu64 ".%06" PRIu64 " gid=%" PRIu64 " ",
                        now / MICROSECONDS, now % MICROSECONDS, id);
    char *end = put_slice(to + size, text);
    *end++ = '\n';
    return (size_t)(end - to);
}

void proto_tell(struct proto_thread *thread, enum watch_kind kind, struct slice text)
{
    struct record_ring *ring = &thread->ring;
    char line[PROTO_TOLD_SIZE_MAX];
    size_t size = protocol_write_told(thread->protocol, line, text);
    bool has_room =
        ring->bytes != NULL || record_ring_start(ring, thread->protocol->config.told_size_max);
    thread->has_told = true;
    if (has_room && record_ring_add(ring, kind, (struct slice){line, size}))
        counter_add(&thread->counters.log_worker_written, 1);
    else
        counter_add(&thread->counters.log_worker_dropped, 1);
}

/*
 * The exchange and that of protocol_begin_taking are in one order: either it comes later and then
 * sees the ring as it is now, or this one sees false and wakes.
 */
void watch_wake(struct proto_thread *thread)
{
    struct protocol *protocol = thread->protocol;
    const struct session_host *host = &protocol->config.host;
    thread->has_told = false;
    if (!atomic_exchange_explicit(&protocol->told_is_news, true, memory_order_acq_rel))
        host->wake_watchers(host->context);
}

void protocol_begin_taking(struct protocol *protocol)
{
    atomic_exchange_explicit(&protocol->told_is_news, false, memory_order_acq_rel);
}

size_t proto_take_told(struct proto_thread *thread, char *to, size_t room)
{
    return record_ring_take(&thread->ring, to, room);
}

/* --- lines ---------------------------------------------------------------------------------- */

static char *put_text(char *to, const char *text)
{
    return put_slice(to, slice_of(text));
}

static char *put_field(char *to, const char *name, uint64_t value)
{
    return put_u64(put_text(to, name), value);
}

static char *put_signed(char *to, const char *name, int64_t value)
{
    if (value >= 0)
        return put_field(to, name, (uint64_t)value);
    to = put_text(to, name);
    *to++ = '-';
    return put_u64(to, (uint64_t)-value);
}

static char *put_start(char *to, const char *type, const struct store_key *key)
{
    to = put_text(PUT_LITERAL(to, "type="), type);
    return put_encoded(PUT_LITERAL(to, " key="), (struct slice){key->at, key->size});
}

static void tell(struct proto_thread *thread, enum watch_kind kind, const char *text,
                 const char *end)
{
    proto_tell(thread, kind, (struct slice){text, (size_t)(end - text)});
}

static char *put_end(char *to, struct exchange *x, unsigned class_id, uint64_t size)
{
    to = put_field(to, " clsid=", class_id);
    to = put_signed(to, " cfd=", x->buffers->client);
    return put_field(to, " size=", size);
}

void watch_tell_fetch(struct exchange *x, const struct store_key *key, enum store_find found,
                      const struct store_item *item)
{
    static const char *const statuses[] = {
        [STORE_HIT] = "found",
        [STORE_MISS] = "not_found",
        [STORE_MISS_EXPIRED] = "expired",
        [STORE_MISS_FLUSHED] = "flushed",
    };
    bool hit = found == STORE_HIT;
    char text[WATCH_TEXT_SIZE_MAX];
    char *to = put_start(text, "item_get", key);
    to = put_text(PUT_LITERAL(to, " status="), statuses[found]);
    to = put_end(to, x, hit ? CLASS_OF_ITEMS : CLASS_OF_NONE, hit ? item->value_size : 0);
    tell(x->thread, WATCH_FETCHERS, text, to);
}

uint64_t watch_tell_look(struct exchange *x, const struct store_key *key)
{
    struct store_item item;
    enum store_find found = store_get(x->thread->store, key, STORE_PEEK, &item);
    watch_fetched(x, key, found, &item);
    return found == STORE_HIT ? item.value_size : 0;
}

void watch_tell_deletion(struct exchange *x, const struct store_key *key, const char *command,
                         uint64_t value_size)
{
    char text[WATCH_TEXT_SIZE_MAX];
    char *to = put_start(text, "deleted", key);
    to = put_text(PUT_LITERAL(to, " cmd="), command);
    tell(x->thread, WATCH_DELETIONS, text, put_end(to, x, CLASS_OF_ITEMS, value_size));
}

static const char *status_of(enum store_outcome outcome)
{
    static const char *const statuses[] = {
        [STORE_STORED] = "stored",       [STORE_NOT_STORED] = "not_stored",
        [STORE_EXISTS] = "exists",       [STORE_NOT_FOUND] = "not_found",
        [STORE_TOO_LARGE] = "too_large", [STORE_NO_MEMORY] = "no_memory",
    };
    return statuses[outcome];
}

static const char *command_of_put(const struct store_put *put)
{
    static const char *const commands[] = {
        [STORE_SET] = "set",       [STORE_ADD] = "add",         [STORE_REPLACE] = "replace",
        [STORE_APPEND] = "append", [STORE_PREPEND] = "prepend",
    };
    return put->compare_cas && put->mode == STORE_SET ? "cas" : commands[put->mode];
}

/* Seconds left, below 0 when they are over; `never` for an item without a time-to-live. */
static int64_t seconds_left(uint32_t exptime, uint32_t now, int64_t never)
{
    if (exptime == 0)
        return never;
    return exptime > now ? (int64_t)exptime - now : -1;
}

void watch_tell_store(struct exchange *x, const struct store_key *key,
                      const struct watch_store *what)
{
    char text[WATCH_TEXT_SIZE_MAX];
    char *to = put_start(text, "item_store", key);
    to = put_text(PUT_LITERAL(to, " status="), status_of(what->outcome));
    to = put_text(PUT_LITERAL(to, " cmd="), command_of_put(what->put));
    to = put_signed(to, " ttl=", seconds_left(what->put->exptime, x->thread->now, 0));
    unsigned class_id = what->outcome == STORE_TOO_LARGE ? CLASS_OF_NONE : CLASS_OF_ITEMS;
    to = put_end(to, x, class_id, what->value_size);
    tell(x->thread, WATCH_MUTATIONS, text, to);
}

/* --- what the store does -------------------------------------------------------------------- */

static void on_evicted(void *context, const struct store_key *key, const struct store_item *item)
{
    struct proto_thread *thread = context;
    char text[WATCH_TEXT_SIZE_MAX];
    if (!watch_wants(thread, WATCH_EVICTIONS))
        return;
    char *to = put_start(text, "eviction", key);
    to = put_text(PUT_LITERAL(to, " fetch="), item->marks & STORE_FETCHED ? "yes" : "no");
    to = put_signed(to, " ttl=", seconds_left(item->exptime, thread->now, -1));
    to = put_field(to, " la=", item->idle_seconds);
    to = put_field(to, " clsid=", CLASS_OF_ITEMS);
    tell(thread, WATCH_EVICTIONS, text, put_field(to, " size=", item->value_size));
}

static void on_segment_emptied(void *context, const struct store_emptying *what)
{
    struct proto_thread *thread = context;
    char text[WATCH_TEXT_SIZE_MAX];
    if (!watch_wants(thread, WATCH_SYSEVENTS))
        return;
    char *to = put_text(text, "type=segment_emptied");
    to = put_field(to, " segment=", what->segment);
    to = put_text(to, what->main_queue ? " queue=main" : " queue=small");
    to = put_text(to, what->evicts ? " reason=eviction" : " reason=compaction");
    to = put_field(to, " items=", what->items);
    tell(thread, WATCH_SYSEVENTS, text, put_field(to, " kept_bytes=", what->kept_bytes));
}

static const struct store_observer store_observer = {
    .evicted = on_evicted,
    .segment_emptied = on_segment_emptied,
};
