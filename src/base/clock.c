#include "config.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#define NOT_PAUSED INT64_MIN

static int64_t started_monotonic;     /* set once in clock_start */
static int64_t started_wall;          /* set once in clock_start */
static _Atomic int64_t shift_seconds; /* written by debugtime */
static _Atomic int64_t paused_at = NOT_PAUSED;

static int64_t monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static int64_t running_seconds(void)
{
    return started_wall + monotonic_seconds() - started_monotonic;
}

void clock_start(void)
{
    started_monotonic = monotonic_seconds();
    started_wall = time(NULL);
}

uint32_t clock_seconds(void)
{
    int64_t base = atomic_load_explicit(&paused_at, memory_order_relaxed);
    if (base == NOT_PAUSED)
        base = running_seconds();
    return (uint32_t)(base + atomic_load_explicit(&shift_seconds, memory_order_relaxed));
}

uint32_t clock_started_at(void)
{
    return (uint32_t)started_wall;
}

uint32_t clock_uptime(void)
{
    return clock_seconds() - (uint32_t)started_wall;
}

void clock_shift(int64_t seconds)
{
    atomic_fetch_add_explicit(&shift_seconds, seconds, memory_order_relaxed);
}

void clock_pause(void)
{
    int64_t running = NOT_PAUSED;
    atomic_compare_exchange_strong_explicit(&paused_at, &running, running_seconds(),
                                            memory_order_relaxed, memory_order_relaxed);
}

void clock_resume(void)
{
    atomic_store_explicit(&paused_at, NOT_PAUSED, memory_order_relaxed);
}

static uint64_t microseconds_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_microseconds(void)
{
    return microseconds_of(CLOCK_MONOTONIC);
}

uint64_t clock_wall_microseconds(void)
{
    return microseconds_of(CLOCK_REALTIME);
}

uint64_t clock_cpu_microseconds(void)
{
    return microseconds_of(CLOCK_THREAD_CPUTIME_ID);
}
