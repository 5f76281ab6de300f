#ifndef LARDER_ADDRESS_H
#define LARDER_ADDRESS_H

/*
 * Socket addresses as memcached's `stats conns` prints them: tcp:127.0.0.1:11211, tcp6:[::1]:11211,
 * unix:/path; a client of a unix socket has no name and is ?:<AF 0>.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_SIZE 128 /* room for any of them and its NUL */

void address_format(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *address,
                    socklen_t size);

/* The other end in parts. A unix socket's is unix; one that is gone already, unknown. */
struct peer {
    char host[ADDRESS_TEXT_SIZE];
    uint16_t port;
    const char *transport; /* tcp or local */
};

void peer_read(struct peer *peer, int descriptor);

/* Of a socket's own end, or of the other one. */
void address_format_local(char text[ADDRESS_TEXT_SIZE], int descriptor);
void address_format_peer(char text[ADDRESS_TEXT_SIZE], int descriptor);

#endif
