#ifndef LARDER_SESSION_PEER_H
#define LARDER_SESSION_PEER_H

/*
 * One connection as the session sees it: bytes that are delivered bit by bit, replies that are
 * taken up bit by bit. Each step is a turn of its own. What the session promises its connection is
 * checked at each step; input and output lie in blocks of their very size.
 */

#include "base/text.h"
#include "proto/proto.h"

struct peer {
    struct session session;
    struct proto_thread *thread; /* lent */
    struct slice input;          /* not delivered yet; lent */
    char *delivered;             /* ends with what is unread; owned */
    struct slice unread;
    char *output; /* owned */
    enum session_state state;
    bool has_tail;
    bool closed;
    unsigned idle_runs; /* since something moved */
    struct text replies;
};

static inline struct slice peer_text(const struct text *text)
{
    return text->size == 0 ? SLICE_LITERAL("") : (struct slice){text->at, text->size};
}

void peer_init(struct peer *peer, struct proto_thread *thread, struct slice input);
void peer_end(struct peer *peer);

/* Moves at most `most` bytes, at least one, in or out. false: the session waits for input that the
 * peer does not have, or is closed. */
bool peer_step(struct peer *peer, size_t most);

/* Whether a request is under way that only more input can end. */
bool peer_is_in_value(const struct peer *peer);

#endif
