#include "config.h"

#ifdef HAVE_TLS

#include "net/tls_context.h"

#include "net/openssl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECORD_SIZE 16384 /* the most bytes that a record can carry */

struct tls_stream {
    SSL *ssl; /* owned, with its BIO */
    int descriptor;
    bool is_dry;      /* the last recv came back short: asking again would only say EAGAIN */
    bool wants_write; /* what was tried last can't go on before there is room */
    bool is_ready;    /* the handshake is done */
    bool has_ended;   /* by the client or by an error: there is nothing more to read */
};

/* ---- to and from the socket */

static int say_again(BIO *bio, int what)
{
    openssl.BIO_set_flags(bio, what | BIO_FLAGS_SHOULD_RETRY);
    return -1;
}

static int on_bio_read(BIO *bio, char *at, int size)
{
    struct tls_stream *stream = openssl.BIO_get_data(bio);
    openssl.BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (stream->is_dry)
        return say_again(bio, BIO_FLAGS_READ);
    ssize_t got = recv(stream->descriptor, at, (size_t)size, 0);
    stream->is_dry = got < size;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return say_again(bio, BIO_FLAGS_READ);
    return (int)got;
}

static int on_bio_write(BIO *bio, const char *at, int size)
{
    struct tls_stream *stream = openssl.BIO_get_data(bio);
    openssl.BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    ssize_t sent = send(stream->descriptor, at, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return say_again(bio, BIO_FLAGS_WRITE);
    return (int)sent;
}

/* Nothing waits in between, so there is nothing to flush. */
static long on_bio_control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_stream_method(void)
{
    BIO_METHOD *method = openssl.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (method == NULL)
        return NULL;
    openssl.BIO_meth_set_read(method, on_bio_read);
    openssl.BIO_meth_set_write(method, on_bio_write);
    openssl.BIO_meth_set_ctrl(method, on_bio_control);
    return method;
}

/* ---- life */

struct tls_stream *tls_stream_create(struct tls *tls, int descriptor, enum net_security security)
{
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    SSL *ssl = tls_new_session(tls, security);
    BIO *bio = tls_new_bio(tls);
    if (ssl == NULL || bio == NULL || stream == NULL) {
        openssl.SSL_free(ssl);
        openssl.BIO_free(bio);
        free(stream);
        return NULL;
    }
    *stream = (struct tls_stream){.ssl = ssl, .descriptor = descriptor};
    openssl.BIO_set_data(bio, stream);
    openssl.BIO_set_init(bio, 1);
    openssl.SSL_set_bio(ssl, bio, bio);
    openssl.SSL_set_accept_state(ssl);
    return stream;
}

void tls_stream_destroy(struct tls_stream *stream)
{
    if (stream == NULL)
        return;
    openssl.SSL_free(stream->ssl);
    free(stream);
}

/* ---- what a call has come to */

static void begin(struct tls_stream *stream)
{
    openssl.ERR_clear_error();
    stream->wants_write = false;
}

/* As read and send tell it: 0 at the end, or -1 and errno. */
static ssize_t judge(struct tls_stream *stream, int result)
{
    switch (openssl.SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        stream->wants_write = true;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        stream->has_ended = true;
        return 0;
    default:
        stream->has_ended = true;
        errno = EPROTO;
        return -1;
    }
}

enum tls_progress tls_stream_handshake(struct tls_stream *stream)
{
    begin(stream);
    stream->is_dry = false;
    int result = openssl.SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->is_ready = true;
        return TLS_READY;
    }
    return judge(stream, result) < 0 && errno == EAGAIN ? TLS_WAITS : TLS_FAILED;
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
    return openssl.SSL_session_reused(stream->ssl) == 1;
}

const char *tls_stream_failure(void)
{
    return openssl.ERR_peek_error() == 0 ? "the client has gone" : openssl_reason();
}

/* ---- reading */

