/*
 * A session over a small store of its own. The first three bytes of the input say how server and
 * client are, the rest makes what the client sends (session_stream.h).
 *
 * Always: the session gets on or waits for input, its output is whole replies, a request that is
 * cut off ends with its line. Either the same bytes delivered at once, to a server that logs
 * requests, must be answered alike; or another client works beside it and must read only what it
 * has stored.
 */

#include "config.h"

#include "fuzz.h"
#include "reply_grammar.h"
#include "session_peer.h"
#include "session_stream.h"
#include "session_witness.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/record_ring.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD_SIZE 3
#define STARTED_AT 1800000000u
#define WHOLE SIZE_MAX
#define TOLD_SIZE 16384
#define LOGS_REQUESTS 2     /* verbosity */
#define ALL_KINDS 0x3ff     /* of watch_kinds.def */
#define LINE_SIZE_LONG 2048 /* an open line beyond it may be too long in pieces and not at once */
#define ENDING "\r\nmn\r\n"
#define ENDINGS_SIZE_MAX (80u << 10)

/* Bits of the first byte. */
enum {
    WITH_WITNESS = 1,
    WITH_SMALL_MEMORY = 2,
    WITHOUT_CAS = 4,
    WITHOUT_EVICTION = 8,
    WITH_PASSWORDS = 16,
    WITH_DETAIL = 32,
    IN_SHORT_TURNS = 64,
    WITHOUT_ADMIN = 128,
};

/* The low bits of the second byte; the others make the length of pieces. */
enum cutting { CUT_WHERE_MARKED, CUT_TINY, CUT_MIXED, CUT_LARGE };

struct server {
    struct store *store;
    struct protocol *protocol;
    struct proto_thread *thread;
    bool has_told; /* watchers have something to read */
};

/* What one way of delivery has come to. */
struct outcome {
    struct text replies; /* owned */
    bool closed;
    bool store_was_full;
};

/* --- the server ----------------------------------------------------------------------------- */

static void read_no_gauges(void *context, struct server_gauges *gauges)
{
    (void)context;
    *gauges = (struct server_gauges){0};
}

static void write_no_lines(void *context, struct text *text)
{
    (void)context;
    (void)text;
}

static void reset_nothing(void *context)
{
    (void)context;
}

static void go_on(void *context, bool graceful)
{
    (void)context;
    (void)graceful;
}

static enum watch_start start_watching(void *context, struct session *session, unsigned kinds)
{
    struct server *server = context;
    (void)session;
    protocol_watch(server->protocol, kinds);
    return WATCH_STARTED;
}

static void wake_watchers(void *context)
{
    struct server *server = context;
    server->has_told = true;
}

/* Reads what watchers are told, in a block of its very size. */
static void take_told(struct server *server)
{
    char *room = malloc(TOLD_SIZE);
    size_t size;
    CHECK(room != NULL);
    server->has_told = false;
    protocol_begin_taking(server->protocol);
    while ((size = proto_take_told(server->thread, room, TOLD_SIZE)) > 0) {
        struct slice records = {room, size};
        struct slice line;
        uint32_t kind;
        while (record_next(&records, &kind, &line)) {
            CHECK(line.size > 3 && line.size <= PROTO_TOLD_SIZE_MAX);
            CHECK(memcmp(line.at, "ts=", 3) == 0);
            CHECK(memchr(line.at, '\n', line.size) == line.at + line.size - 1);
        }
    }
    free(room);
}

/* The time is the same in every run, until the session lets the clock go on. */
static void hold_clock(void)
{
    clock_start();
    clock_resume();
    clock_pause();
    clock_shift((int64_t)STARTED_AT - (int64_t)clock_seconds());
}

static void server_start(struct server *server, unsigned bits)
{
    const char *why = NULL;
    size_t memory_size = bits & WITH_SMALL_MEMORY ? 1 << 20 : 4 << 20;
    struct store_config store_config = {.memory_size = memory_size,
                                        .item_size_max = memory_size / 4,
                                        .writer_count = 1,
                                        .evict = !(bits & WITHOUT_EVICTION),
                                        .cas = !(bits & WITHOUT_CAS)};
    server->has_told = false;
    hold_clock();
    hash_start(1);
    log_set_verbosity(0);
    server->store = store_create(&store_config, &why);
    CHECK(server->store != NULL);
    struct protocol_config config = {.store = server->store,
                                     .host = {.context = server,
                                              .read_gauges = read_no_gauges,
                                              .write_settings = write_no_lines,
                                              .write_connections = write_no_lines,
                                              .reset_counters = reset_nothing,
                                              .shutdown = go_on,
                                              .watch = start_watching,
                                              .wake_watchers = wake_watchers},
                                     .event_version = "",
                                     .item_size_max = store_config.item_size_max,
                                     .requests_per_turn = bits & IN_SHORT_TURNS ? 1 : 20,
                                     .latency_interval = 1,
                                     .hot_keys_interval = bits & WITH_DETAIL ? 1 : 0,
                                     .watch_allowed = !(bits & WITHOUT_ADMIN),
                                     .told_size_max = TOLD_SIZE,
                                     .flush_allowed = !(bits & WITHOUT_ADMIN),
                                     .shutdown_allowed = !(bits & WITHOUT_ADMIN),
                                     .dump_allowed = !(bits & WITHOUT_ADMIN),
                                     .authenticate = bits & WITH_PASSWORDS,
                                     .prefix_detail = bits & WITH_DETAIL,
                                     .prefix_delimiter = ':',
                                     .cas = store_config.cas,
                                     .track_sizes = bits & WITH_DETAIL,
                                     .debug_commands = true};
    server->protocol = protocol_create(&config);
    CHECK(server->protocol != NULL);
    CHECK(!config.authenticate ||
          protocol_set_passwords(server->protocol, SLICE_LITERAL("me:secret\n"), &why));
    server->thread = proto_thread_create(server->protocol);
    CHECK(server->thread != NULL);
    if (bits & WITH_DETAIL)
        protocol_watch(server->protocol, ALL_KINDS);
}

