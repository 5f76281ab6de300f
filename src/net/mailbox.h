#ifndef LARDER_MAILBOX_H
#define LARDER_MAILBOX_H

/*
 * How one thread hands work to another: a locked queue of letters and a pipe. The byte in the pipe
 * says only "look"; the queue carries the work, and the lock is held for a few pointers. A byte is
 * written only when the mailbox was empty, so a burst of letters costs one.
 *
 * Threads: mailbox_post and mailbox_order by any; mailbox_take by the owner, whose event loop
 * watches mailbox_descriptor.
 *
 * Ownership: a letter lies inside the object that is handed over; who takes it owns that object.
 */

#include "base/mutex.h"

struct letter {
    struct letter *next;
};

/* What the owner is told to do beside its letters. The highest one given stays. */
enum mailbox_order {
    MAILBOX_CARRY_ON,
    MAILBOX_DRAIN, /* finish what is under way, then stop */
    MAILBOX_HALT,  /* stop at once */
};

struct mailbox {
    /* set once at creation */
    int read_end;
    int write_end;

    /* any thread, under `lock` */
    struct mutex lock;
    struct letter *first GUARDED_BY(lock);
    struct letter *last GUARDED_BY(lock); /* meaningful while first is set */
    enum mailbox_order order GUARDED_BY(lock);
    bool order_is_news GUARDED_BY(lock);
};

/* false: no descriptors are left for the pipe; errno says so. */
MUST_USE bool mailbox_init(struct mailbox *mailbox);
void mailbox_end(struct mailbox *mailbox); /* its letters are taken */

void mailbox_post(struct mailbox *mailbox, struct letter *letter);
/* Wakes the owner, who looks though nothing was posted. Takes no lock. */
void mailbox_ring(struct mailbox *mailbox);

void mailbox_give_order(struct mailbox *mailbox, enum mailbox_order order);

/* Empties the pipe, then detaches all letters, oldest first. NULL: there were none. */
struct letter *mailbox_take(struct mailbox *mailbox, enum mailbox_order *order);

#endif
