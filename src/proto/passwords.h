#ifndef LARDER_PASSWORDS_H
#define LARDER_PASSWORDS_H

/*
 * Who may come in with -Y: pairs of user and password. Finding one takes as long whatever was
 * right in it.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>

struct passwords;

/* Lines "user:password". NULL: *why, a static text, says what is wrong. */
struct passwords *passwords_create(struct slice lines, const char **why);
void passwords_destroy(struct passwords *passwords); /* NULL is none */

MUST_USE bool passwords_have(const struct passwords *passwords, struct slice user,
                             struct slice password);

#endif
