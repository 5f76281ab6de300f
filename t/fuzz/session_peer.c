#include "config.h"

#include "session_peer.h"

#include "base/check.h"

#include <stdlib.h>

#define OUTPUT_SIZE PROTO_OUTPUT_SIZE_MIN
#define TAIL_VECTORS 3
#define IDLE_RUNS_MAX 100000 /* a walk over all items gives nothing to see meanwhile */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void peer_init(struct peer *peer, struct proto_thread *thread, struct slice input)
{
    *peer = (struct peer){.thread = thread, .input = input, .state = SESSION_READING};
    peer->output = malloc(OUTPUT_SIZE);
    CHECK(peer->output != NULL);
    session_init(&peer->session);
    text_init(&peer->replies);
}

void peer_end(struct peer *peer)
{
    proto_turn_start(peer->thread);
    session_end(&peer->session, peer->thread);
    proto_turn_stop(peer->thread);
    text_end(&peer->replies);
    free(peer->delivered);
    free(peer->output);
}

/* So many bytes more of the input, behind what is unread, in a block that ends with them. */
static void deliver(struct peer *peer, size_t more)
{
    size_t size = peer->unread.size;
    char *block = malloc(size + more);
    CHECK(block != NULL);
    if (size > 0)
        memcpy(block, peer->unread.at, size);
    memcpy(block + size, peer->input.at, more);
    peer->input.at += more;
    peer->input.size -= more;
    free(peer->delivered);
    peer->delivered = block;
    peer->unread = (struct slice){block, size + more};
}

static void fill(struct peer *peer, size_t most)
{
    struct store_room room = session_fill_room(&peer->session);
    CHECK(peer->unread.size == 0);
    if (room.size == 0)
        return;
    size_t size = smaller(smaller(room.size, most), peer->input.size);
    memcpy(room.at, peer->input.at, size);
    session_fill_advance(&peer->session, size);
    peer->input.at += size;
    peer->input.size -= size;
}

static void send_tail(struct peer *peer, size_t most)
{
    struct iovec vectors[TAIL_VECTORS];
    int count = session_tail(&peer->session, vectors, TAIL_VECTORS);
    CHECK(count >= 0 && count <= TAIL_VECTORS);
    size_t sent = 0;
    for (int i = 0; i < count && sent < most; i++) {
        CHECK(vectors[i].iov_len > 0);
        size_t size = smaller(vectors[i].iov_len, most - sent);
        text_add(&peer->replies, (struct slice){vectors[i].iov_base, size});
        sent += size;
    }
    if (sent > 0)
        session_tail_sent(&peer->session, sent);
    peer->has_tail = count > 0;
}

static void run(struct peer *peer)
{
    struct session_buffers buffers = {
        .in = peer->unread,
        .out = peer->output,
        .out_capacity = OUTPUT_SIZE,
    };
    peer->state = session_run(&peer->session, peer->thread, &buffers);
    CHECK(buffers.in.size <= peer->unread.size && buffers.out_size <= OUTPUT_SIZE);
    bool moved = buffers.in.size < peer->unread.size || buffers.out_size > 0;
    peer->idle_runs = moved ? 0 : peer->idle_runs + 1;
    CHECK(peer->idle_runs < IDLE_RUNS_MAX);
    CHECK(buffers.gap_count == 0 || peer->state == SESSION_READING);
    output_fill_gaps(&buffers);
    text_add(&peer->replies, (struct slice){buffers.out, buffers.out_size});
    peer->unread = buffers.in;
    peer->has_tail = true;
    peer->closed = peer->state == SESSION_CLOSING || peer->state == SESSION_WATCHING;
}

static void check_wishes(const struct peer *peer)
{
    size_t wanted = session_input_wanted(&peer->session);
    CHECK(session_state_name(&peer->session) != NULL);
    if (peer->state == SESSION_READING)
        CHECK(wanted > peer->unread.size && wanted <= PROTO_INPUT_SIZE_MAX);
    if (peer->state == SESSION_FILLING)
        CHECK(peer->unread.size == 0);
}

bool peer_step(struct peer *peer, size_t most)
{
    bool wants_input = peer->state == SESSION_READING || peer->state == SESSION_FILLING;
    if (peer->has_tail) {
        send_tail(peer, most);
        return true;
    }
    if (peer->closed || (wants_input && peer->input.size == 0))
        return false;
    proto_turn_start(peer->thread);
    if (peer->state == SESSION_FILLING)
        fill(peer, most);
    else if (peer->state == SESSION_READING)
        deliver(peer, smaller(most, peer->input.size));
    run(peer);
    check_wishes(peer);
    proto_turn_stop(peer->thread);
    return true;
}

bool peer_is_in_value(const struct peer *peer)
{
    const char *name = session_state_name(&peer->session);
    return strcmp(name, "conn_nread") == 0 || strcmp(name, "conn_swallow") == 0;
}
