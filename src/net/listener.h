#ifndef LARDER_LISTENER_H
#define LARDER_LISTENER_H

/*
 * Listening sockets: TCP over IPv4 and IPv6, and unix sockets.
 *
 * Threads: the dispatcher's; descriptor, family and port don't change while the listener exists.
 */

#include "base/check.h"
#include "net/net.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

struct dispatcher;

struct listener {
    struct listener *next;
    struct dispatcher *dispatcher; /* set by the dispatcher, with its event */
    struct event event;
    int descriptor;
    int family;
    uint16_t port;
    enum net_security security;
    char *path;   /* owned; of a unix socket */
    dev_t device; /* of the socket's file, so that only that one is ever removed */
    ino_t inode;
};

/* Why a listener could not be opened, for people. */
struct listen_failure {
    char text[320];
};

/*
 * All listeners for a host, in the order that its addresses have. NULL: none was opened, which is
 * no failure when failure->text is empty (optional, and the machine lacks the address).
 */
struct listener *listener_open_tcp(const struct net_tcp_listener *where, int backlog,
                                   struct listen_failure *failure);

/* A stale socket file is replaced; a file that is something else, or in use, is a failure. */
struct listener *listener_open_unix(const char *path, mode_t mode, int backlog,
                                    struct listen_failure *failure);

/*
 * One that somebody else has opened and bound; it is only closed, a unix socket's file stays. What
 * is not TCP is plain.
 */
struct listener *listener_adopt(int descriptor, enum net_security security,
                                struct listen_failure *failure);

/* Closes it and removes a unix socket's file. Its event is not pending. NULL may be given. */
void listener_close(struct listener *listener);

#endif
