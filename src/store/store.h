#ifndef LARDER_STORE_H
#define LARDER_STORE_H

/*
 * The store: keys, values, memory, time-to-live, eviction. It knows no protocol word and no socket.
 *
 * Threads: every thread that calls a function taking a `struct store_thread` has one of its own.
 * Between store_turn_start and store_turn_stop the thread is awake; what it was lent in that time
 * (the `value` of an item) stays readable until its next store_turn_pass, store_turn_stop, or call
 * marked *may pass*. To keep a value longer, pin it. No call blocks on a sleeping thread.
 *
 * Times: `now` and exptimes are seconds since 1970; exptime 0 never expires; an item is gone once
 * exptime <= now. Sizes are bytes. Keys are 1 to STORE_KEY_SIZE_MAX bytes of any value.
 */

#include "base/check.h"
#include "base/hash.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_SIZE_MAX 250

struct store;
struct store_thread;

/* What stays when memory is full: see store/worth.h. */
enum store_eviction { STORE_EVICT_LEARNED, STORE_EVICT_S3FIFO };

struct store_config {
    size_t memory_size;    /* -m: items, index and bookkeeping stay within it */
    size_t other_bytes;    /* of the limit that others use at start: see store_set_other_bytes */
    size_t item_size_max;  /* -I, in memcached's terms: see store_size_allowed */
    unsigned writer_count; /* threads that will write at the same time */
    enum store_eviction eviction;
    bool evict; /* false: a put that finds no room fails (-M) */
    bool cas;   /* false: every cas unique reads 0 and equals nothing (-C) */
    bool curve; /* simulate other memory limits: see store_curve_read */
};

/* NULL if the configuration can't work or memory can't be had; *why is then a static text. */
struct store *store_create(const struct store_config *config, const char **why);
void store_destroy(struct store *store); /* no thread may be joined any more */

struct store_thread *store_thread_create(struct store *store); /* NULL: no memory */
void store_thread_destroy(struct store_thread *thread);        /* asleep by then */

void store_turn_start(struct store_thread *thread, uint32_t now);
void store_turn_pass(struct store_thread *thread, uint32_t now); /* holds nothing lent, goes on */
void store_turn_stop(struct store_thread *thread);               /* before sleeping in a poll */

/* A key with its hash, so that it is hashed once. `at` is lent by the caller. */
struct store_key {
    const char *at;
    size_t size;
    uint64_t hash;
};

static inline struct store_key store_key_of(const char *at, size_t size)
{
    return (struct store_key){at, size, hash_key(at, size)};
}

/*
 * Another memory limit while running. Lowering it drops items and gives memory back before it
 * returns, as far as nobody still reads in it. false: less than the store needs, or more than 8
 * times what it was created with. May pass.
 */
MUST_USE bool store_set_memory_size(struct store_thread *thread, size_t size);

/* What others use and what counts in the limit: connections' buffers. Makes room for it. May pass.
 */
void store_set_other_bytes(struct store_thread *thread, size_t bytes);

/* What others may use now without all passing the limit together: what items have really left. It
 * may be less than was told: segments that others still read in come free when they have passed a
 * turn. Whether some do. Without eviction no item goes for others, and there is no bound. May pass.
 */
size_t store_room_for_others(struct store_thread *thread);
bool store_room_is_coming(struct store_thread *thread);

/* --- reading ------------------------------------------------------------------------------- */

/* What is known of an item besides. Every newly stored one begins without them. */
enum store_mark {
    STORE_FETCHED = 1, /* read or touched since it was stored */
    STORE_WON = 2,     /* somebody was given the right to store it anew: see store_win */
    STORE_STALE = 8,   /* invalidated */
    STORE_KEY_BINARY = 16,
};

#define STORE_SLOT_MARKS (STORE_FETCHED | STORE_WON) /* these lie in the index */

#define STORE_NUMBER_SIZE_MAX 20 /* digits of the largest number that incr makes */

struct store_item {
    const char *value; /* NULL when it lies in pieces: read it through a pin */
    size_t value_size;
    uint64_t cas; /* only if STORE_WANT_CAS was asked, else 0 */
    uint32_t client_flags;
    uint32_t exptime;
    uint8_t marks;                      /* of store_mark, as they were before */
    uint32_t idle_seconds;              /* only if STORE_WANT_IDLE was asked */
    uint64_t place;                     /* the store's own */
    char number[STORE_NUMBER_SIZE_MAX]; /* where `value` leads, if incr changes it in place */
};

