#ifndef LARDER_PROTO_H
#define LARDER_PROTO_H

/*
 * The protocol: bytes in, store calls, bytes out. No I/O, no threads, no event loop.
 *
 * One `struct protocol` for the process, one `struct proto_thread` for each worker (its counters
 * and its door to the store), one `struct session` for each connection, embedded in the connection.
 *
 * Threads: a proto_thread and the sessions run with it belong to one worker. protocol_* functions
 * may be called by any thread.
 */

#include "base/check.h"
#include "base/slice.h"
#include "base/text.h"
#include "base/time_histogram.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Figures of `stats` that neither the protocol nor the store counts. */
struct server_gauges {
#define SERVER_GAUGE(name) uint64_t name;
#include "proto/server_gauges.def"
#undef SERVER_GAUGE
};

/* What a watcher may ask for: a set of bits. */
enum watch_kind {
#define WATCH_KIND(name, bit, word, text) name = 1 << (bit),
#include "proto/watch_kinds.def"
#undef WATCH_KIND
};

/* What comes of asking that a client becomes a watcher. */
enum watch_start {
    WATCH_STARTED, /* it is one when the session sleeps in SESSION_WATCHING, which follows */
    WATCH_TOO_MANY,
    WATCH_FAILED, /* no memory, or it is not to be had */
};

struct session;

/* What the layers to the right know and a client may ask for. Every function: any worker's thread.
 */
struct session_host {
    void *context;
    void (*read_gauges)(void *context, struct server_gauges *gauges);
    void (*write_settings)(void *context, struct text *text);    /* stats settings, STAT lines */
    void (*write_connections)(void *context, struct text *text); /* stats conns, STAT lines */
    void (*reset_counters)(void *context);                       /* stats reset, net's share */
    void (*shutdown)(void *context, bool graceful);
    enum watch_start (*watch)(void *context, struct session *session, unsigned kinds);
    void (*wake_watchers)(void *context);        /* something was told: proto_take_told */
    bool (*refresh_certificates)(void *context); /* false: the old ones stay; NULL: no TLS */
};

struct protocol_config {
    struct store *store; /* lent */
    struct session_host host;
    const char *event_version;  /* of libevent, for stats; lent, static */
    size_t item_size_max;       /* -I */
    size_t other_bytes;         /* of the memory limit, that the process takes beside buffers */
    unsigned requests_per_turn; /* -R: a session yields after so many requests */
    unsigned latency_interval;  /* one turn in so many is timed; 0: none */
    unsigned hot_keys_interval; /* one key in so many counts for stats hotkeys; 0: none */
    bool flush_allowed;         /* false: -F */
    bool shutdown_allowed;      /* -A */
    bool dump_allowed;          /* false: -X */
    bool watch_allowed;         /* false: -W */
    size_t told_size_max;       /* bytes that each thread keeps of what watchers are to be told */
    bool authenticate;          /* -Y: see protocol_set_passwords */
    bool prefix_detail;         /* stats detail is on from the start */
    char prefix_delimiter;      /* -D */
    bool cas;                   /* false: -C */
    bool track_sizes;           /* -o track_sizes */
    bool debug_commands;        /* -o debug_commands */
};

struct protocol *protocol_create(const struct protocol_config *config); /* NULL: no memory */
void protocol_destroy(struct protocol *protocol); /* after its last proto_thread */

/*
 * With config.authenticate: who may come in, lines "user:password"; it takes the place of what was
 * set before, and those who are in stay. Before the first call nobody may. Any thread. false: *why,
 * a static text, says what is wrong, and nothing has changed.
 */
MUST_USE bool protocol_set_passwords(struct protocol *protocol, struct slice lines,
                                     const char **why);

bool protocol_counts_prefixes(const struct protocol *protocol); /* stats detail is on */

struct proto_thread *proto_thread_create(struct protocol *protocol); /* NULL: no memory */
void proto_thread_destroy(struct proto_thread *thread);

/* Around each turn of the worker's event loop; sessions run only inside. Reads the clock. */
void proto_turn_start(struct proto_thread *thread);
void proto_turn_stop(struct proto_thread *thread);
uint32_t proto_turn_now(const struct proto_thread *thread); /* the clock of this turn */

/* In a turn, when no session is running: what all connections' buffers take together now. It counts
 * in the memory limit, so items may have to go. */
void proto_note_buffers(struct proto_thread *thread, size_t bytes);

/* How many bytes they may take together now, after what was noted: items may still be read that
 * have to go. Whether there will be more once all threads have passed a turn. */
