#include "config.h"

#include "proto/value_intake.h"

#define VALUE_SIZE_MAX 2147483645 /* as memcached; what -I allows is asked afterwards */

enum { WORD_KEY, WORD_FLAGS, WORD_EXPTIME, WORD_SIZE, WORD_UNIQUE };

static enum store_mode mode_of(enum command_id command)
{
    if (command == COMMAND_ADD)
        return STORE_ADD;
    if (command == COMMAND_REPLACE)
        return STORE_REPLACE;
    if (command == COMMAND_APPEND)
        return STORE_APPEND;
    return command == COMMAND_PREPEND ? STORE_PREPEND : STORE_SET;
}

/* The size comes first: only when it is known can the value of a bad request be stepped over. */
enum reply intake_parse_classic(struct intake *intake, const struct request *request, uint32_t now)
{
    struct slice words[ARGUMENTS_MAX];
    size_t count = words_split(request->arguments, words, ARGUMENTS_MAX);
    *intake = (struct intake){.request = request, .put.mode = mode_of(request->command)};
    struct store_put *put = &intake->put;
    if (count <= WORD_SIZE || !number_parse_u64(words[WORD_SIZE], &intake->value_size) ||
        intake->value_size > VALUE_SIZE_MAX)
        return REPLY_BAD_FORMAT;
    intake->size_known = true;
    if (words[WORD_KEY].size > STORE_KEY_SIZE_MAX ||
        !number_parse_u32(words[WORD_FLAGS], &put->client_flags) ||
        !exptime_parse(words[WORD_EXPTIME], now, &put->exptime))
        return REPLY_BAD_FORMAT;
    if (request->command == COMMAND_CAS) {
        put->compare_cas = true;
        if (count <= WORD_UNIQUE || !number_parse_u64(words[WORD_UNIQUE], &put->compare))
            return REPLY_BAD_FORMAT;
    }
    intake->key = store_key_of(words[WORD_KEY].at, words[WORD_KEY].size);
    intake->drop_old = request->command == COMMAND_SET;
    return REPLY_NONE;
}

static enum reply reply_for(enum store_outcome outcome)
{
    switch (outcome) {
    case STORE_STORED:
        return REPLY_STORED;
    case STORE_NOT_STORED:
    case STORE_TOO_LARGE:
        return REPLY_NOT_STORED;
    case STORE_EXISTS:
        return REPLY_EXISTS;
    case STORE_NOT_FOUND:
        return REPLY_NOT_FOUND;
    case STORE_NO_MEMORY:
        return REPLY_NO_MEMORY_STORING;
    }
    return REPLY_ERROR;
}

void intake_answer_classic(struct exchange *x, const struct intake *intake,
                           enum store_outcome outcome)
{
    request_reply(x, intake->request, reply_for(outcome));
}

bool command_store(struct exchange *x, struct request *request)
{
    struct intake intake;
    enum reply error = intake_parse_classic(&intake, request, x->thread->now);
    return intake_run(x, &intake, error);
}
