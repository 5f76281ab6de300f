#ifndef LARDER_VALUE_INTAKE_H
#define LARDER_VALUE_INTAKE_H

/*
 * A value on its way in, whichever command brought it: small ones are copied from the input buffer
 * into the store at once, large ones are read straight into their place.
 */

#include "proto/command.h"
#include "proto/meta_request.h"

struct intake {
    const struct request *request;
    struct meta_request *meta; /* of an ms, NULL otherwise */
    struct store_key key;
    struct store_put put;
    uint64_t value_size;
    bool size_known; /* an error is answered after the value was thrown away */
    bool drop_old;   /* a value that finds no room takes the old one with it */
};

/* How a command reads its line. REPLY_NONE: all is well; meta is room for an ms to use. */
MUST_USE enum reply intake_parse_classic(struct intake *intake, const struct request *request,
                                         uint32_t now);
MUST_USE enum reply intake_parse_meta(struct intake *intake, const struct request *request,
                                      struct meta_request *meta, uint32_t now);

/* How it answers. */
void intake_answer_classic(struct exchange *x, const struct intake *intake,
                           enum store_outcome outcome);
void intake_answer_meta(struct exchange *x, const struct intake *intake, enum store_outcome outcome,
                        const struct store_result *result);

/* Takes the value of a parsed request, or throws it away for the error's sake. */
bool intake_run(struct exchange *x, const struct intake *intake, enum reply error);

/* The same where nothing is left to ask: the value, a small one, is at the front of the input, with
 * as many bytes as a line end behind it. */
void intake_take(struct exchange *x, const struct intake *intake);

#endif