/* Until the room is full or nothing more has come. */
static ssize_t read_on(struct tls_stream *stream, char *at, size_t size)
{
    size_t got = 0;
    while (got < size && !stream->has_ended) {
        size_t room = size - got < INT_MAX ? size - got : INT_MAX;
        int result = openssl.SSL_read(stream->ssl, at + got, (int)room);
        if (result <= 0) {
            ssize_t verdict = judge(stream, result);
            return got > 0 ? (ssize_t)got : verdict;
        }
        got += (size_t)result;
    }
    return (ssize_t)got;
}

ssize_t tls_stream_readv(struct tls_stream *stream, const struct iovec *vectors, int count)
{
    ssize_t sum = 0;
    begin(stream);
    stream->is_dry = false;
    for (int i = 0; i < count; i++) {
        ssize_t got = read_on(stream, vectors[i].iov_base, vectors[i].iov_len);
        if (got <= 0)
            return sum > 0 ? sum : got;
        sum += got;
        if ((size_t)got < vectors[i].iov_len)
            break;
    }
    return sum;
}

ssize_t tls_stream_read(struct tls_stream *stream, void *at, size_t size)
{
    struct iovec vector = {at, size};
    return tls_stream_readv(stream, &vector, 1);
}

bool tls_stream_has_more(const struct tls_stream *stream)
{
    return stream->has_ended;
}

/* ---- sending */

/* How far the vectors are sent. */
struct cursor {
    const struct iovec *vectors;
    int count;
    size_t offset; /* in the first of them */
};

static void advance(struct cursor *cursor, size_t size)
{
    cursor->offset += size;
    while (cursor->count > 0 && cursor->offset >= cursor->vectors->iov_len) {
        cursor->offset -= cursor->vectors->iov_len;
        cursor->vectors++;
        cursor->count--;
    }
}

/*
 * The bytes of the next record: where they lie, if they lie together, else copied. A record that
 * could not be sent must be tried again with the same bytes, and is: they stay unsent until then.
 */
static struct slice next_record(const struct cursor *from, char gathered[RECORD_SIZE])
{
    struct cursor cursor = *from;
    const char *at = (const char *)cursor.vectors->iov_base + cursor.offset;
    size_t together = cursor.vectors->iov_len - cursor.offset;
    if (together >= RECORD_SIZE || cursor.count == 1)
        return (struct slice){at, together < RECORD_SIZE ? together : RECORD_SIZE};
    size_t size = 0;
    while (cursor.count > 0 && size < RECORD_SIZE) {
        size_t left = cursor.vectors->iov_len - cursor.offset;
        size_t taken = left < RECORD_SIZE - size ? left : RECORD_SIZE - size;
        memcpy(gathered + size, (const char *)cursor.vectors->iov_base + cursor.offset, taken);
        size += taken;
        advance(&cursor, taken);
    }
    return (struct slice){gathered, size};
}

ssize_t tls_stream_send(struct tls_stream *stream, const struct iovec *vectors, int count)
{
    char gathered[RECORD_SIZE];
    struct cursor cursor = {vectors, count, 0};
    ssize_t sum = 0;
    begin(stream);
    advance(&cursor, 0);
    while (cursor.count > 0) {
        struct slice record = next_record(&cursor, gathered);
        int result = openssl.SSL_write(stream->ssl, record.at, (int)record.size);
        if (result <= 0) {
            ssize_t verdict = judge(stream, result);
            return sum > 0 ? sum : verdict;
        }
        sum += result;
        advance(&cursor, (size_t)result);
    }
    return sum;
}

void tls_stream_close(struct tls_stream *stream)
{
    begin(stream);
    if (stream->is_ready && !stream->has_ended)
        openssl.SSL_shutdown(stream->ssl);
}

bool tls_stream_wants_write(const struct tls_stream *stream)
{
    return stream->wants_write;
}

bool tls_stream_is_busy(const struct tls_stream *stream)
{
    return !stream->is_ready || stream->wants_write || openssl.SSL_has_pending(stream->ssl) == 1;
}

#endif
