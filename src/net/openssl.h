#ifndef LARDER_OPENSSL_H
#define LARDER_OPENSSL_H

/*
 * OpenSSL, loaded when TLS is wanted and not before: a daemon that is only linked with it pays for
 * it in memory. Its functions are called through the table: openssl.SSL_read(...).
 *
 * What the library allocates is counted in the budget of the connections' buffers. Each thread
 * passes on its share in steps, so the sum is a little too high, never too low.
 *
 * Threads: openssl_load and openssl_stop_counting by one thread, while no other uses the library;
 * then the table is only read.
 */

#include "base/check.h"
#include "net/buffer.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct openssl {
#define OPENSSL_FUNCTION(name) __typeof__(name) *name;
#include "net/openssl.def"
#undef OPENSSL_FUNCTION
};

extern struct openssl openssl;

/* Once in a process. NULL: it is loaded; else why not, a text that stays valid. */
const char *openssl_load(struct buffer_budget *budget);

/* Before the budget goes away. */
void openssl_stop_counting(void);

#endif
