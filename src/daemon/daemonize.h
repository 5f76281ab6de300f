#ifndef LARDER_DAEMONIZE_H
#define LARDER_DAEMONIZE_H

/*
 * Into the background (-d). The process that was started waits until the daemon serves or fails,
 * and ends with its exit status, so that whoever started it learns of a port that is taken.
 *
 * Threads: one, before any other exists (a fork takes only the calling thread along).
 */

#include "base/check.h"

#include <stdbool.h>

/*
 * Returns in the daemon only. With keep_directory the working directory stays what it is (core
 * files go there), else it becomes /. False, and one line in the log, if the system refuses.
 */
MUST_USE bool daemonize_start(bool keep_directory);

/* The daemon serves: lets the waiting process end with 0. Standard error is kept if it is read. */
void daemonize_succeed(bool keep_error);

/* The daemon ends before it served: lets the waiting process end with this status. */
void daemonize_fail(int status);

#endif
