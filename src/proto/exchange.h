#ifndef LARDER_EXCHANGE_H
#define LARDER_EXCHANGE_H

/*
 * One run of a session: what its phases and commands work on. Lives on the stack of session_run.
 *
 * The phases and commands return whether to go on at once; false: the session sleeps in x->state.
 */

#include "proto/protocol.h"
#include "proto/reply.h"

#include <stdatomic.h>

enum session_phase {
#define SESSION_PHASE(name, run, shown) name,
#include "proto/session_phases.def"
#undef SESSION_PHASE
};

struct exchange {
    struct session *session;
    struct proto_thread *thread;
    struct session_buffers *buffers;
    unsigned requests_left; /* before the session has to yield */
    uint64_t shown_hash;    /* of the last key whose value is in the output, not sent yet; or 0 */
    bool counts_prefixes;   /* stats detail is on */
    uint8_t unsaid;         /* enum reply: what noreply has kept back, for the log */
    enum session_state state;
};

#define SESSION_PHASE(name, run, shown) bool run(struct exchange *x);
#include "proto/session_phases.def"
#undef SESSION_PHASE

static inline void session_enter(struct session *session, enum session_phase phase)
{
    atomic_store_explicit(&session->phase, (uint8_t)phase, memory_order_relaxed);
}

static inline bool exchange_sleep(struct exchange *x, enum session_state state)
{
    x->state = state;
    return false;
}

/* Sleeps until the buffer holds `wanted` bytes of input. */
static inline bool exchange_read(struct exchange *x, size_t wanted)
{
    x->session->input_wanted = (uint32_t)wanted;
    return exchange_sleep(x, SESSION_READING);
}

/* The next input to look at begins at `at`, ahead of or behind the present place. */
static inline void exchange_continue_at(struct exchange *x, const char *at)
{
    const char *end = x->buffers->in.at + x->buffers->in.size;
    x->buffers->in = (struct slice){at, (size_t)(end - at)};
}

static inline void exchange_consume(struct exchange *x, size_t size)
{
    exchange_continue_at(x, x->buffers->in.at + size);
}

/* The key has another item now than the one that an unsent reply may show. */
static inline void exchange_forget_shown(struct exchange *x, const struct store_key *key)
{
    if (x->shown_hash == key->hash)
        x->shown_hash = 0;
}

/* For stats detail. */
static inline void exchange_note_prefix(struct exchange *x, const struct store_key *key,
                                        enum prefix_use use)
{
    if (UNLIKELY(x->counts_prefixes) &&
        !prefix_stats_count(x->thread->protocol->prefixes, (struct slice){key->at, key->size}, use))
        COUNT(x, prefix_overflows);
}

/* For stats hotkeys: each key that a request names, once. */
static inline void exchange_note_key(struct exchange *x, const struct store_key *key)
{
    if (UNLIKELY(sampler_takes(&x->thread->hot_keys_sampler)))
        hot_keys_note(x->thread->hot_keys, key, x->thread->now);
}

/* The same for a batch. */
static inline void exchange_note_keys(struct exchange *x, const struct store_probe *probes,
                                      size_t count)
{
    if (LIKELY(sampler_passes(&x->thread->hot_keys_sampler, count)))
        return;
    for (size_t i = 0; i < count; i++)
        exchange_note_key(x, &probes[i].key);
}

/* Ends the request: `reply`, then the next line. */
static inline bool exchange_reply(struct exchange *x, enum reply reply)
{
    reply_add(x->buffers, reply);
    return true;
}

/* Throws away the next `size` bytes of input, then answers `reply`. */
static inline bool exchange_swallow(struct exchange *x, uint64_t size, enum reply reply)
{
    x->session->missing = size;
    x->session->reply = (uint8_t)reply;
    session_enter(x->session, PHASE_SWALLOW);
    return true;
}

#endif