enum store_want {
    STORE_WANT_CAS = 1, /* fill in the cas unique */
    STORE_PEEK = 2,     /* does not count as use */
    /* Fill in the seconds since it was last used: 0 if it was, since it came to its place; else
     * since its segment was opened, which is no later than it was stored. */
    STORE_WANT_IDLE = 4,
};

enum store_find {
    STORE_HIT,
    STORE_MISS,
    STORE_MISS_EXPIRED, /* was there, its time had passed */
    STORE_MISS_FLUSHED, /* was there, flush_all had passed over it */
};

MUST_USE enum store_find store_get(struct store_thread *thread, const struct store_key *key,
                                   unsigned want, struct store_item *item);

/*
 * store_get of a batch of keys, which wait for memory together. `room` is for what the caller will
 * make of them: of each its key, its value if that is in one piece, and `besides` bytes. The batch
 * ends before the first that has no room any more, and behind a value in pieces, which needs a pin.
 */
#define STORE_BATCH_MAX 32

struct store_probe {
    /* filled in by the caller: the key's bytes */
    struct store_key key;

    /* filled in by the store, of those that were looked up */
    enum store_find found;
    struct store_item item;

    /* the store's own */
    uint32_t home;
    void *slot;
    uint64_t seen;
};

/* How many were looked up. */
MUST_USE size_t store_get_batch(struct store_thread *thread, struct store_probe *probes,
                                size_t count, unsigned want, size_t room, size_t besides);

/*
 * That key is about to be asked for or put: what this will look at is fetched, in two steps, so
 * that several keys wait for memory together. Hints, which change nothing.
 */
void store_expect(const struct store_thread *thread, const struct store_key *key);
void store_expect_item(const struct store_thread *thread, const struct store_key *key);

/* Sets the exptime and keeps the cas unique; *item is the item after it. May pass. */
MUST_USE enum store_find store_touch(struct store_thread *thread, const struct store_key *key,
                                     uint32_t exptime, unsigned want, struct store_item *item);

/*
 * Gives the right to store an item anew to the first who asks since it was stored or invalidated.
 * *item is as store_get or store_touch gave it, in this turn and not past anything that may pass.
 */
enum store_win {
    STORE_WIN,
    STORE_WIN_LOST,    /* somebody has it */
    STORE_WIN_CHANGED, /* the key has another item now, or the item is elsewhere: look again */
};

MUST_USE enum store_win store_win(struct store_thread *thread, const struct store_key *key,
                                  const struct store_item *item);

/*
 * A pin keeps one value readable past the turn, through its deletion and overwriting, until it is
 * released. *pin is filled in; false: too much is pinned already, try when others have let go.
 */
struct store_pin {
    struct store *store;
    uint64_t *places; /* of the pieces, in order; owned */
    char *copy;       /* instead of them, of a value that may change in place; owned */
    size_t copy_size;
    size_t count;
    size_t next;
    size_t segments; /* that nobody had pinned before */
};

MUST_USE bool store_pin(struct store_thread *thread, const struct store_item *item,
                        struct store_pin *pin);
bool store_pin_next(struct store_pin *pin, struct slice *piece); /* false: no more */
void store_unpin(struct store_pin *pin);                         /* any thread */

/* --- writing ------------------------------------------------------------------------------- */

enum store_mode { STORE_SET, STORE_ADD, STORE_REPLACE, STORE_APPEND, STORE_PREPEND };

/*
 * What to do, beside key and value. Append and prepend keep the old flags and exptime, and the new
 * ones serve only if they add.
 */
struct store_put {
    enum store_mode mode;
    uint32_t client_flags;
    uint32_t exptime;
    uint64_t compare; /* with compare_cas: only an item with this cas unique is replaced */
    uint64_t cas;     /* with set_cas: the item's new cas unique */
    bool compare_cas;
    bool set_cas;
    bool want_cas; /* fill in store_result.cas */
    /* With compare_cas, of set and replace: a `compare` that is less than the item's cas unique is
     * stored as well, as stale, with the item's exptime and whoever has won it. If the item changes
     * at the same time it may be STORE_EXISTS. */
    bool accept_older;
    bool adds;         /* append or prepend to a key that is not there: stores the value as it is */
    uint8_t marks;     /* of store_mark, that the item is to have */
    uint64_t expected; /* the store's own */
};

struct store_result {
    uint64_t cas;
    size_t value_size;     /* of the item as it now is */
    uint64_t cas_to_carry; /* the store's own */
};

