#include "config.h"

#include "daemon/listen_addresses.h"

#include "daemon/settings.h"

#include "base/log.h"
#include "base/number.h"
#include "base/slice.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return strcmp(host, "localhost") == 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const struct {
    const char *prefix;
    enum net_security security;
} securities[] = {
    {"notls:", NET_PLAIN},
    {"btls:", NET_TLS_ONE_SIDED},
    {"mtls:", NET_TLS_MUTUAL},
};

/* Moves *at past the next of memcached's prefixes; *why says what is wrong with it. False: none. */
static bool take_prefix(char **at, struct listen_address *address, const char **why)
{
    char *text = *at;
    for (size_t i = 0; i < ARRAY_COUNT(securities); i++) {
        if (!starts_with(text, securities[i].prefix))
            continue;
        *at += strlen(securities[i].prefix);
        address->security = securities[i].security;
        return true;
    }
    if (!starts_with(text, "tag[") && !starts_with(text, "proto["))
        return false;
    char *end = strstr(text, "]:");
    if (end == NULL)
        *why = "the prefix has no end, which is ]:";
    else if (text[0] == 'p' && !starts_with(text, "proto[ascii]") &&
             !starts_with(text, "proto[auto]") && !starts_with(text, "proto[negotiating]"))
        *why = "of the protocols only ascii is in this version";
    else
        *at = end + 2;
    return true;
}

/* Cuts host and port apart in place; *port is NULL if the text has none. */
static bool cut_port(char *text, char **host, char **port)
{
    char *first = strchr(text, ':');
    *host = text;
    *port = NULL;
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *host = text + 1;
        *port = end[1] == ':' ? end + 2 : NULL;
        *end = '\0';
    } else if (first != NULL && strchr(first + 1, ':') == NULL) {
        *port = first + 1;
        *first = '\0';
    }
    return (*host)[0] != '\0';
}

/* NULL, or what is wrong. The port is the one of -p unless the text names its own. */
static const char *parse_address(char *text, struct listen_address *address)
{
    const char *why = NULL;
    char *host;
    char *port;
    uint32_t number;
    address->security = NET_TLS;
    while (why == NULL && take_prefix(&text, address, &why))
        ;
    if (why != NULL)
        return why;
    if (!cut_port(text, &host, &port))
        return "wants host, host:port or [v6]:port";
    if (port != NULL) {
        if (!number_parse_u32(slice_of(port), &number) || number > UINT16_MAX)
            return "the port must be 0 to 65535";
        address->port = (uint16_t)number;
    }
    address->host = host;
    address->loopback = is_loopback(host);
    return NULL;
}

static size_t count_addresses(const char *list)
{
    size_t count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',' || *list == ';';
    return count;
}

static bool parse_list(struct listen_addresses *addresses, const char *list, uint16_t port)
{
    char *rest = addresses->texts;
    for (char *text; (text = strsep(&rest, ",;")) != NULL;) {
        struct listen_address *address = &addresses->at[addresses->count];
        size_t place = (size_t)(text - addresses->texts);
        if (text[0] == '\0')
            continue;
        address->port = port;
        const char *why = parse_address(text, address);
        if (why != NULL) {
            log_write(LOG_ERROR, "-l %.*s: %s", (int)strcspn(list + place, ",;"), list + place,
                      why);
            return false;
        }
        addresses->count++;
    }
    if (addresses->count == 0)
        log_write(LOG_ERROR, "-l %s: wants an address to listen on", list);
    return addresses->count > 0;
}

bool listen_addresses_parse(struct listen_addresses *addresses, const char *list, uint16_t port)
{
    bool is_default = list == NULL;
    if (is_default)
        list = "127.0.0.1,::1";
    *addresses = (struct listen_addresses){
        .at = calloc(count_addresses(list), sizeof(*addresses->at)),
        .texts = strdup(list),
    };
    if (addresses->at == NULL || addresses->texts == NULL) {
        log_write(LOG_ERROR, "no memory for the addresses of -l");
        listen_addresses_end(addresses);
        return false;
    }
    if (!parse_list(addresses, list, port)) {
        listen_addresses_end(addresses);
        return false;
    }
    if (is_default)
        addresses->at[1].optional = true;
    return true;
}

bool listen_addresses_suit(const struct listen_addresses *addresses,
                           const struct settings *settings)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *address = &addresses->at[i];
        bool is_mutual = address->security == NET_TLS_MUTUAL;
        const char *wanted = NULL;
        if ((is_mutual || address->security == NET_TLS_ONE_SIDED) && !settings->tls)
            wanted = "-Z";
        else if (is_mutual && settings->tls_authorities_path == NULL)
            wanted = "-o ssl_ca_cert=FILE";
        if (wanted == NULL)
            continue;
        log_write(LOG_ERROR, "-l %s:%s wants %s too", is_mutual ? "mtls" : "btls", address->host,
                  wanted);
        return false;
    }
    return true;
}

void listen_addresses_end(struct listen_addresses *addresses)
{
    free(addresses->at);
    free(addresses->texts);
    *addresses = (struct listen_addresses){0};
}

bool listen_addresses_all_loopback(const struct listen_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (!addresses->at[i].loopback)
            return false;
    return true;
}

enum net_security listen_addresses_security_of(const struct listen_addresses *addresses,
                                               int descriptor)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(bound);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    uint32_t number;
    if (getsockname(descriptor, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
        !number_parse_u32(slice_of(port), &number))
        return NET_TLS;
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->at[i].port == number && strcmp(addresses->at[i].host, host) == 0)
            return addresses->at[i].security;
    return NET_TLS;
}
