#ifndef LARDER_SESSION_WORK_H
#define LARDER_SESSION_WORK_H

/*
 * What a session owns between turns, on the heap: a large value on its way into the store, a walk
 * over the items, or a tail behind the output on its way to the client. At most one at a time.
 */

#include "proto/dump.h"

enum session_work_kind {
    WORK_FILL, /* in PHASE_FILL */
    WORK_WALK, /* in PHASE_SIZES */
    WORK_PIN,  /* a tail: a value */
    WORK_TEXT, /* a tail: a text */
    WORK_DUMP, /* in PHASE_DUMP; a tail as well: the lines of its last step */
};

struct session_work {
    enum session_work_kind kind;
    union {
        struct {
            struct proto_thread *thread;
            struct store_fill *fill; /* NULL: the store had no room; the value is thrown away */
            struct store_room room;  /* where the next bytes go */
            uint64_t unwanted;       /* bytes still to be thrown away */
        } in;
        struct {
            size_t cursor;    /* of store_walk */
            uint32_t *counts; /* owned: items of each step of size */
        } walk;
        struct {
            struct store_pin pin;
            struct slice piece; /* of the value, not sent yet */
            struct slice line_end;
        } pin;
        struct {
            struct text text;
            size_t sent;
            struct dump dump; /* only of WORK_DUMP */
        } text;
    };
    /* The request line of a fill, read again when its value is complete. */
    size_t line_size;
    char line[];
};

/* Releases whatever the session still has. */
void session_work_end(struct session *session, struct proto_thread *thread);

/* Releases the tail, if there is one; all of it was sent. */
void session_tail_end(struct session *session, struct proto_thread *thread);

/* The item's value and a line end follow the output. false: too much is pinned, or no memory. */
MUST_USE bool session_tail_pin(struct exchange *x, const struct store_item *item);

/* Answers with a text of any size; consumes it. Ends the request. */
bool exchange_reply_text(struct exchange *x, struct text *text);

/* Answers stats sizes: the items are walked over in steps, between which others have their turn. */
bool exchange_reply_sizes(struct exchange *x);

#endif
