#ifndef LARDER_COMMAND_H
#define LARDER_COMMAND_H

/* The commands and what each is given: its request line. */

#include "proto/exchange.h"
#include "proto/request_line.h"

enum command_id {
#define COMMAND(name, word, run, arguments_min, noreply) name,
#include "proto/commands.def"
#undef COMMAND
    COMMAND_COUNT
};

#define ARGUMENTS_MAX 6 /* the most that a classic command looks at, and one more */

struct request {
    struct line line;
    struct slice arguments;            /* of the line's text, behind the command's word */
    struct slice words[ARGUMENTS_MAX]; /* the arguments, when the table names a minimum */
    size_t word_count;
    enum command_id command;
    bool quiet; /* noreply */
};

/* Starts on the line at the input's front, which is consumed first. */
struct command {
    bool (*run)(struct exchange *x, struct request *request);
    uint8_t arguments_min;
    bool noreply;
};

/* Fills in command and arguments from the line's text; false: no such command. */
MUST_USE bool request_find_command(struct request *request);
const struct command *command_of(enum command_id id);

/* Ends the request by `reply`, unless the client asked for none. */
static inline bool request_reply(struct exchange *x, const struct request *request,
                                 enum reply reply)
{
    if (request->quiet)
        x->unsaid = (uint8_t)reply;
    else
        reply_add(x->buffers, reply);
    return true;
}

/*
 * What most requests are, by ways of their own: get lines of one key, set lines without noreply,
 * several at once. false: the input begins with none, and nothing was done. *goes_on as from a
 * phase.
 */
MUST_USE bool get_lines(struct exchange *x, bool *goes_on);
MUST_USE bool set_lines(struct exchange *x, bool *goes_on);

#define COMMAND(name, word, run, arguments_min, noreply)                                           \
    bool run(struct exchange *x, struct request *request);
#include "proto/commands.def"
#undef COMMAND

#endif
