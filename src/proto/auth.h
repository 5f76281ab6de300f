#ifndef LARDER_AUTH_H
#define LARDER_AUTH_H

/*
 * -Y: before anything else a client sends its user and password as the value of a `set`. Until
 * they were right, every request comes here (session.c), and to no command.
 */

#include "proto/command.h"

/* Answers a request, whose line was consumed, of a session that is not admitted. */
bool auth_answer(struct exchange *x, const struct request *request);

#endif