size_t proto_room_for_buffers(struct proto_thread *thread);
bool proto_room_is_coming(struct proto_thread *thread);

/* --- watching ------------------------------------------------------------------------------ */

/* Kinds that somebody watches from now on, in all threads from the start of their next request. */
void protocol_watch(struct protocol *protocol, unsigned kinds);

/* Whether to tell of something; proto_tell then adds ts and gid to a text without line end. The
 * thread's own; outside a session's run it is told to others at the turn's end. */
bool proto_is_watched(struct proto_thread *thread, unsigned kinds);
void proto_tell(struct proto_thread *thread, enum watch_kind kind, struct slice text);

#define PROTO_TOLD_SIZE_MAX 1280 /* of a line */

/* The same for whoever has no proto_thread; writes to `to`, returns the size. Any thread. */
size_t protocol_write_told(struct protocol *protocol, char *to, struct slice text);

/*
 * By one thread, which is woken by session_host.wake_watchers: first protocol_begin_taking, then
 * from each proto_thread until nothing is left. What is told later wakes it again. The records
 * (record_next in base/record_ring.h) are lines, their kind is an enum watch_kind.
 */
void protocol_begin_taking(struct protocol *protocol);
size_t proto_take_told(struct proto_thread *thread, char *to, size_t room);

/* --- one connection ------------------------------------------------------------------------ */

/* Where a session stands, and so what its connection does next. */
enum session_state {
    SESSION_READING,  /* wants input: at least session_input_wanted bytes in the buffer */
    SESSION_FILLING,  /* wants bytes read straight into session_fill_room; none are in the buffer */
    SESSION_SENDING,  /* the output is full or has a tail: send all of it, then run again */
    SESSION_YIELDING, /* has had its share of this turn: let others go first, then run again */
    SESSION_CLOSING,  /* send the output, then close */
    SESSION_WATCHING, /* the output is a watcher's first: the session has ended */
};

/* A value that was not copied into the output: there is room for it, from `at` on. */
struct output_gap {
    char *at;
    struct slice value;
};

#define OUTPUT_GAPS_MAX 8

/*
 * The connection's buffers. `in` is what was read and not consumed; session_run moves in.at on.
 * `out` is room for replies; session_run appends. out_capacity is at least PROTO_OUTPUT_SIZE_MIN.
 * Values of some size that end the answer to all input stay where they are, and the output has
 * gaps, in order: whoever called session_run sends the values in their places (output_vectors), and
 * fills in what of them was not sent at once (output_fill_gaps), before anything else is done in
 * this turn.
 */
struct session_buffers {
    struct slice in;
    char *out;
    size_t out_size;
    size_t out_capacity;
    unsigned gap_count; /* more than 0 only when session_run returns SESSION_READING */
    struct output_gap gaps[OUTPUT_GAPS_MAX];
    int client; /* its descriptor, as watchers are told it */
};

/* All of the output. Returns the number of vectors filled in, OUTPUT_VECTORS_MAX at most. */
#define OUTPUT_VECTORS_MAX (2 * OUTPUT_GAPS_MAX + 1)
int output_vectors(const struct session_buffers *buffers, struct iovec *vectors);
void output_fill_gaps(struct session_buffers *buffers);

#define PROTO_OUTPUT_SIZE_MIN 65536
#define PROTO_INPUT_SIZE_MAX (8u << 20) /* the most that session_input_wanted ever asks for */

/* One connection's place in the protocol; the connection embeds it and looks at nothing inside. */
struct session {
    _Atomic uint8_t phase; /* session_phases.def; written by its worker, read by stats conns */
    uint8_t command;       /* the command in the middle of which it is (commands.def) */
    uint8_t reply;         /* what to answer when the swallowing is done (replies.def) */
    bool started;          /* the first byte has been looked at */
    bool admitted;         /* may do more than authenticate itself */
    bool broken;           /* closes because of what the client has sent */
    uint32_t input_wanted;
    uint32_t exptime; /* of a gat that goes on */
    uint64_t missing; /* bytes: of the line already searched, of the get line left, to swallow */
    struct session_work *work; /* owned: a value on its way in, or a tail on its way out */
};

bool protocol_authenticates(const struct protocol *protocol);

/* What it reads may be passwords (-Y): they are to be wiped from where they were read to. */
static inline bool session_is_secret(const struct session *session, const struct protocol *protocol)
{
    return !session->admitted && protocol_authenticates(protocol);
}

static inline bool session_is_admitted(const struct session *session)
{
    return session->admitted;
}

void session_init(struct session *session);
void session_end(struct session *session, struct proto_thread *thread); /* inside a turn */