enum store_outcome {
    STORE_STORED,
    STORE_NOT_STORED, /* add found one; replace, append, prepend found none */
    STORE_EXISTS,     /* compare_cas: another cas unique */
    STORE_NOT_FOUND,  /* compare_cas, but of append and prepend: no item */
    STORE_TOO_LARGE,  /* the joined value of an append or prepend is past item_size_max */
    STORE_NO_MEMORY,
};

/* Whether memcached would take an item of these sizes under -I: 56 + key + 1 + value + 2 <= -I
 * (48 without cas), whatever larder itself needs. */
bool store_size_allowed(const struct store *store, size_t key_size, uint64_t value_size);

/* Values up to this size go through store_put in one piece, larger ones through a fill. */
size_t store_inline_size_max(const struct store *store);

/* value.size is at most store_inline_size_max; the size was found allowed. May pass. */
MUST_USE enum store_outcome store_put(struct store_thread *thread, const struct store_key *key,
                                      const struct store_put *put, struct slice value,
                                      struct store_result *result);

/*
 * A large value on its way in: its bytes are read straight into their place. Nobody sees it before
 * the commit. A fill outlives turns; it is used by one thread at a time, each call with the
 * caller's own store_thread.
 */
struct store_fill;

/* Copies key and put. NULL: no memory. May pass. */
struct store_fill *store_fill_start(struct store_thread *thread, const struct store_key *key,
                                    const struct store_put *put, size_t value_size);

/* Where the next bytes belong, at least one while the value is not complete. at == NULL: no room
 * can be had; abandon it. May pass. */
struct store_room {
    char *at;
    size_t size;
};
struct store_room store_fill_room(struct store_thread *thread, struct store_fill *fill);
void store_fill_advance(struct store_fill *fill, size_t size);
size_t store_fill_missing(const struct store_fill *fill); /* bytes still to come */

MUST_USE enum store_outcome store_fill_commit(struct store_thread *thread, struct store_fill *fill,
                                              struct store_result *result);    /* consumes fill */
void store_fill_abandon(struct store_thread *thread, struct store_fill *fill); /* consumes fill */

enum store_outcome_delete { STORE_DELETED, STORE_DELETE_MISS, STORE_DELETE_EXISTS };

/* compare: NULL, or the cas unique that the item must have. */
enum store_outcome_delete store_delete(struct store_thread *thread, const struct store_key *key,
                                       const uint64_t *compare);

/* Leaves a key's item in place but not as it was: with a new cas unique, to be won again. */
struct store_invalidation {
    const uint64_t *compare; /* NULL, or the cas unique that the item must have */
    uint64_t cas;            /* the new one, or 0: one above the old */
    uint32_t exptime;
    bool set_exptime; /* else it keeps its own */
    bool stale;       /* marks it stale */
    bool empty;       /* without value, client flags and, unless set_exptime, time-to-live */
};

/* Deletes the item instead, where there is no room to write it anew. May pass. */
enum store_outcome_delete store_invalidate(struct store_thread *thread, const struct store_key *key,
                                           const struct store_invalidation *how);

struct store_arithmetic {
    bool decrement; /* stops at 0; an increment wraps at 2^64 */
    uint64_t delta;
    bool pad; /* a shorter result keeps the old length, with spaces behind it */
    bool want_cas;
    bool compare_cas;
    uint64_t compare; /* with compare_cas: only an item with this cas unique is changed */
    uint64_t cas;     /* the new cas unique, or 0 */
};

enum store_outcome_arithmetic {
    STORE_COUNTED,
    STORE_COUNT_MISS,
    STORE_COUNT_EXISTS, /* compare_cas: another cas unique */
    STORE_NOT_A_NUMBER,
    STORE_COUNT_NO_MEMORY,
};

struct store_number {
    uint64_t value;
    uint64_t cas;
};

/* May pass. */
MUST_USE enum store_outcome_arithmetic store_count(struct store_thread *thread,
                                                   const struct store_key *key,
                                                   const struct store_arithmetic *how,
                                                   struct store_number *number);

/* Every item stored before now is gone: at once, or once the clock reads `at` (0: at once). */
void store_flush(struct store_thread *thread, uint32_t at);

/* --- looking on ---------------------------------------------------------------------------- */

struct store_emptying {
    uint64_t segment;
    uint64_t items;      /* that it had */
    uint64_t kept_bytes; /* that moved elsewhere */
    bool main_queue;     /* else the probationary one */
    bool evicts;         /* else everything live in it moved */
};

