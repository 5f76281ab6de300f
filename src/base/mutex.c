#include "config.h"

#include "base/mutex.h"

#ifdef LARDER_DEBUG
static _Thread_local int held_rank;

static void order_enter(struct mutex *mutex)
{
    CHECK(held_rank < (int)mutex->rank);
    mutex->rank_below = held_rank;
    held_rank = (int)mutex->rank;
}

static void order_leave(struct mutex *mutex)
{
    held_rank = mutex->rank_below;
}
#else
static void order_enter(struct mutex *mutex)
{
    (void)mutex;
}

static void order_leave(struct mutex *mutex)
{
    (void)mutex;
}
#endif

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    CHECK(pthread_mutex_init(&mutex->native, NULL) == 0);
    mutex->rank = rank;
    mutex->rank_below = 0;
}

void mutex_end(struct mutex *mutex)
{
    CHECK(pthread_mutex_destroy(&mutex->native) == 0);
}

void mutex_lock(struct mutex *mutex) NO_THREAD_CHECK
{
    CHECK(pthread_mutex_lock(&mutex->native) == 0);
    order_enter(mutex);
}

bool mutex_try_lock(struct mutex *mutex) NO_THREAD_CHECK
{
    if (pthread_mutex_trylock(&mutex->native) != 0)
        return false;
    order_enter(mutex);
    return true;
}

void mutex_unlock(struct mutex *mutex) NO_THREAD_CHECK
{
    order_leave(mutex);
    CHECK(pthread_mutex_unlock(&mutex->native) == 0);
}

void mutex_wait(struct mutex *mutex, pthread_cond_t *condition) NO_THREAD_CHECK
{
    order_leave(mutex);
    CHECK(pthread_cond_wait(condition, &mutex->native) == 0);
    order_enter(mutex);
}
