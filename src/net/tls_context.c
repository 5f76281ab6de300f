#include "config.h"

#ifdef HAVE_TLS

#include "net/tls_context.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "net/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct tls {
    /* set once at creation */
    struct net_tls_config config;
    BIO_METHOD *method; /* owned */

    /* any thread, under lock */
    struct mutex lock;
    SSL_CTX *context GUARDED_BY(lock); /* owned; each stream keeps a reference of its own */

    /* any thread; a plain number that orders nothing else */
    _Atomic uint32_t loaded_at;
};

/* ---- what may go wrong */

const char *openssl_reason(void)
{
    unsigned long error = openssl.ERR_peek_error();
    const char *reason = error == 0 ? NULL : openssl.ERR_reason_error_string(error);
    if (reason != NULL)
        return reason;
    return ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : "OpenSSL does not say why";
}

static bool fail(struct text *why, const char *option, const char *value)
{
    text_format(why, "-o %s=%s: %s", option, value, openssl_reason());
    return false;
}

/* OpenSSL's own words for a file that can't be opened are hard to read. */
static bool can_open(struct text *why, const char *option, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        text_format(why, "-o %s=%s: %s", option, path, strerror(errno));
        return false;
    }
    close(descriptor);
    return true;
}

/* ---- a context from the config */

/* Nobody is there to ask for the pass phrase of a key. */
static int on_pass_phrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool load_certificate(const struct net_tls_config *config, SSL_CTX *context,
                             struct text *why)
{
    return can_open(why, "ssl_chain_cert", config->chain_path) &&
           (openssl.SSL_CTX_use_certificate_chain_file(context, config->chain_path) == 1 ||
            fail(why, "ssl_chain_cert", config->chain_path));
}

static bool load_key(const struct net_tls_config *config, SSL_CTX *context, struct text *why)
{
    const char *option = config->key_path == NULL ? "ssl_chain_cert" : "ssl_key";
    const char *path = config->key_path == NULL ? config->chain_path : config->key_path;
    int format = config->key_is_der ? SSL_FILETYPE_ASN1 : SSL_FILETYPE_PEM;
    return can_open(why, option, path) &&
           (openssl.SSL_CTX_use_PrivateKey_file(context, path, format) == 1 ||
            fail(why, option, path)) &&
           (openssl.SSL_CTX_check_private_key(context) == 1 || fail(why, option, path));
}

static bool load_authorities(const struct net_tls_config *config, SSL_CTX *context,
                             struct text *why)
{
    const char *path = config->authorities_path;
    if (path == NULL)
        return true;
    if (!can_open(why, "ssl_ca_cert", path))
        return false;
    STACK_OF(X509_NAME) *names = openssl.SSL_load_client_CA_file(path);
    if (names == NULL || openssl.SSL_CTX_load_verify_file(context, path) != 1)
        return fail(why, "ssl_ca_cert", path);
    openssl.SSL_CTX_set_client_CA_list(context, names);
    return true;
}

/*
 * Sessions are resumed by tickets, which the client keeps: the server's side costs no memory. The
 * keys of tickets are the context's, so they change when the certificates are read again.
 */
static void set_resumption(const struct net_tls_config *config, SSL_CTX *context)
{
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    if (config->resume)
        return;
    openssl.SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    openssl.SSL_CTX_set_num_tickets(context, 0);
}

static void set_rules(const struct net_tls_config *config, SSL_CTX *context)
{
    static const long versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    CHECK(config->version_min < ARRAY_COUNT(versions));
    openssl.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                             SSL_OP_CIPHER_SERVER_PREFERENCE);
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, versions[config->version_min],
                         NULL);
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_MODE,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS,
                         NULL);
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, NULL);
    openssl.SSL_CTX_set_default_passwd_cb(context, on_pass_phrase);
    if (config->wipe)
        openssl.SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
    set_resumption(config, context);
}

