#include "config.h"

#include "tools/bench_tls.h"

#ifdef HAVE_TLS

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define HANDSHAKE_SECONDS 10
#define HOST_SIZE 256

struct bench_tls {
    SSL_CTX *context; /* owned */
};

struct bench_stream {
    SSL *ssl; /* owned */
};

static const char *say(const char *what, const char *path)
{
    static _Thread_local char text[320];
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    if (reason == NULL)
        reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
                                         : "the server does not speak TLS, or has closed";
    snprintf(text, sizeof(text), "%s%s: %s", what, path, reason);
    return text;
}

/* NULL, or what is wrong. */
static const char *load_files(SSL_CTX *context, const struct bench_tls_config *config)
{
    const char *key_path = config->key_path != NULL ? config->key_path : config->cert_path;
    if (config->ca_path != NULL && SSL_CTX_load_verify_file(context, config->ca_path) != 1)
        return say("--tls-ca ", config->ca_path);
    if (config->ca_path == NULL)
        SSL_CTX_set_default_verify_paths(context);
    if (config->cert_path == NULL)
        return NULL;
    if (SSL_CTX_use_certificate_chain_file(context, config->cert_path) != 1)
        return say("--tls-cert ", config->cert_path);
    if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1)
        return say("--tls-key ", key_path);
    return NULL;
}

struct bench_tls *bench_tls_create(const struct bench_tls_config *config, const char **why)
{
    struct bench_tls *tls = calloc(1, sizeof(*tls));
    *why = "no memory for TLS";
    if (tls == NULL)
        return NULL;
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context != NULL)
        *why = load_files(tls->context, config);
    if (*why != NULL) {
        bench_tls_destroy(tls);
        return NULL;
    }
    SSL_CTX_set_mode(tls->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls->context, config->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    return tls;
}

void bench_tls_destroy(struct bench_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* HOST:PORT, [ADDRESS]:PORT, HOST or PORT; a port alone is this machine's. */
static void cut_host(const char *server, char host[HOST_SIZE])
{
    if (server[strspn(server, "0123456789")] == '\0')
        server = "127.0.0.1";
    bool in_brackets = server[0] == '[';
    size_t size = in_brackets ? strcspn(++server, "]") : strcspn(server, ":");
    snprintf(host, HOST_SIZE, "%.*s", (int)size, server);
}

/* Whom the certificate must name. */
static void expect_host(SSL *ssl, const char *server)
{
    char host[HOST_SIZE];
    cut_host(server, host);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return;
    SSL_set1_host(ssl, host);
    SSL_set_tlsext_host_name(ssl, host);
}

static void set_patience(int fd, time_t seconds)
{
    const struct timeval patience = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

struct bench_stream *bench_stream_create(struct bench_tls *tls, int fd, const char *server,
                                         const char **why)
{
    struct bench_stream *stream = calloc(1, sizeof(*stream));
    SSL *ssl = SSL_new(tls->context);
    *why = "no memory for TLS";
    if (stream == NULL || ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        free(stream);
        return NULL;
    }
    stream->ssl = ssl;
    expect_host(ssl, server);
    set_patience(fd, HANDSHAKE_SECONDS);
    ERR_clear_error();
    if (SSL_connect(ssl) != 1) {
        *why = say("TLS", "");
        bench_stream_destroy(stream);
        return NULL;
    }
    set_patience(fd, 0);
    return stream;
}

void bench_stream_destroy(struct bench_stream *stream)
{
    if (stream == NULL)
        return;
    SSL_free(stream->ssl);
    free(stream);
}

static ssize_t judge(struct bench_stream *stream, int result)
{
    int error = SSL_get_error(stream->ssl, result);
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

ssize_t bench_stream_read(struct bench_stream *stream, char *at, size_t size)
{
    ERR_clear_error();
    int result = SSL_read(stream->ssl, at, size < INT_MAX ? (int)size : INT_MAX);
    return result > 0 ? result : judge(stream, result);
}

ssize_t bench_stream_write(struct bench_stream *stream, const char *at, size_t size)
{
    ERR_clear_error();
    int result = SSL_write(stream->ssl, at, size < INT_MAX ? (int)size : INT_MAX);
    return result > 0 ? result : judge(stream, result);
}

#else

struct bench_tls *bench_tls_create(const struct bench_tls_config *config, const char **why)
{
    (void)config;
    *why = "this program was built without TLS";
    return NULL;
}

void bench_tls_destroy(struct bench_tls *tls)
{
    CHECK(tls == NULL);
}

struct bench_stream *bench_stream_create(struct bench_tls *tls, int fd, const char *server,
                                         const char **why)
{
    (void)fd;
    (void)server;
    (void)why;
    CHECK(tls == NULL);
    return NULL;
}

void bench_stream_destroy(struct bench_stream *stream)
{
    CHECK(stream == NULL);
}

ssize_t bench_stream_read(struct bench_stream *stream, char *at, size_t size)
{
    (void)at;
    (void)size;
    CHECK(stream == NULL);
    return -1;
}

ssize_t bench_stream_write(struct bench_stream *stream, const char *at, size_t size)
{
    (void)at;
    (void)size;
    CHECK(stream == NULL);
    return -1;
}

#endif
