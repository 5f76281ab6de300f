#ifndef LARDER_PROCESS_LIMITS_H
#define LARDER_PROCESS_LIMITS_H

/* What the system lets the process have, and whom it runs as. Called at start, by one thread. Each
 * returns a status of sysexits.h, after one line in the log unless it is EX_OK. */

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -r: core files as large as may be. */
MUST_USE int process_allow_core_files(void);

/* Raises the limit on open descriptors to `wanted`, if it is lower. */
MUST_USE int process_allow_descriptors(uint64_t wanted);

/* -k, in two steps, the first while still root: a system that refuses costs a warning, as in
 * memcached. The second comes after the last fork. */
void process_allow_locked_memory(void);
void process_lock_memory(uint64_t memory_size);

/* -u: needed by root, and heeded for root only. core_files: they are still wanted afterwards. */
MUST_USE int process_become(const char *user, bool core_files);

/* What of the process is in memory now; 0 where the system does not tell. */
size_t process_resident_bytes(void);

#endif
