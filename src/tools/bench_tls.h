#ifndef LARDER_BENCH_TLS_H
#define LARDER_BENCH_TLS_H

/*
 * TLS for the load generator: what all its connections have in common, and one connection's stream.
 *
 * Threads: a context is made by one thread and then used by all; a stream belongs to one.
 */

#include "base/check.h"

#include <stdbool.h>
#include <sys/types.h>

struct bench_tls;
struct bench_stream;

struct bench_tls_config {
    const char *ca_path;   /* NULL: those that the system trusts */
    const char *cert_path; /* NULL: no certificate of our own */
    const char *key_path;  /* NULL: in cert_path */
    bool skip_verify;      /* take any certificate of the server */
};

/* NULL: *why says what is wrong; it stays valid until the next call. */
struct bench_tls *bench_tls_create(const struct bench_tls_config *config, const char **why);
void bench_tls_destroy(struct bench_tls *tls); /* NULL is none */

/* Does the handshake on a blocking socket to `server`, HOST:PORT. NULL: *why, as above. */
struct bench_stream *bench_stream_create(struct bench_tls *tls, int fd, const char *server,
                                         const char **why);
void bench_stream_destroy(struct bench_stream *stream); /* NULL is none; leaves the socket open */

/* As recv and send on a socket that does not block; may take or give less than there is. */
ssize_t bench_stream_read(struct bench_stream *stream, char *at, size_t size);
ssize_t bench_stream_write(struct bench_stream *stream, const char *at, size_t size);

#endif
