#ifndef LARDER_MUTEX_H
#define LARDER_MUTEX_H

/*
 * pthread mutexes with a rank each (locks.def), known to clang's thread-safety analysis. In debug
 * builds every acquire checks the order of the ranks.
 */

#include "base/check.h"

#include <pthread.h>
#include <stdbool.h>

enum lock_rank {
#define LOCK(name, rank) name = rank,
#include "base/locks.def"
#undef LOCK
};

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t native;
    enum lock_rank rank;
    int rank_below; /* debug builds: what the holder held before */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_end(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRE(*mutex);
MUST_USE bool mutex_try_lock(struct mutex *mutex) TRY_ACQUIRE(true, *mutex);
void mutex_unlock(struct mutex *mutex) RELEASE(*mutex);
void mutex_wait(struct mutex *mutex, pthread_cond_t *condition) REQUIRES(*mutex);

#endif
