#include "config.h"

#include "net/connection_output.h"

#include "net/transport.h"

#include <errno.h>

#define VECTORS_MAX (OUTPUT_VECTORS_MAX + 15)

/* The output, then the tail, in one call as far as VECTORS_MAX goes. */
static int gather_unsent(struct connection *connection, struct iovec vectors[VECTORS_MAX])
{
    struct slice unsent = connection->worker->lent.unsent;
    const struct session_buffers *buffers = &connection->worker->lent.session;
    int count = 0;
    if (buffers->gap_count > 0)
        count = output_vectors(buffers, vectors);
    else if (unsent.size > 0)
        vectors[count++] = (struct iovec){(char *)unsent.at, unsent.size};
    return count + session_tail(&connection->session, vectors + count, VECTORS_MAX - count);
}

static void account_for_sent(struct connection *connection, size_t size)
{
    struct worker *worker = connection->worker;
    struct slice *unsent = &worker->lent.unsent;
    counter_add(&worker->counters.bytes_written, size);
    worker->lent.moved += size;
    size_t from_output = size < unsent->size ? size : unsent->size;
    unsent->at += from_output;
    unsent->size -= from_output;
    if (size > from_output)
        session_tail_sent(&connection->session, size - from_output);
}

/* One call, for as much as it takes. */
static ssize_t send_some(struct connection *connection, size_t *offered)
{
    struct slice unsent = connection->worker->lent.unsent;
    *offered = unsent.size;
    if (LIKELY(!session_may_have_tail(&connection->session) &&
               connection->worker->lent.session.gap_count == 0))
        return transport_send(connection->tls, connection->descriptor,
                              &(struct iovec){(char *)unsent.at, unsent.size}, 1);
    struct iovec vectors[VECTORS_MAX];
    int count = gather_unsent(connection, vectors);
    *offered = 0;
    for (int i = 0; i < count; i++)
        *offered += vectors[i].iov_len;
    return transport_send(connection->tls, connection->descriptor, vectors, count);
}

static bool has_unsent(struct connection *connection)
{
    struct iovec vector;
    return connection->worker->lent.unsent.size > 0 ||
           (session_may_have_tail(&connection->session) &&
            session_tail(&connection->session, &vector, 1) > 0);
}

/* Values that were lent to the output are sent, or join it for good. */
static void end_lending(struct session_buffers *buffers, bool all_sent)
{
    if (UNLIKELY(buffers->gap_count > 0 && !all_sent))
        output_fill_gaps(buffers);
    buffers->gap_count = 0;
}

enum send_outcome connection_send(struct connection *connection)
{
    while (has_unsent(connection)) {
        size_t offered;
        ssize_t size = send_some(connection, &offered);
        end_lending(&connection->worker->lent.session, size == (ssize_t)offered);
        if (UNLIKELY(size < 0)) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN ? SENT_SHORT : SEND_FAILED;
        }
        account_for_sent(connection, (size_t)size);
        if ((size_t)size < offered)
            return SENT_SHORT;
        if (connection_has_moved_enough(connection))
            return SENT_ENOUGH;
    }
    return SENT_ALL;
}
