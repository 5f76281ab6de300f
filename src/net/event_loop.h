#ifndef LARDER_EVENT_LOOP_H
#define LARDER_EVENT_LOOP_H

/* Creates libevent's bases: without locks, since each is used by one thread only. */

#include "base/check.h"

#include <stdbool.h>

struct event_base;

/* method: epoll, poll, select... or NULL for libevent's choice. NULL: *why is a static text. */
struct event_base *event_loop_create(const char *method, const char **why);

/* What the loop can watch: select can't see descriptors from FD_SETSIZE on. INT_MAX: all. */
int event_loop_descriptor_end(const struct event_base *base);

#endif