static SSL_CTX *create_context(const struct net_tls_config *config, struct text *why)
{
    openssl.ERR_clear_error();
    SSL_CTX *context = openssl.SSL_CTX_new(openssl.TLS_server_method());
    if (context == NULL) {
        text_format(why, "OpenSSL gives no context: %s", openssl_reason());
        return NULL;
    }
    set_rules(config, context);
    bool fine = load_certificate(config, context, why) && load_key(config, context, why) &&
                load_authorities(config, context, why) &&
                (config->ciphers == NULL ||
                 openssl.SSL_CTX_set_cipher_list(context, config->ciphers) == 1 ||
                 fail(why, "ssl_ciphers", config->ciphers));
    if (fine)
        return context;
    openssl.SSL_CTX_free(context);
    openssl.ERR_clear_error();
    return NULL;
}

bool tls_load(struct tls *tls, struct text *why)
{
    SSL_CTX *fresh = create_context(&tls->config, why);
    if (fresh == NULL)
        return false;
    mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = fresh;
    mutex_unlock(&tls->lock);
    openssl.SSL_CTX_free(old);
    atomic_store_explicit(&tls->loaded_at, clock_seconds(), memory_order_relaxed);
    return true;
}

uint32_t tls_loaded_at(const struct tls *tls)
{
    return atomic_load_explicit(&((struct tls *)tls)->loaded_at, memory_order_relaxed);
}

/* ---- for streams */

static int verification_of(const struct tls *tls, enum net_security security)
{
    static const int modes[] = {
        [NET_VERIFY_NONE] = SSL_VERIFY_NONE,
        [NET_VERIFY_REQUEST] = SSL_VERIFY_PEER,
        [NET_VERIFY_REQUIRE] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
        [NET_VERIFY_ONCE] =
            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT | SSL_VERIFY_CLIENT_ONCE,
    };
    if (security == NET_TLS_ONE_SIDED)
        return SSL_VERIFY_NONE;
    if (security == NET_TLS_MUTUAL)
        return modes[NET_VERIFY_REQUIRE];
    return modes[tls->config.verify];
}

/*
 * Who resumes a session shows no certificate again. So one listener's ticket is nothing to another
 * that verifies otherwise: else a client without a certificate would come in by way of btls:.
 */
static bool set_verification(SSL *ssl, int verification)
{
    unsigned char name[] = {'l', 'a', 'r', 'd', 'e', 'r', (unsigned char)verification};
    openssl.SSL_set_verify(ssl, verification, NULL);
    return openssl.SSL_set_session_id_context(ssl, name, sizeof(name)) == 1;
}

SSL *tls_new_session(struct tls *tls, enum net_security security)
{
    mutex_lock(&tls->lock);
    SSL *ssl = openssl.SSL_new(tls->context);
    mutex_unlock(&tls->lock);
    if (ssl == NULL || set_verification(ssl, verification_of(tls, security)))
        return ssl;
    openssl.SSL_free(ssl);
    return NULL;
}

BIO *tls_new_bio(struct tls *tls)
{
    return openssl.BIO_new(tls->method);
}

/* ---- life */

struct tls *tls_create(const struct net_tls_config *config, struct buffer_budget *budget,
                       const char **why)
{
    *why = openssl_load(budget);
    if (*why != NULL)
        return NULL;
    struct tls *tls = calloc(1, sizeof(*tls));
    BIO_METHOD *method = tls_stream_method();
    *why = "no memory for TLS";
    if (tls == NULL || method == NULL) {
        openssl_stop_counting();
        free(tls);
        return NULL;
    }
    tls->config = *config;
    tls->method = method;
    mutex_init(&tls->lock, LOCK_TLS);
    return tls;
}

void tls_destroy(struct tls *tls) NO_THREAD_CHECK
{
    if (tls == NULL)
        return;
    openssl.SSL_CTX_free(tls->context);
    openssl.BIO_meth_free(tls->method);
    openssl_stop_counting();
    mutex_end(&tls->lock);
    free(tls);
}

#endif
