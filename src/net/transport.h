#ifndef LARDER_TRANSPORT_H
#define LARDER_TRANSPORT_H

/*
 * How a connection's bytes come and go: by its socket, or through TLS if `tls` is not NULL. A plain
 * socket costs one branch that the processor guesses right.
 */

#include "net/tls.h"

#include <sys/socket.h>
#include <unistd.h>

static inline ssize_t transport_read(struct tls_stream *tls, int descriptor, void *at, size_t size)
{
    return LIKELY(tls == NULL) ? read(descriptor, at, size) : tls_stream_read(tls, at, size);
}

static inline ssize_t transport_readv(struct tls_stream *tls, int descriptor,
                                      const struct iovec *vectors, int count)
{
    return LIKELY(tls == NULL) ? readv(descriptor, vectors, count)
                               : tls_stream_readv(tls, vectors, count);
}

static inline ssize_t transport_send(struct tls_stream *tls, int descriptor,
                                     const struct iovec *vectors, int count)
{
    if (UNLIKELY(tls != NULL))
        return tls_stream_send(tls, vectors, count);
    if (count == 1)
        return send(descriptor, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

/* No more output. As shutdown. */
static inline int transport_close_output(struct tls_stream *tls, int descriptor)
{
    if (UNLIKELY(tls != NULL))
        tls_stream_close(tls);
    return shutdown(descriptor, SHUT_WR);
}

/* After a read that came back short: whether to ask again, as the socket will not tell. */
static inline bool transport_has_more(const struct tls_stream *tls)
{
    return UNLIKELY(tls != NULL) && tls_stream_has_more(tls);
}

static inline bool transport_wants_write(const struct tls_stream *tls)
{
    return UNLIKELY(tls != NULL) && tls_stream_wants_write(tls);
}

#endif
