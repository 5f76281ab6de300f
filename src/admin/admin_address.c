#include "config.h"

#include "admin/admin_address.h"

#include "base/number.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool copy(char to[INET6_ADDRSTRLEN], struct slice host)
{
    if (host.size >= INET6_ADDRSTRLEN || memchr(host.at, '\0', host.size) != NULL)
        return false;
    memcpy(to, host.at, host.size);
    to[host.size] = '\0';
    return true;
}

static bool parse_v6(struct admin_address *address, struct slice host, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address->size = sizeof(*v6);
    return copy(text, host) && inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

static bool parse_v4(struct admin_address *address, struct slice host, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address->size = sizeof(*v4);
    return copy(text, host) && inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

bool admin_address_parse(struct admin_address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint32_t port;
    *address = (struct admin_address){0};
    if (colon == NULL || !number_parse_u32(slice_of(colon + 1), &port) || port > UINT16_MAX)
        return false;
    struct slice host = {text, (size_t)(colon - text)};
    if (host.size < 2 || host.at[0] != '[')
        return parse_v4(address, host, (uint16_t)port);
    struct slice inner = {host.at + 1, host.size - 2};
    return host.at[host.size - 1] == ']' && parse_v6(address, inner, (uint16_t)port);
}

bool admin_address_is_literal(struct slice host)
{
    struct admin_address address = {0};
    return parse_v4(&address, host, 0) || parse_v6(&address, host, 0);
}

void admin_address_write(const struct admin_address *address, struct text *text)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->socket.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        text_format(text, "http://[%s]:%u/", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        text_format(text, "http://%s:%u/", host, (unsigned)ntohs(v4->sin_port));
    }
}

bool admin_address_is_loopback(const struct admin_address *address)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
    if (address->socket.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
