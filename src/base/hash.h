#ifndef LARDER_HASH_H
#define LARDER_HASH_H

/*
 * The keyed hash of a key: XXH3 with a seed drawn at start, so that nobody outside can choose keys
 * that collide.
 *
 * Threads: any, after hash_start.
 */

#include <stddef.h>
#include <stdint.h>

/* Once, before any other thread exists. Seed 0 draws one from the system. */
void hash_start(uint64_t seed);

uint64_t hash_key(const char *key, size_t size);

#endif