/*
 * What the store does by itself, for whoever looks on. Called in the middle of other calls and with
 * locks held: it may not wait, allocate or call the store. What it is given is lent for the call.
 */
struct store_observer {
    void (*evicted)(void *context, const struct store_key *key, const struct store_item *item);
    void (*segment_emptied)(void *context, const struct store_emptying *what);
};

/* Of what this thread does; NULL: none. `observer` is lent for good. */
void store_thread_set_observer(struct store_thread *thread, const struct store_observer *observer,
                               void *context);

/* --- looking ------------------------------------------------------------------------------- */

/* Sums over all threads, past ones included. store_stats.def says what each one counts. */
struct store_stats {
#define STORE_COUNTER(name, text) uint64_t name;
#include "store/store_stats.def"
#undef STORE_COUNTER
};

void store_stats_read(struct store *store, struct store_stats *stats);
void store_stats_reset(struct store *store); /* all but curr_items and bytes */

/* Ages are told apart by powers of two: age_bytes[i] is of less than 2 to the power i seconds since
 * the segment was opened, and not of the one before; the last is of all that is older. */
#define STORE_AGES 24

/*
 * What would miss with other memory limits (store/curve.h). Since the last reset; requests are
 * estimates, made from those for one key in `keys_each`.
 */
#define STORE_CURVE_POINTS 5
#define STORE_CURVE_SELF 2 /* the point that is the store's own limit */

struct store_curve {
    bool on;
    uint64_t memory_bytes;               /* that it takes of the limit */
    uint64_t keys_each;                  /* one key in so many is looked at */
    uint64_t references;                 /* what happened to those */
    uint64_t sampled_gets;               /* of these, reads */
    uint64_t lost;                       /* references that were not looked at for want of time */
    uint64_t gets, misses;               /* reads, and those that missed in the store itself */
    uint64_t memory[STORE_CURVE_POINTS]; /* limits, bytes: 1/4, 1/2, 1, 2 and 4 times the store's */
    uint64_t misses_at[STORE_CURVE_POINTS]; /* reads that would have missed there */
};

void store_curve_read(struct store *store, struct store_curve *sums);
void store_curve_reset(struct store *store);

/* Gauges, read now. */
struct store_report {
    uint64_t memory_limit;     /* bytes, -m */
    uint64_t segment_size;     /* bytes */
    uint64_t segments_used;    /* open, sealed, waiting for their readers */
    uint64_t segments_free;    /* resident, empty */
    uint64_t segments_max;     /* that memory_limit leaves room for now */
    uint64_t segments_waiting; /* empty, but somebody may still read in them */
    uint64_t segments_small;   /* of those used, in the probationary queue */
    uint64_t segments_main;    /* and in the main one; the rest is open or waiting */
    uint64_t live_bytes;       /* in segments, of items that can be found */
    uint64_t dead_bytes;       /* of items that are gone */
    uint64_t expired_bytes;    /* of items whose time has passed, about */
    uint64_t unused_bytes;     /* not written */
    uint64_t ghost_bytes;      /* resident at most */
    uint64_t worth_least;      /* thousandths of a hit that must be expected of an item of mean
                                  size, or it is evicted */
    uint64_t curve_bytes;      /* of the limit, for simulating other limits */
    uint64_t other_bytes;      /* of the limit, that others take: connections' buffers */
    uint64_t index_entries;    /* about */
    uint64_t longest_stall;    /* CPU microseconds that one call spent on making room or growth */
    uint64_t index_bytes;      /* resident */
    uint64_t index_lines;      /* of 64 bytes and 7 slots */
    bool index_growing;
    uint64_t age_bytes[STORE_AGES]; /* live_bytes by the age of their segment: see STORE_AGES */
    uint64_t oldest_age;            /* seconds since the oldest segment with items was opened */
};

void store_report_read(struct store *store, uint32_t now, struct store_report *report);

/*
 * Visits about items_max items, in no order; *cursor is 0 at first and says where to go on. false:
 * that was all. An item that is there throughout is visited at least once, one that is written
 * meanwhile perhaps, one that is moved perhaps twice. What is visited is lent until the thread's
 * next pass.
 */
bool store_walk(struct store_thread *thread, size_t *cursor, size_t items_max,
                void (*visit)(void *context, struct slice key, const struct store_item *item),
                void *context);

#endif