static void server_end(struct server *server)
{
    proto_thread_destroy(server->thread);
    protocol_destroy(server->protocol);
    store_destroy(server->store);
}

static void note_item(void *context, struct slice key, const struct store_item *item)
{
    (void)item;
    CHECK(key.size > 0 && key.size <= STORE_KEY_SIZE_MAX);
    ++*(uint64_t *)context;
}

/* What can be found is no more than what is counted. */
static void check_store(const struct server *server)
{
    struct store_thread *thread = store_thread_create(server->store);
    struct store_stats stats;
    uint64_t count = 0;
    size_t cursor = 0;
    CHECK(thread != NULL);
    store_turn_start(thread, clock_seconds());
    while (store_walk(thread, &cursor, 1000, note_item, &count))
        continue;
    store_turn_stop(thread);
    store_thread_destroy(thread);
    store_stats_read(server->store, &stats);
    CHECK(count <= stats.curr_items);
}

/* --- delivery ------------------------------------------------------------------------------- */

struct pieces {
    const struct session_stream *stream;
    enum cutting cutting;
    uint64_t state; /* of the numbers that are drawn */
    size_t size_min;
};

/* Marsaglia, Xorshift RNGs. */
static uint64_t draw(struct pieces *pieces)
{
    pieces->state ^= pieces->state << 13;
    pieces->state ^= pieces->state >> 7;
    pieces->state ^= pieces->state << 17;
    return pieces->state;
}

static struct pieces pieces_of(const struct session_stream *stream, unsigned how, unsigned seed)
{
    return (struct pieces){.stream = stream,
                           .cutting = how & 3,
                           .state = 1 + (uint64_t)seed * 2654435761u,
                           .size_min = 1 + (how >> 2) + stream->size / 4096};
}

static size_t to_next_cut(const struct pieces *pieces, size_t delivered)
{
    for (size_t i = 0; i < pieces->stream->cut_count; i++)
        if (pieces->stream->cuts[i] > delivered)
            return pieces->stream->cuts[i] - delivered;
    return WHOLE;
}

static size_t next_piece(struct pieces *pieces, const struct peer *peer)
{
    switch (pieces->cutting) {
    case CUT_WHERE_MARKED:
        return to_next_cut(pieces, pieces->stream->size - peer->input.size);
    case CUT_TINY:
        return pieces->size_min;
    case CUT_MIXED:
        return pieces->size_min + draw(pieces) % ((size_t)1 << draw(pieces) % 13);
    case CUT_LARGE:
        return pieces->size_min + 16384 + draw(pieces) % 65536;
    }
    return WHOLE;
}

static bool ends_with(const struct text *text, const char *end)
{
    size_t size = strlen(end);
    return text->size >= size && memcmp(text->at + text->size - size, end, size) == 0;
}

/* A client that sends line ends must come to the end of whatever it was in the middle of. */
static void check_not_stuck(struct peer *peer)
{
    static const char endings[] = ENDING ENDING ENDING ENDING ENDING ENDING ENDING ENDING;
    for (size_t sent = 0; !peer->closed && !peer_is_in_value(peer); sent += sizeof(endings) - 1) {
        CHECK(sent < ENDINGS_SIZE_MAX);
        peer->replies.size = 0;
        peer->input = (struct slice){endings, sizeof(endings) - 1};
        while (peer_step(peer, WHOLE))
            continue;
        if (ends_with(&peer->replies, "MN\r\n") || ends_with(&peer->replies, "unauthenticated\r\n"))
            return;
    }
}

static void check_replies(const struct peer *peer)
{
    const char *wrong = NULL;
    struct slice replies = peer_text(&peer->replies);
    if (replies_are_whole(replies, &wrong))
        return;
    size_t place = (size_t)(wrong - replies.at);
    fprintf(stderr, "this is no reply: %.*s\n", (int)(replies.size - place), wrong);
    abort();
}

