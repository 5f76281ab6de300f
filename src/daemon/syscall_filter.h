#ifndef LARDER_SYSCALL_FILTER_H
#define LARDER_SYSCALL_FILTER_H

/*
 * -o drop_privileges: what is left of the system once the daemon serves. No program can be started,
 * no process, no file written or made, no connection opened, no memory made executable. A
 * system call that is not allowed ends the daemon by SIGSYS, with a line in the log.
 *
 * Threads: called once, by the main thread, when all others run; it holds for all of them.
 */

#include "base/check.h"

#include <stdbool.h>

/* False, and one line in the log, if the system can't do it. */
MUST_USE bool syscall_filter_install(void);

#endif
