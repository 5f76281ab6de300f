#ifndef LARDER_STORE_STATE_H
#define LARDER_STORE_STATE_H

/*
 * What the parts of the store share: the store itself, a thread's share of it, and the few steps
 * that every operation is made of. Only src/store/ includes this.
 */

#include "base/clock.h"
#include "base/counter.h"
#include "store/curve.h"
#include "store/epoch.h"
#include "store/ghosts.h"
#include "store/index.h"
#include "store/lane.h"
#include "store/reclaim.h"
#include "store/segments.h"
#include "store/store.h"

/* Segments that only the moving of live items may take, so that making room never needs room. */
#define SEGMENTS_RESERVED 1

/* The fewest that a store works with. */
#define SEGMENTS_MIN 8

struct store_counters {
#define STORE_COUNTER(name, text) struct counter name;
#include "store/store_stats.def"
#undef STORE_COUNTER
};

struct store_thread {
    struct epoch_slot slot;

    /* set once at creation */
    struct store *store;
    struct lane *lanes[QUEUE_COUNT];

    /* this thread only */
    uint32_t now;      /* of the turn */
    int32_t uncounted; /* entries added to the index and not yet told to it */
    struct curve_notes curve_notes;
    uint32_t paces;                        /* small steps of reclaim: some are timed */
    const struct store_observer *observer; /* NULL: none */
    void *observer_context;

    /* written here, read anywhere */
    struct store_counters counters;
    struct counter longest_stall; /* microseconds of CPU */

    /* under the store's threads_lock */
    struct store_thread *next; /* of all that there ever were */
    bool in_use;
};

struct store {
    /* set once at creation */
    struct store_config config;
    struct lane *lanes[QUEUE_COUNT]; /* [lane_count] each */
    unsigned lane_count;
    uint32_t inline_size_max;
    struct epoch epoch;
    struct segments segments;
    struct index index;
    struct ghosts ghosts;
    struct reclaim reclaim;
    struct curve curve;

    /* any thread */
    _Atomic uint64_t memory_size;   /* -m */
    _Atomic uint64_t finding_bytes; /* of index and ghosts, as last taken off */
    _Atomic uint64_t other_bytes;   /* of connections' buffers and the like */
    _Atomic uint32_t flush_at;      /* 0: no flush is waiting for its time */
    _Atomic uint64_t fill_bytes;    /* of values on their way in */
    _Atomic uint64_t pinned_segments;

    /* under threads_lock */
    struct mutex threads_lock;
    struct store_thread *threads;
    struct store_stats reset_at; /* sums when they were last reset */
};

/* --- an item in the index ------------------------------------------------------------------ */

/* Why an item that is in the index does not count as there: STORE_HIT if it does. */
HOT_INLINE enum store_find store_place_state(const struct store_thread *thread, uint64_t place,
                                             uint32_t exptime)
{
    const struct segments *segments = &thread->store->segments;
    if (UNLIKELY(
            segments_of(segments, place)->generation !=
            atomic_load_explicit(&((struct segments *)segments)->generation, memory_order_acquire)))
        return STORE_MISS_FLUSHED;
    if (UNLIKELY(exptime != 0 && exptime <= thread->now))
        return STORE_MISS_EXPIRED;
    return STORE_HIT;
}

static inline enum store_find store_item_state(const struct store_thread *thread,
                                               const struct item_view *view)
{
    uint64_t place = segments_place(&thread->store->segments, view->entry);
    return store_place_state(thread, place, view->exptime);
}

/* An item of this thread's making is in the index now. Not under a lock: the index may grow. */
void store_note_added(struct store_thread *thread, const struct item_view *view);

/* What it takes of its segments expires at that time from now on, and no longer at the one before.
 * Under the lock; 0: never. */
void store_change_expiry(struct store *store, const struct item_view *view, uint32_t before,
                         uint32_t after);
static inline void store_note_expiry(struct store *store, const struct item_view *view,
                                     uint32_t before, uint32_t after)
{
    if (UNLIKELY((before | after) != 0))
        store_change_expiry(store, view, before, after);
}

/* Its slot was removed or replaced, under the lock: marks it and its pieces dead. */
void store_bury(struct store_thread *thread, const struct item_view *view);

/* As store_bury, for one that its time or flush_all had passed over. */
void store_bury_gone(struct store_thread *thread, const struct item_view *view, uint64_t slot,
                     enum store_find state);

/* Bytes that `stats` counts for it: header, key and value. */
uint64_t store_item_bytes(const struct item_view *view);

uint64_t store_item_cas(const struct store *store, const struct item_view *view);

/* Somebody may have asked for this item's cas unique, or for an earlier one of the key's: the next
 * must be larger. One that a client gave and nobody asked for says nothing about the order. */
static inline bool store_cas_counts(uint64_t slot)
{
    return slot_cas_observed(slot);
}

/* Somebody sees it now. Under the lock. */
static inline void store_observe_cas_locked(struct index_entry *entry, const struct item_view *view)
{
    slot_observe_cas_locked(entry);
    if (view->counter)
        item_set_state(view->entry, ITEM_SEEN);
}

/* The cas unique that must be carried by what replaces the item; 0: none, `next`, which it would
 * have, is large enough. Under the lock. */
uint64_t store_cas_rising(struct store *store, const struct item_view *old, uint64_t slot,
                          uint64_t next);

/* The same ahead of time: for what will replace an item with the cas unique `before` and will lie
 * in that queue, so that it need not be written twice. */
uint64_t store_cas_foreseen(struct store_thread *thread, enum segment_queue queue, uint64_t before);

