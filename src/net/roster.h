#ifndef LARDER_ROSTER_H
#define LARDER_ROSTER_H

/*
 * A worker's connections, longest idle first. The order is exact to the second, and only kept when
 * somebody asks for it by roster_touch.
 *
 * Threads: changed by the worker; walked by it, or by any other thread that holds `lock`. The lock
 * is therefore needed to change and to look from elsewhere, but not for the worker to look.
 */

#include "base/mutex.h"

struct roster_entry {
    struct roster_entry *next;
    struct roster_entry *previous;
};

struct roster {
    struct mutex lock;
    struct roster_entry ends GUARDED_BY(lock); /* next: the longest idle; previous: the last used */
};

void roster_init(struct roster *roster);
void roster_end(struct roster *roster);

void roster_add(struct roster *roster, struct roster_entry *entry);
void roster_remove(struct roster *roster, struct roster_entry *entry);
void roster_touch(struct roster *roster, struct roster_entry *entry); /* now the last used */

/* NULL at the end. `entry` NULL: the longest idle. By the worker only, or under the lock. */
struct roster_entry *roster_next(struct roster *roster, const struct roster_entry *entry);

#endif
