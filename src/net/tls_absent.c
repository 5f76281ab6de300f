#include "config.h"

#ifndef HAVE_TLS

#include "net/tls.h"

/* A build without OpenSSL: there are no streams, so nothing else is ever called. */

struct tls *tls_create(const struct net_tls_config *config, struct buffer_budget *budget,
                       const char **why)
{
    (void)config;
    (void)budget;
    *why = "this larderd was built without TLS";
    return NULL;
}

void tls_destroy(struct tls *tls)
{
    CHECK(tls == NULL);
}

bool tls_load(struct tls *tls, struct text *why)
{
    (void)why;
    CHECK(tls == NULL);
    return false;
}

uint32_t tls_loaded_at(const struct tls *tls)
{
    CHECK(tls == NULL);
    return 0;
}

struct tls_stream *tls_stream_create(struct tls *tls, int descriptor, enum net_security security)
{
    (void)tls;
    (void)descriptor;
    (void)security;
    return NULL;
}

void tls_stream_destroy(struct tls_stream *stream)
{
    CHECK(stream == NULL);
}

enum tls_progress tls_stream_handshake(struct tls_stream *stream)
{
    CHECK(stream == NULL);
    return TLS_FAILED;
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
    CHECK(stream == NULL);
    return false;
}

const char *tls_stream_failure(void)
{
    return "there is no TLS";
}

ssize_t tls_stream_read(struct tls_stream *stream, void *at, size_t size)
{
    (void)at;
    (void)size;
    CHECK(stream == NULL);
    return -1;
}

ssize_t tls_stream_readv(struct tls_stream *stream, const struct iovec *vectors, int count)
{
    (void)vectors;
    (void)count;
    CHECK(stream == NULL);
    return -1;
}

ssize_t tls_stream_send(struct tls_stream *stream, const struct iovec *vectors, int count)
{
    (void)vectors;
    (void)count;
    CHECK(stream == NULL);
    return -1;
}

void tls_stream_close(struct tls_stream *stream)
{
    CHECK(stream == NULL);
}

bool tls_stream_has_more(const struct tls_stream *stream)
{
    CHECK(stream == NULL);
    return false;
}

bool tls_stream_wants_write(const struct tls_stream *stream)
{
    CHECK(stream == NULL);
    return false;
}

bool tls_stream_is_busy(const struct tls_stream *stream)
{
    CHECK(stream == NULL);
    return false;
}

#endif
