#ifndef LARDER_CLOCK_H
#define LARDER_CLOCK_H

/*
 * The daemon's clock. Seconds count from 1970, but they advance with the machine's monotonic clock:
 * setting the wall clock expires nothing. Tests move the clock with the debugtime command.
 *
 * Threads: any, after clock_start.
 */

#include <stdint.h>

/* Once, before any other thread exists. */
void clock_start(void);

/* Seconds since 1970, as exptimes are kept. Costs one read of the coarse clock. */
uint32_t clock_seconds(void);

/* Seconds since clock_start. */
uint32_t clock_uptime(void);

/* The second at which clock_start was called. */
uint32_t clock_started_at(void);

/* Moves clock_seconds on by that many seconds (back if negative). */
void clock_shift(int64_t seconds);

/* Holds clock_seconds where it is, until clock_resume; shifting still works. */
void clock_pause(void);
void clock_resume(void);

/* Micro- and nanoseconds of the machine's monotonic clock; not moved by tests. */
uint64_t clock_microseconds(void);
uint64_t clock_nanoseconds(void);

/* Microseconds since 1970 by the wall clock; not moved by tests. */
uint64_t clock_wall_microseconds(void);

/* Microseconds of CPU that the calling thread has used. */
uint64_t clock_cpu_microseconds(void);

#endif
