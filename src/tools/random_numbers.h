#ifndef LARDER_RANDOM_NUMBERS_H
#define LARDER_RANDOM_NUMBERS_H

/*
 * Random numbers for load: xorshift64* (Vigna). Fast, the same for the same seed, good for nothing
 * secret. The state is any number but 0, and one thread's own.
 */

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

/* Below `below`, which is at most 2^32. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
    return (random_next(state) >> 32) * below >> 32;
}

/* From 0 up to, but not, 1. */
static inline double random_share(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* Spreads the bits of a number over all 64 (the end of MurmurHash3). */
static inline uint64_t random_mix(uint64_t number)
{
    number = (number ^ number >> 33) * 0xff51afd7ed558ccd;
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53;
    return number ^ number >> 33;
}

/* A state for one of several that start from one seed. */
static inline uint64_t random_state(uint64_t seed, uint64_t which)
{
    return random_mix(seed * 0x9e3779b97f4a7c15 + which + 1) | 1;
}

#endif
