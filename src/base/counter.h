#ifndef LARDER_COUNTER_H
#define LARDER_COUNTER_H

/*
 * A number that one thread writes and any thread reads. No lock and no locked instruction: a reader
 * sees some recent value, never a torn one.
 *
 * Threads: counter_add, counter_subtract and counter_set by the owner only; counter_read by any.
 */

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

static inline uint64_t counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&((struct counter *)counter)->value, memory_order_relaxed);
}

static inline void counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static inline void counter_add(struct counter *counter, uint64_t amount)
{
    counter_set(counter, counter_read(counter) + amount);
}

/* May pass below zero in one owner when another owner did the adding: only the sum is meaningful.
 */
static inline void counter_subtract(struct counter *counter, uint64_t amount)
{
    counter_set(counter, counter_read(counter) - amount);
}

#endif
