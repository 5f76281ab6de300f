#ifndef LARDER_REQUEST_LOG_H
#define LARDER_REQUEST_LOG_H

/*
 * What -vv shows of requests and replies, as memcached shows it:
 *
 *     12: Client using the ascii protocol
 *     <12 get foo bar
 *     >12 sending key foo
 *     >12 END
 *
 * Nothing on the way of a request knows of it: a session that is logged is run step by step, and
 * each line is made of the input that a step has used up and of the output that it has left.
 */

#include "proto/exchange.h"

/* Runs phases until one sleeps, as session_run does, and logs what they did. */
void run_logged(struct exchange *x, bool (*run_phase)(struct exchange *x));

#endif
