#ifndef LARDER_TLS_H
#define LARDER_TLS_H

/*
 * TLS for the connections: the certificates and rules that all of them share (struct tls), and the
 * encrypted stream of one of them (struct tls_stream). Nothing here ever waits: what can't go on
 * says so, and is called again when the descriptor is ready.
 *
 * Threads: tls_create, tls_destroy by one thread; tls_load and tls_loaded_at by any; a stream
 * belongs to its connection's worker.
 *
 * Life: tls_create, tls_load, streams..., tls_destroy after the last of them. A stream keeps the
 * certificates that it began with. Without OpenSSL tls_create is all there is, and says so.
 */

#include "base/check.h"
#include "base/text.h"
#include "net/buffer.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;
struct tls_stream;

/* The texts of the config are lent. NULL: *why is a text that stays valid. */
struct tls *tls_create(const struct net_tls_config *config, struct buffer_budget *budget,
                       const char **why);
void tls_destroy(struct tls *tls);

/* Reads all files; false: `why` says what is wrong, and nothing has changed. */
MUST_USE bool tls_load(struct tls *tls, struct text *why);
uint32_t tls_loaded_at(const struct tls *tls); /* of clock_seconds */

/* NULL: no memory. */
struct tls_stream *tls_stream_create(struct tls *tls, int descriptor, enum net_security security);
void tls_stream_destroy(struct tls_stream *stream); /* NULL is none */

enum tls_progress { TLS_READY, TLS_WAITS, TLS_FAILED };

enum tls_progress tls_stream_handshake(struct tls_stream *stream);
bool tls_stream_is_resumed(const struct tls_stream *stream);
const char *tls_stream_failure(void); /* after TLS_FAILED: why */

/*
 * As read, readv and sendmsg: -1 and EAGAIN when there is nothing more for now, -1 and EPROTO when
 * the stream is broken. They go on until all is done or the socket has no more to give or to take.
 */
ssize_t tls_stream_read(struct tls_stream *stream, void *at, size_t size);
ssize_t tls_stream_readv(struct tls_stream *stream, const struct iovec *vectors, int count);
ssize_t tls_stream_send(struct tls_stream *stream, const struct iovec *vectors, int count);

/* Tells the client that nothing more will come. */
void tls_stream_close(struct tls_stream *stream);

/* There is more to read, although the last read came back short and the socket may say nothing. */
bool tls_stream_has_more(const struct tls_stream *stream);

/* It can't go on before there is room to write. */
bool tls_stream_wants_write(const struct tls_stream *stream);

/* It holds part of a record or of a handshake: far more memory than one that is idle. */
bool tls_stream_is_busy(const struct tls_stream *stream);

#endif
