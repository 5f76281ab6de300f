#include "config.h"

#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static void format_inet(char *text, const struct sockaddr_in *address)
{
    char number[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &address->sin_addr, number, sizeof(number));
    snprintf(text, ADDRESS_TEXT_SIZE, "tcp:%s:%u", number, (unsigned)ntohs(address->sin_port));
}

static void format_inet6(char *text, const struct sockaddr_in6 *address)
{
    char number[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, &address->sin6_addr, number, sizeof(number));
    snprintf(text, ADDRESS_TEXT_SIZE, "tcp6:[%s]:%u", number, (unsigned)ntohs(address->sin6_port));
}

static void format_unix(char *text, const struct sockaddr_un *address, socklen_t size)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    if (size <= head) {
        snprintf(text, ADDRESS_TEXT_SIZE, "?:<AF 0>");
        return;
    }
    int path_size = (int)strnlen(address->sun_path, size - head);
    snprintf(text, ADDRESS_TEXT_SIZE, "unix:%.*s", path_size, address->sun_path);
}

void address_format(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *address,
                    socklen_t size)
{
    if (size >= sizeof(struct sockaddr_in) && address->ss_family == AF_INET)
        format_inet(text, (const struct sockaddr_in *)address);
    else if (size >= sizeof(struct sockaddr_in6) && address->ss_family == AF_INET6)
        format_inet6(text, (const struct sockaddr_in6 *)address);
    else if (address->ss_family == AF_UNIX)
        format_unix(text, (const struct sockaddr_un *)address, size);
    else
        snprintf(text, ADDRESS_TEXT_SIZE, "?:<AF %d>", (int)address->ss_family);
}

void address_format_local(char text[ADDRESS_TEXT_SIZE], int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        size = 0;
    address_format(text, &address, size);
}

void address_format_peer(char text[ADDRESS_TEXT_SIZE], int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getpeername(descriptor, (struct sockaddr *)&address, &size) != 0)
        size = 0;
    address_format(text, &address, size);
}

static void name_peer(struct peer *peer, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, peer->host, sizeof(peer->host));
        peer->port = ntohs(v4->sin_port);
    } else if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, peer->host, sizeof(peer->host));
        peer->port = ntohs(v6->sin6_port);
    }
}

/* The family is that of the socket's own end, which stays when the other one has gone. */
void peer_read(struct peer *peer, int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    bool is_local = getsockname(descriptor, (struct sockaddr *)&address, &size) == 0 &&
                    address.ss_family == AF_UNIX;
    *peer = (struct peer){.host = "unknown", .transport = is_local ? "local" : "tcp"};
    size = sizeof(address);
    if (is_local)
        strcpy(peer->host, "unix");
    else if (getpeername(descriptor, (struct sockaddr *)&address, &size) == 0)
        name_peer(peer, &address);
}
