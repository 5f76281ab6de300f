#ifndef LARDER_CONNECTION_LIST_H
#define LARDER_CONNECTION_LIST_H

/*
 * What `stats conns` shows: all sockets, ascending by descriptor. Gathered from the dispatcher and
 * every worker, one after the other, then written in order.
 *
 * Threads: any; each list belongs to the one that makes it.
 */

#include "base/text.h"
#include "net/dispatcher.h"
#include "net/logger.h"
#include "net/worker.h"

struct connection_row {
    int descriptor;
    uint32_t size; /* of its lines */
    size_t at;     /* of its lines, in the text */
};

struct connection_list {
    struct connection_row *rows; /* owned */
    size_t count;
    size_t capacity;
    struct text lines; /* in the order of gathering */
    uint32_t now;      /* of clock_seconds */
};

void connection_list_init(struct connection_list *list);
void connection_list_end(struct connection_list *list);
void connection_list_add_listeners(struct connection_list *list, struct dispatcher *dispatcher);
void connection_list_add_worker(struct connection_list *list, struct worker *worker);
void connection_list_add_watchers(struct connection_list *list, struct logger *logger);

/* Appends the lines in order. If memory ran out text->failed is set. */
void connection_list_write(struct connection_list *list, struct text *text);

#endif
