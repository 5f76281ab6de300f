#ifndef LARDER_WATCH_H
#define LARDER_WATCH_H

/*
 * What watchers are told: lines `ts=... gid=... type=...`, each written by the thread that does
 * what it tells of, into its own ring. The layer that owns the watchers takes them from there
 * (proto_take_told). While nobody watches, each call here is a load and a branch.
 *
 * Threads: the thread's own, but for what proto.h says.
 */

#include "proto/command.h"

static inline bool watch_wants(const struct proto_thread *thread, unsigned kinds)
{
    return UNLIKELY((thread->watched & kinds) != 0);
}

/* Takes up what is watched now: at the start of each run of a session. */
void watch_follow(struct proto_thread *thread, unsigned kinds);

static inline void watch_refresh(struct proto_thread *thread)
{
    unsigned kinds = atomic_load_explicit(&thread->protocol->watched, memory_order_acquire);
    if (UNLIKELY(kinds != thread->watched))
        watch_follow(thread, kinds);
}

/* Lets the watchers' thread look, if anything was told since the last time. No lock is held. */
void watch_wake(struct proto_thread *thread);

static inline void watch_wake_if_told(struct proto_thread *thread)
{
    if (UNLIKELY(thread->has_told))
        watch_wake(thread);
}

void watch_tell_fetch(struct exchange *x, const struct store_key *key, enum store_find found,
                      const struct store_item *item);

/* A key was looked up, and this is what came of it. */
static inline void watch_fetched(struct exchange *x, const struct store_key *key,
                                 enum store_find found, const struct store_item *item)
{
    if (watch_wants(x->thread, WATCH_FETCHERS))
        watch_tell_fetch(x, key, found, item);
}

uint64_t watch_tell_look(struct exchange *x, const struct store_key *key);

/* In front of a command that changes a key's item: memcached looks it up first, and tells so.
 * Returns the size of its value, for watch_deleted. */
static inline uint64_t watch_look(struct exchange *x, const struct store_key *key)
{
    return watch_wants(x->thread, WATCH_FETCHERS | WATCH_DELETIONS) ? watch_tell_look(x, key) : 0;
}

void watch_tell_deletion(struct exchange *x, const struct store_key *key, const char *command,
                         uint64_t value_size);

static inline void watch_deleted(struct exchange *x, const struct store_key *key,
                                 const char *command, uint64_t value_size)
{
    if (watch_wants(x->thread, WATCH_DELETIONS))
        watch_tell_deletion(x, key, command, value_size);
}

/* An item was stored, or was not. */
struct watch_store {
    const struct store_put *put;
    enum store_outcome outcome;
    uint64_t value_size;
};

void watch_tell_store(struct exchange *x, const struct store_key *key,
                      const struct watch_store *what);

static inline void watch_stored(struct exchange *x, const struct store_key *key,
                                const struct watch_store *what)
{
    if (watch_wants(x->thread, WATCH_MUTATIONS))
        watch_tell_store(x, key, what);
}

#endif
