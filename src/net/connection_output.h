#ifndef LARDER_CONNECTION_OUTPUT_H
#define LARDER_CONNECTION_OUTPUT_H

/*
 * Sending what a session has said: its output, values that it has lent to that, and its tail, in as
 * few calls as they take. The connection's worker, while the connection runs.
 */

#include "net/connection.h"
#include "net/worker.h"

#define MOVED_MAX (1u << 20) /* bytes that one turn may move before others come first */

enum send_outcome {
    SENT_ALL,
    SENT_SHORT,  /* the socket takes no more; what was lent has joined the output */
    SENT_ENOUGH, /* for this turn */
    SEND_FAILED,
};

enum send_outcome connection_send(struct connection *connection);

static inline bool connection_has_moved_enough(const struct connection *connection)
{
    return connection->worker->lent.moved >= MOVED_MAX;
}

#endif