static struct outcome deliver(const struct session_stream *stream, unsigned bits,
                              unsigned verbosity, struct pieces pieces)
{
    struct server server;
    struct peer peer;
    struct store_stats stats;
    server_start(&server, bits);
    log_set_verbosity(verbosity);
    peer_init(&peer, server.thread, (struct slice){stream->at, stream->size});
    while (peer_step(&peer, next_piece(&pieces, &peer)))
        if (server.has_told)
            take_told(&server);
    check_replies(&peer);
    struct outcome outcome = {.closed = peer.closed};
    text_init(&outcome.replies);
    text_add(&outcome.replies, peer_text(&peer.replies));
    check_not_stuck(&peer);
    peer_end(&peer);
    check_store(&server);
    store_stats_read(server.store, &stats);
    outcome.store_was_full = stats.segments_reclaimed > 0 || stats.outofmemory > 0;
    server_end(&server);
    return outcome;
}

/* --- alike, whole and in pieces -------------------------------------------------------------- */

static bool holds(struct slice text, const char *word)
{
    return text.size > 0 && memmem(text.at, text.size, word, strlen(word)) != NULL;
}

/* The lines of statistics show what the process has used. */
static void remove_statistics(struct text *replies)
{
    size_t kept = 0;
    for (size_t i = 0; i < replies->size;) {
        const char *line = replies->at + i;
        const char *end = memchr(line, '\n', replies->size - i);
        size_t size = end == NULL ? replies->size - i : (size_t)(end + 1 - line);
        if (size < 5 || memcmp(line, "STAT ", 5) != 0) {
            memmove(replies->at + kept, line, size);
            kept += size;
        }
        i += size;
    }
    replies->size = kept;
}

static bool has_long_line(const struct session_stream *stream)
{
    size_t size = 0;
    for (size_t i = 0; i < stream->size && size <= LINE_SIZE_LONG; i++)
        size = stream->at[i] == '\n' ? 0 : size + 1;
    return size > LINE_SIZE_LONG;
}

/* Where memcached's answers depend on what has come at once, so do larder's (doc/PROTOCOL.md). */
static bool may_differ(const struct session_stream *stream, const struct outcome *whole,
                       const struct outcome *cut)
{
    struct slice sent = {stream->at, stream->size};
    return whole->store_was_full || cut->store_was_full || holds(sent, "incr") ||
           holds(sent, "decr") || holds(sent, "ma ") || holds(sent, "debugtime r") ||
           holds(peer_text(&whole->replies), "ERROR cannot pipeline") ||
           holds(peer_text(&cut->replies), "ERROR cannot pipeline") ||
           (cut->closed && has_long_line(stream));
}

static void check_alike(const struct session_stream *stream, struct outcome *whole,
                        struct outcome *cut)
{
    remove_statistics(&whole->replies);
    remove_statistics(&cut->replies);
    struct slice a = peer_text(&whole->replies);
    struct slice b = peer_text(&cut->replies);
    if ((whole->closed == cut->closed && slice_equal(a, b)) || may_differ(stream, whole, cut))
        return;
    fprintf(stderr, "at once:\n%.*s\nin pieces:\n%.*s\n", (int)a.size, a.at, (int)b.size, b.at);
    abort();
}

/* --- beside a witness --------------------------------------------------------------------------
 */

static void deliver_beside_witness(const struct session_stream *stream, unsigned bits,
                                   struct pieces pieces)
{
    struct server server;
    struct peer peer;
    struct peer witness;
    struct text witness_input;
    struct slice sent = {stream->at, stream->size};
    if (holds(sent, WITNESS_KEY) || holds(sent, WITNESS_KEY_IN_BASE64))
        return;
    text_init(&witness_input);
    witness_write(&witness_input);
    server_start(&server, bits & ~(unsigned)WITH_PASSWORDS);
    peer_init(&peer, server.thread, sent);
    peer_init(&witness, server.thread, peer_text(&witness_input));
    bool going = true;
    while (going) {
        going = peer_step(&peer, next_piece(&pieces, &peer));
        going |= peer_step(&witness, 1 + draw(&pieces) % 30000);
        if (server.has_told)
            take_told(&server);
    }
    check_replies(&peer);
    witness_check(peer_text(&witness.replies));
    check_not_stuck(&peer);
    peer_end(&witness);
    peer_end(&peer);
    check_store(&server);
    text_end(&witness_input);
    server_end(&server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_stream stream;
    if (size < HEAD_SIZE)
        return 0;
    session_stream_init(&stream, data + HEAD_SIZE, size - HEAD_SIZE);
    struct pieces pieces = pieces_of(&stream, data[1], data[2]);
    if (data[0] & WITH_WITNESS) {
        deliver_beside_witness(&stream, data[0], pieces);
    } else {
        struct session_stream uncut = {.at = stream.at, .size = stream.size};
        struct outcome cut = deliver(&stream, data[0], 0, pieces);
        struct outcome whole =
            deliver(&stream, data[0], LOGS_REQUESTS, pieces_of(&uncut, CUT_WHERE_MARKED, 0));
        check_alike(&stream, &whole, &cut);
        text_end(&cut.replies);
        text_end(&whole.replies);
    }
    return 0;
}
