#ifndef LARDER_TOP_SERVER_H
#define LARDER_TOP_SERVER_H

/*
 * A server that lardertop looks at, with a thread of its own: it connects, asks for a sample every
 * so often, and begins anew when the connection is lost or an answer does not come. So a name that
 * is looked up, a server that hangs or a handshake of TLS holds up nobody else.
 *
 * Threads: one for each server, which lives as long as the process; top_server_look by any.
 */

#include "tools/top_view.h"

#include <pthread.h>
#include <stdbool.h>

struct bench_tls;

struct top_server_config {
    double delay;          /* seconds from one sample to the next */
    double timeout;        /* seconds until an answer is given up */
    const char *password;  /* USER PASSWORD, as they are sent; NULL: none are */
    struct bench_tls *tls; /* lent; NULL: none is spoken */
    int news;              /* gets a byte when there is something to see; does not block */
};

struct top_server {
    /* Set once at creation. */
    const char *name; /* lent */
    const struct top_server_config *config;
    pthread_mutex_t lock;

    /* Under the lock. */
    enum top_state state;
    char problem[160];
    double asked_at;       /* seconds; 0: nothing is out */
    unsigned sample_count; /* of this connection */
    unsigned attempts;     /* that have ended, well or not */
    struct top_sample before;
    struct top_sample now;
};

/* Starts the thread, which handles no signals. false: there can be no more threads. */
MUST_USE bool top_server_start(struct top_server *server, const char *name,
                               const struct top_server_config *config);

/* Fills the view. Returns how many times it was tried to get a sample. */
unsigned top_server_look(struct top_server *server, struct top_view *view);

#endif
