#ifndef LARDER_ADMIN_ADDRESS_H
#define LARDER_ADMIN_ADDRESS_H

/* Where the admin endpoint listens: 127.0.0.1:11212 or [::1]:11212. No names are looked up. */

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/socket.h>

struct admin_address {
    struct sockaddr_storage socket;
    socklen_t size;
};

MUST_USE bool admin_address_parse(struct admin_address *address, const char *text);

/* "http://[::1]:11212/" */
void admin_address_write(const struct admin_address *address, struct text *text);
bool admin_address_is_loopback(const struct admin_address *address);

/* Whether it is a literal address, of either kind, without port and brackets. */
bool admin_address_is_literal(struct slice host);

#endif
