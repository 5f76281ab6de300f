#include "config.h"

#include "net/roster.h"

void roster_init(struct roster *roster) NO_THREAD_CHECK
{
    mutex_init(&roster->lock, LOCK_CONNECTIONS);
    roster->ends = (struct roster_entry){&roster->ends, &roster->ends};
}

void roster_end(struct roster *roster) NO_THREAD_CHECK
{
    CHECK(roster->ends.next == &roster->ends);
    mutex_end(&roster->lock);
}

static void append_locked(struct roster *roster, struct roster_entry *entry) REQUIRES(roster->lock)
{
    entry->next = &roster->ends;
    entry->previous = roster->ends.previous;
    entry->previous->next = entry;
    roster->ends.previous = entry;
}

static void unlink_entry(struct roster_entry *entry)
{
    entry->next->previous = entry->previous;
    entry->previous->next = entry->next;
}

void roster_add(struct roster *roster, struct roster_entry *entry)
{
    mutex_lock(&roster->lock);
    append_locked(roster, entry);
    mutex_unlock(&roster->lock);
}

void roster_remove(struct roster *roster, struct roster_entry *entry)
{
    mutex_lock(&roster->lock);
    unlink_entry(entry);
    mutex_unlock(&roster->lock);
}

void roster_touch(struct roster *roster, struct roster_entry *entry)
{
    mutex_lock(&roster->lock);
    unlink_entry(entry);
    append_locked(roster, entry);
    mutex_unlock(&roster->lock);
}

struct roster_entry *roster_next(struct roster *roster,
                                 const struct roster_entry *entry) NO_THREAD_CHECK
{
    struct roster_entry *next = entry == NULL ? roster->ends.next : entry->next;
    return next == &roster->ends ? NULL : next;
}
