#ifndef LARDER_ANSWERS_H
#define LARDER_ANSWERS_H

/*
 * What the admin endpoint answers to each path.
 *
 * Threads: the admin thread's only, but for `ready`.
 */

#include "admin/census.h"
#include "admin/history.h"
#include "admin/metrics.h"

#include <stdatomic.h>

struct evkeyvalq;

/* What answers are made of. */
struct answer_sources {
    struct admin_config config;
    struct history history;
    struct census census;
    struct connection_counts connections;
    _Atomic bool ready; /* any thread */
};

struct answer {
    int status;
    const char *type; /* of the content */
    struct text text;
    bool is_page; /* the text is page_html */
};

/* query: the decoded parameters of the request. */
void answer_request(struct answer_sources *sources, const char *path, const struct evkeyvalq *query,
                    struct answer *answer);

#endif
