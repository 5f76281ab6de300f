#ifndef LARDER_REPLY_GRAMMAR_H
#define LARDER_REPLY_GRAMMAR_H

#include "base/slice.h"

/* Whether the text is whole replies, one behind the other, and every value as long as it says. If
 * not, *wrong is where the first one begins that is none. */
bool replies_are_whole(struct slice text, const char **wrong);

#endif
