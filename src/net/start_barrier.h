#ifndef LARDER_START_BARRIER_H
#define LARDER_START_BARRIER_H

/*
 * Where the starting thread waits until every worker has said that its loop is ready, so that no
 * listener opens before somebody can serve.
 *
 * Threads: start_barrier_wait by the one that starts the others, start_barrier_report by each of
 * them.
 */

#include "base/mutex.h"

struct start_barrier {
    struct mutex lock;
    pthread_cond_t changed;
    unsigned missing GUARDED_BY(lock);
};

void start_barrier_init(struct start_barrier *barrier);
void start_barrier_end(struct start_barrier *barrier);

/* Before the thread is created that will report; given back if it could not be created. */
void start_barrier_expect(struct start_barrier *barrier);
void start_barrier_report(struct start_barrier *barrier);
void start_barrier_wait(struct start_barrier *barrier);

#endif
