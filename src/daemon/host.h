#ifndef LARDER_HOST_H
#define LARDER_HOST_H

/*
 * What a client may learn from, or ask of, the process and the network: the session_host that is
 * handed down to the protocol.
 *
 * Threads: the functions inside are called by any worker; the fields are set before clients come.
 */

#include "admin/admin.h"
#include "daemon/settings.h"
#include "net/net.h"
#include "proto/proto.h"

struct host {
    const struct settings *settings; /* lent */
    struct net *net;                 /* lent */
    struct protocol *protocol;       /* lent */
    struct store *store;             /* lent */
    struct admin *admin;             /* lent; NULL: there is no admin endpoint */
};

/* Any thread. False, and one line in the log: the old ones stay. */
bool host_refresh_certificates(const struct host *host);

/* Ends net_run; the log, /readyz and the service manager tell of it. Any thread. */
void host_stop(const struct host *host, bool graceful, const char *why);

/* `host` is lent until the protocol is destroyed. */
struct session_host host_for_sessions(struct host *host);

#endif
