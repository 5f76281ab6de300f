#ifndef LARDER_SESSION_PLAYER_H
#define LARDER_SESSION_PLAYER_H

/* Plays the network's part for the tests of the protocol: bytes in pieces of any size, replies out.
 */

#include "base/clock.h"
#include "base/hash.h"
#include "proto/proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PLAYER_WHOLE SIZE_MAX

struct player {
    struct store *store;
    struct protocol *protocol;
    struct proto_thread *thread;
    struct text replies; /* of the last input played */
    unsigned yields;
    unsigned sends;
    bool closed;
    bool shut_down;
};

static inline void player_no_gauges(void *context, struct server_gauges *gauges)
{
    (void)context;
    *gauges = (struct server_gauges){0};
}

static inline void player_no_lines(void *context, struct text *text)
{
    (void)context;
    (void)text;
}

static inline void player_no_reset(void *context)
{
    (void)context;
}

static inline void player_shut_down(void *context, bool graceful)
{
    struct player *player = context;
    (void)graceful;
    player->shut_down = true;
}

/* `change` may alter the defaults before the protocol is made. */
static inline void player_start(struct player *player, void (*change)(struct protocol_config *))
{
    const char *why = NULL;
    struct store_config store_config = {.memory_size = 16 << 20,
                                        .item_size_max = 1 << 20,
                                        .writer_count = 1,
                                        .evict = true,
                                        .cas = true};
    clock_start();
    hash_start(1);
    *player = (struct player){.store = store_create(&store_config, &why)};
    assert_non_null(player->store);
    struct protocol_config config = {.store = player->store,
                                     .host = {.context = player,
                                              .read_gauges = player_no_gauges,
                                              .write_settings = player_no_lines,
                                              .write_connections = player_no_lines,
                                              .reset_counters = player_no_reset,
                                              .shutdown = player_shut_down},
                                     .event_version = "2.1.12-stable",
                                     .item_size_max = 1 << 20,
                                     .requests_per_turn = 20,
                                     .flush_allowed = true,
                                     .cas = true,
                                     .debug_commands = true};
    if (change != NULL)
        change(&config);
    player->protocol = protocol_create(&config);
    assert_non_null(player->protocol);
    player->thread = proto_thread_create(player->protocol);
    assert_non_null(player->thread);
    text_init(&player->replies);
}

static inline void player_end(struct player *player)
{
    text_end(&player->replies);
    proto_thread_destroy(player->thread);
    protocol_destroy(player->protocol);
    store_destroy(player->store);
}

/* The output, then the tail in sends of at most 7000 bytes. */
static inline void player_send(struct player *player, struct session *session,
                               struct session_buffers *buffers)
{
    struct iovec vectors[OUTPUT_VECTORS_MAX];
    int count = output_vectors(buffers, vectors);
    for (int i = 0; i < count; i++)
        text_add(&player->replies, (struct slice){vectors[i].iov_base, vectors[i].iov_len});
    buffers->gap_count = 0;
    buffers->out_size = 0;
    player->sends++;
    while ((count = session_tail(session, vectors, 3)) > 0) {
        size_t size = vectors[0].iov_len < 7000 ? vectors[0].iov_len : 7000;
        text_add(&player->replies, (struct slice){vectors[0].iov_base, size});
        session_tail_sent(session, size);
    }
}

static inline size_t player_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Moves the next bytes of *input straight into the session's room. */
static inline void player_fill(struct session *session, struct slice *input, size_t piece)
{
    struct store_room room = session_fill_room(session);
    size_t size = player_smaller(player_smaller(room.size, piece), input->size);
    memcpy(room.at, input->at, size);
    session_fill_advance(session, size);
    input->at += size;
    input->size -= size;
}

/*
 * One connection that sends the input in pieces of that size, each read before the next comes. The
 * bytes that the session may look at are copied to their own place on the heap, so that a sanitizer
 * sees every step beyond them.
 */
static inline void player_play(struct player *player, struct slice input, size_t piece)
{
    static char output[PROTO_OUTPUT_SIZE_MIN];
    struct session session;
    struct session_buffers buffers = {.out = output, .out_capacity = sizeof(output)};
    char *read = NULL;
    size_t left = 0; /* of what was read, unanswered */
    bool ended = false;
    player->replies.size = 0;
    player->closed = false;
    session_init(&session);
    while (!ended) {
        proto_turn_start(player->thread);
        buffers.in = (struct slice){read, left};
        enum session_state state = session_run(&session, player->thread, &buffers);
        player->yields += state == SESSION_YIELDING;
        if (state != SESSION_YIELDING)
            player_send(player, &session, &buffers);
        size_t size = player_smaller(piece, input.size);
        if (state == SESSION_FILLING) {
            assert_int_equal(buffers.in.size, 0);
            player_fill(&session, &input, size);
            ended = size == 0;
            size = 0;
        } else if (state == SESSION_READING) {
            assert_true(session_input_wanted(&session) > buffers.in.size);
            ended = size == 0;
        } else {
            size = 0;
        }
        char *room = malloc(buffers.in.size + size + 1);
        assert_non_null(room);
        if (buffers.in.size > 0)
            memcpy(room, buffers.in.at, buffers.in.size);
        if (size > 0)
            memcpy(room + buffers.in.size, input.at, size);
        left = buffers.in.size + size;
        input.at += size;
        input.size -= size;
        free(read);
        read = room;
        if (state == SESSION_CLOSING)
            player->closed = ended = true;
        proto_turn_stop(player->thread);
    }
    proto_turn_start(player->thread);
    session_end(&session, player->thread);
    proto_turn_stop(player->thread);
    free(read);
}

/* What the given text is answered, all of it at once. */
#define PLAYER_EXPECT(player, input, expected)                                                     \
    do {                                                                                           \
        player_play((player), SLICE_LITERAL(input), PLAYER_WHOLE);                                 \
        text_add(&(player)->replies, (struct slice){"", 1});                                       \
        assert_string_equal((player)->replies.at, expected);                                       \
    } while (0)

#endif