/* Answers complete requests until one of the states is reached. */
enum session_state session_run(struct session *session, struct proto_thread *thread,
                               struct session_buffers *buffers);

/*
 * Input that the session will be run with soon: what its first request looks up is fetched from
 * memory, in two steps, so that sessions wait for memory together. Hints: they change nothing. The
 * key lies in the input; its size is 0 if there is none.
 */
void session_expect(const struct session *session, struct proto_thread *thread, struct slice input,
                    struct store_key *key);
void session_expect_item(struct proto_thread *thread, const struct store_key *key);

/* SESSION_CLOSING: because of what the client has sent, not because it said so. */
bool session_is_broken(const struct session *session);

/* SESSION_READING: the least that the buffer must hold for the next run to get anywhere. */
size_t session_input_wanted(const struct session *session);

/*
 * SESSION_FILLING, inside a turn: where to read to; then say how much came. There is always room
 * while the value is not complete; room.size == 0 once it is. Then run the session.
 */
struct store_room session_fill_room(struct session *session);
void session_fill_advance(struct session *session, size_t size);

/*
 * After session_run a tail may follow the output: a large value, or a long text. Sent after `out`,
 * in order, as far as the socket takes it. Returns the number of vectors filled in; 0: there is no
 * tail.
 */
int session_tail(struct session *session, struct iovec *vectors, int count_max);
static inline bool session_may_have_tail(const struct session *session)
{
    return session->work != NULL;
}
void session_tail_sent(struct session *session, size_t size);

/* Bytes of the text, if any, that it keeps on the heap to be sent behind the output. */
size_t session_text_bytes(const struct session *session);

/* The name of what the session is doing, as `stats conns` prints it (conn_parse_cmd,
 * conn_nread...). */
const char *session_state_name(const struct session *session);

/* --- looking ------------------------------------------------------------------------------- */

/* Sums over all threads, past ones included. */
struct proto_stats {
#define PROTO_COUNTER(name, text) uint64_t name;
#include "proto/proto_stats.def"
#undef PROTO_COUNTER
};

void protocol_stats_read(struct protocol *protocol, struct proto_stats *stats);

/* Adds the STAT lines of `stats WORD`; "" is the general section. false: no such section. */
MUST_USE bool protocol_write_section(struct protocol *protocol, struct slice word,
                                     struct text *text);

/* The words of the sections, one after the other; NULL behind the last. */
const char *protocol_section(size_t number);

/* The times of each family of commands since the last reset, of the turns that were timed. */
enum latency_family {
#define LATENCY_FAMILY(id, name, requests, text) id,
#include "proto/latency_families.def"
#undef LATENCY_FAMILY
    LATENCY_FAMILIES
};

void protocol_latency_read(struct protocol *protocol, enum latency_family family,
                           struct time_histogram *times);

/* The keys that were asked for most often within the last window and the one that goes on. */
#define HOT_KEYS_MAX 64

struct hot_key {
    uint64_t requests; /* about */
    uint64_t error;    /* of those, so many at most were for other keys */
    size_t size;
    char at[STORE_KEY_SIZE_MAX];
};

struct hot_keys_report {
    uint64_t interval; /* one key in so many was looked at; 0: hot keys are not counted */
    uint64_t seconds;  /* that the report covers */
    uint64_t requests; /* of all keys, about */
    uint64_t unlisted; /* a key that is not in the list had at most so many */
    size_t count;
    struct hot_key keys[HOT_KEYS_MAX]; /* the hottest first */
};

MUST_USE bool protocol_hot_keys_read(struct protocol *protocol,
                                     struct hot_keys_report *report); /* false: no memory */

/* How many of the gets since the last reset would have missed with other memory limits. */
struct miss_curve {
    bool on;
    uint64_t memory_bytes; /* that simulating them takes of the limit */
    uint64_t keys_each;    /* one key in so many is looked at */
    uint64_t sampled_gets; /* gets of those keys */
    uint64_t lost;         /* requests for them that were left out for want of time */
    uint64_t gets;         /* all */
    struct {
        uint64_t memory_size; /* the limit, bytes */
        uint64_t misses;      /* of the gets, about; at the limit in force those that did miss */
    } points[STORE_CURVE_POINTS];
};

void protocol_curve_read(struct protocol *protocol, struct miss_curve *curve);

/* "0.25": how many times the limit in force that is. */
const char *miss_curve_times(unsigned point);

/* "0.062500"; without gets 0. */
void text_add_miss_ratio(struct text *text, const struct miss_curve *curve, unsigned point);

#endif
