#ifndef LARDER_CONNECTION_EVENT_H
#define LARDER_CONNECTION_EVENT_H

/* What watchers of connevents are told: that a client has come, or gone and why. */

#include "base/slice.h"
#include "proto/proto.h"

#define CONNECTION_EVENT_SIZE_MAX 256

/* type: conn_new or conn_close; reason: normal, error, idle_timeout or shutdown, or NULL. */
struct slice connection_event_write(char text[CONNECTION_EVENT_SIZE_MAX], const char *type,
                                    const char *reason, int descriptor);

/* Tells it, if anybody watches. The thread's own. */
void connection_event_tell(struct proto_thread *thread, const char *type, const char *reason,
                           int descriptor);

#endif
