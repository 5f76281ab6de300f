#ifndef LARDER_TLS_CONTEXT_H
#define LARDER_TLS_CONTEXT_H

/* What tls_context.c and tls_stream.c have of each other. Threads: any. */

#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

/* With the certificates of now, and the listener's rule for those of clients. NULL: no memory. */
SSL *tls_new_session(struct tls *tls, enum net_security security);

/* Of tls_stream_method. NULL: no memory. */
BIO *tls_new_bio(struct tls *tls);

/* How a stream's bytes get to its socket; its data is the stream. Owned by the caller. */
BIO_METHOD *tls_stream_method(void);

/* What went wrong first, of this thread's last call; static or OpenSSL's own. */
const char *openssl_reason(void);

#endif
