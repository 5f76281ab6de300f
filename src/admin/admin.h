#ifndef LARDER_ADMIN_H
#define LARDER_ADMIN_H

/*
 * The admin endpoint: an HTTP server, on a thread and an event loop of its own, that lets its owner
 * look into the cache: metrics, a page, health. It reads and samples, and changes nothing; it hands
 * out no values.
 *
 * Threads: the functions here are called by the thread that made it.
 *
 * Life: create (listens), start (answers), destroy (stops answering and joins its thread), all
 * while protocol, store and network exist.
 */

#include "base/check.h"
#include "base/text.h"
#include "net/net.h"
#include "proto/proto.h"
#include "store/store.h"

#include <stdbool.h>

struct admin;

/* Bytes that it takes at most, to be counted as the process's own: history, replies under way,
 * connections, stack. */
#define ADMIN_MEMORY ((size_t)2 << 20)

/* Descriptors that it may hold. */
#define ADMIN_DESCRIPTORS 40

struct admin_config {
    struct store *store;       /* lent */
    struct protocol *protocol; /* lent */
    struct net *net;           /* lent */
    const char *address;       /* 127.0.0.1:11212 or [::1]:11212; port 0 is a free one; lent */
    const char *host_name;     /* that requests may name in Host beside addresses, or NULL; lent */
    bool keys_allowed;         /* /keys lists keys */
};

/* NULL: *why is a line, static or valid until the next call. */
struct admin *admin_create(const struct admin_config *config, const char **why);
void admin_destroy(struct admin *admin); /* NULL may be given */

MUST_USE bool admin_start(struct admin *admin, const char **why);

/* What /readyz answers: whether clients are wanted. */
void admin_set_ready(struct admin *admin, bool ready);

/* "http://127.0.0.1:11212/" */
void admin_write_address(const struct admin *admin, struct text *text);

/* Nobody outside this machine can reach it. */
bool admin_is_on_loopback(const struct admin *admin);

#endif
