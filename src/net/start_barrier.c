#include "config.h"

#include "net/start_barrier.h"

void start_barrier_init(struct start_barrier *barrier) NO_THREAD_CHECK
{
    mutex_init(&barrier->lock, LOCK_WORKER_START);
    CHECK(pthread_cond_init(&barrier->changed, NULL) == 0);
    barrier->missing = 0;
}

void start_barrier_end(struct start_barrier *barrier)
{
    CHECK(pthread_cond_destroy(&barrier->changed) == 0);
    mutex_end(&barrier->lock);
}

void start_barrier_expect(struct start_barrier *barrier)
{
    mutex_lock(&barrier->lock);
    barrier->missing++;
    mutex_unlock(&barrier->lock);
}

void start_barrier_report(struct start_barrier *barrier)
{
    mutex_lock(&barrier->lock);
    barrier->missing--;
    CHECK(pthread_cond_signal(&barrier->changed) == 0);
    mutex_unlock(&barrier->lock);
}

void start_barrier_wait(struct start_barrier *barrier)
{
    mutex_lock(&barrier->lock);
    while (barrier->missing > 0)
        mutex_wait(&barrier->lock, &barrier->changed);
    mutex_unlock(&barrier->lock);
}
