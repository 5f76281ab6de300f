#ifndef LARDER_SERVER_H
#define LARDER_SERVER_H

/* The layers put together: store, protocol and network, from the settings. */

#include "base/check.h"
#include "daemon/listen_addresses.h"
#include "daemon/settings.h"

/* Serves until a signal or a client ends it; a status of sysexits.h, after one line in the log
 * unless it is EX_OK. */
MUST_USE int server_run(const struct settings *settings, const struct listen_addresses *addresses);

#endif