bool store_cas_is(const struct store *store, const struct item_view *view, uint64_t compare);
/* What few need: the text of a counter, the cas unique, the idle time. Always STORE_HIT. */
enum store_find store_item_fill_more(const struct store_thread *thread, char *entry, uint64_t slot,
                                     unsigned want, struct store_item *item);

/* `slot`: with the item's place. Always STORE_HIT. */
HOT_INLINE enum store_find store_item_fill(const struct store_thread *thread,
                                           const struct item_view *view, uint64_t slot,
                                           unsigned want, struct store_item *item)
{
    item->value = LIKELY(view->first_piece == PLACE_NONE) ? view->value : NULL;
    item->value_size = view->value_size;
    item->cas = 0;
    item->client_flags = view->client_flags;
    item->exptime = view->exptime;
    item->marks = view->marks | slot_marks(slot);
    item->place = slot_place(slot);
    if (UNLIKELY(view->counter || want & (STORE_WANT_CAS | STORE_WANT_IDLE)))
        return store_item_fill_more(thread, view->entry, slot, want, item);
    return STORE_HIT;
}

static inline bool store_curve_looks_at(const struct store_thread *thread, uint64_t hash)
{
    return (hash & thread->curve_notes.mask) == 0;
}

/* For the curve: something has happened to a key. */
HOT_INLINE void store_note_for_curve(struct store_thread *thread, uint64_t hash,
                                     enum miniature_event event, const struct item_view *view)
{
    if (UNLIKELY(store_curve_looks_at(thread, hash)))
        curve_note(thread, hash, event, view == NULL ? 0 : store_item_bytes(view),
                   view == NULL ? 0 : view->exptime);
}

/* The shape of the same item written anew: all but its cas unique if that is its place's, and the
 * marks of its slot. */
struct item_shape store_shape_of(const struct item_view *view);

/* The index has grown: segments may have less. */
void store_account_index(struct store *store);

/* --- stalls: what a call spends on other things than its own item ------------------------------
 */

static inline uint64_t stall_begin(void)
{
    return clock_cpu_microseconds();
}

static inline void stall_end(struct store_thread *thread, uint64_t begun)
{
    uint64_t took = clock_cpu_microseconds() - begun;
    if (took > counter_read(&thread->longest_stall))
        counter_set(&thread->longest_stall, took);
}

/* --- room ---------------------------------------------------------------------------------- */

/* Room for an entry of that size, to be written in this turn. NULL: none can be made. May pass. */
char *store_allocate(struct store_thread *thread, enum segment_queue queue, uint32_t size);

/* Another open segment for the thread's lane. false: none can be had. May pass. */
MUST_USE bool store_make_room(struct store_thread *thread, enum segment_queue queue);

/* Where a new item of that key belongs: in the queue where the old one lies, or with those that
 * were dropped not long ago. */
enum segment_queue store_queue_for(struct store_thread *thread, const struct store_key *key);

/* An entry that was written, at least its header, and will not be used. */
void store_discard(struct store_thread *thread, char *entry);

/* A tentative piece for that many bytes, or for fewer if that fills the lane's segment to its end.
 * NULL: the lane needs another segment. */
char *store_append_piece(struct store_thread *thread, struct lane *lane, size_t payload);

/* --- writing ------------------------------------------------------------------------------- */

/*
 * Puts an entry that is written into the index, or refuses, as `put` says; decided under the lock.
 * If *outcome is not STORE_STORED, the entry is the caller's to discard. put->expected: 0, or the
 * segments_cas of the place that the key's item must still have (STORE_EXISTS if not): places come
 * again, births don't. The new item then takes over that item's exptime, for which the entry has a
 * word. false: write another, since flush_all has passed over the entry, or because the item has to
 * carry the cas unique that result->cas_to_carry then is.
 */
MUST_USE bool store_publish(struct store_thread *thread, const struct store_key *key,
                            const struct store_put *put, char *entry, enum store_outcome *outcome,
                            struct store_result *result);

/* flush_all has come since room for the entry was taken: it would be gone at once, and with it an
 * item that came after the flush and that it replaces. Under the lock. */
static inline bool store_is_passed_over(const struct store *store, const char *entry)
{
    const struct segments *segments = &store->segments;
    return segments_of(segments, segments_place(segments, entry))->generation !=
           atomic_load_explicit(&((struct segments *)segments)->generation, memory_order_acquire);
}

/*
 * Replaces a key's item by one made from it. `plan` says what the new entry is to be, or false and
 * leaves in its context why not; `write` puts the new value into its place. plan may be called
 * again, if the item changes meanwhile, and both look only at the item they are given. The new
 * item's slot has the marks of the shape.
 */
struct store_rewrite {
    bool (*plan)(void *context, const struct item_view *old, uint64_t slot,
                 struct item_shape *shape);
    void (*write)(void *context, const struct item_view *old, char *value);
    bool want_cas;
};

/* What a put with accept_older comes to, if its compare is older than the item's cas unique: *stale
 * stores the value as stale, in place of that item and no other. */
MUST_USE bool store_put_as_stale(struct store_thread *thread, const struct store_key *key,
                                 const struct store_put *put, struct store_put *stale);

enum store_rewritten { REWRITE_DONE, REWRITE_MISS, REWRITE_REFUSED, REWRITE_NO_MEMORY };

/* *item is the item as it then is. May pass. */
enum store_rewritten store_rewrite(struct store_thread *thread, const struct store_key *key,
                                   const struct store_rewrite *how, void *context,
                                   struct store_item *item);

/* Append or prepend; its value is a slice, or what has come in by a fill. May pass. */
enum store_outcome store_join(struct store_thread *thread, const struct store_key *key,
                              const struct store_put *put, struct slice value,
                              struct store_result *result);

#endif
