#include "config.h"

#include "net/connection_event.h"

#include "net/address.h"

#include <stdio.h>

struct slice connection_event_write(char text[CONNECTION_EVENT_SIZE_MAX], const char *type,
                                    const char *reason, int descriptor)
{
    struct peer peer;
    peer_read(&peer, descriptor);
    int size =
        snprintf(text, CONNECTION_EVENT_SIZE_MAX, "type=%s rip=%s rport=%u transport=%s%s%s cfd=%d",
                 type, peer.host, (unsigned)peer.port, peer.transport,
                 reason == NULL ? "" : " reason=", reason == NULL ? "" : reason, descriptor);
    return (struct slice){text, (size_t)size};
}

void connection_event_tell(struct proto_thread *thread, const char *type, const char *reason,
                           int descriptor)
{
    char text[CONNECTION_EVENT_SIZE_MAX];
    if (proto_is_watched(thread, WATCH_CONNEVENTS))
        proto_tell(thread, WATCH_CONNEVENTS,
                   connection_event_write(text, type, reason, descriptor));
}
