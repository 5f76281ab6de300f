#ifndef LARDER_SAMPLER_H
#define LARDER_SAMPLER_H

/*
 * Takes one event in about so many, at random distances, so that no rhythm of the events is
 * followed. An event that is not taken costs a decrement and a branch.
 *
 * Threads: one.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler {
    uint32_t countdown; /* events until one is taken */
    uint32_t interval;  /* 0: none is ever taken */
    uint32_t random;
};

/* Anywhere from 1 to twice the interval less 1, so the interval on average. */
static inline void sampler_restart(struct sampler *sampler)
{
    sampler->random = sampler->random * 1664525u + 1013904223u;
    uint64_t reach = 2 * (uint64_t)sampler->interval - 1;
    sampler->countdown =
        sampler->interval == 0 ? UINT32_MAX : 1 + (uint32_t)(sampler->random * reach >> 32);
}

static inline void sampler_init(struct sampler *sampler, uint32_t interval, uint32_t seed)
{
    sampler->interval = interval;
    sampler->random = seed;
    sampler_restart(sampler);
}

static inline bool sampler_takes(struct sampler *sampler)
{
    if (LIKELY(--sampler->countdown != 0))
        return false;
    sampler_restart(sampler);
    return sampler->interval != 0;
}

/* Takes none of so many events. false: one is to be taken, so ask for each. */
static inline bool sampler_passes(struct sampler *sampler, size_t events)
{
    if (UNLIKELY(sampler->countdown <= events))
        return false;
    sampler->countdown -= (uint32_t)events;
    return true;
}

#endif
