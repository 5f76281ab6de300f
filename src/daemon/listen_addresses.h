#ifndef LARDER_LISTEN_ADDRESSES_H
#define LARDER_LISTEN_ADDRESSES_H

/*
 * The list of -l: host, host:port, [v6]:port, each perhaps behind memcached's prefixes. Names are
 * not looked up here. An address that does not say how it is secured is NET_TLS: as -Z has it.
 *
 * Ownership: the texts lie in the list itself.
 */

#include "base/check.h"
#include "net/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

struct listen_address {
    const char *host;
    uint16_t port;
    bool optional; /* no error if this machine has no such address */
    bool loopback; /* nobody outside this machine can reach it */
    enum net_security security;
};

struct listen_addresses {
    struct listen_address *at; /* owned */
    size_t count;
    char *texts; /* owned */
};

/* list NULL: the loopback. False, and one line in the log, if it can't be understood. */
MUST_USE bool listen_addresses_parse(struct listen_addresses *addresses, const char *list,
                                     uint16_t port);
void listen_addresses_end(struct listen_addresses *addresses);

/* False, and one line in the log, if an address asks for a kind of TLS that the settings lack. */
MUST_USE bool listen_addresses_suit(const struct listen_addresses *addresses,
                                    const struct settings *settings);

/* Of a socket that was handed over: as the address that it is bound to has it, else NET_TLS. */
enum net_security listen_addresses_security_of(const struct listen_addresses *addresses,
                                               int descriptor);

bool listen_addresses_all_loopback(const struct listen_addresses *addresses);

#endif
