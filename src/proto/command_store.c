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

/* --- the plain set -------------------------------------------------------------------------- */

#define DIGITS_PLAIN 9 /* so many fit every number of the line */

/* Steps over digits and the byte behind them; NULL: it is anything else. */
static const char *take_number(const char *at, const char *end, char behind, uint32_t *value)
{
    const char *first = at;
    uint32_t sum = 0;
    for (; at < end && (unsigned char)(*at - '0') <= 9; at++)
        sum = sum * 10 + (unsigned char)(*at - '0');
    *value = sum;
    bool plain = at > first && at - first <= DIGITS_PLAIN && at < end && *at == behind;
    return plain ? at + 1 : NULL;
}

/* `set KEY FLAGS EXPTIME SIZE\r\n`, here whole. Returns the byte behind it; NULL: it is not quite
 * that, and takes the general way. */
static const char *parse_plain_set(struct slice in, uint32_t now, struct intake *intake)
{
    const char *end = in.at + in.size;
    const char *key = in.at + 4;
    uint32_t exptime, size;
    if (in.size < 16 || memcmp(in.at, "set ", 4) != 0)
        return NULL;
    const char *at = find_below(key, end, ' ' + 1);
    size_t key_size = (size_t)(at - key);
    if (key_size == 0 || key_size > STORE_KEY_SIZE_MAX || at == end || *at != ' ')
        return NULL;
    if ((at = take_number(at + 1, end, ' ', &intake->put.client_flags)) == NULL ||
        (at = take_number(at, end, ' ', &exptime)) == NULL ||
        (at = take_number(at, end, '\r', &size)) == NULL || at == end || *at != '\n')
        return NULL;
    intake->key = store_key_of(key, key_size);
    intake->put.exptime = exptime_of((int32_t)exptime, now);
    intake->value_size = size;
    intake->size_known = intake->drop_old = true;
    return at + 1;
}

bool set_line(struct exchange *x, bool *goes_on)
{
    struct slice in = x->buffers->in;
    struct request request;
    struct intake intake = {.request = &request, .put.mode = STORE_SET};
    const char *behind = parse_plain_set(in, x->thread->now, &intake);
    if (behind == NULL || x->requests_left == 0 || output_room(x->buffers) < REPLY_ROOM)
        return false;
    request.line.size = (size_t)(behind - in.at);
    request.line.text = (struct slice){in.at, request.line.size - 2};
    request.command = COMMAND_SET;
    request.quiet = false;
    x->session->missing = 0;
    x->requests_left--;
    exchange_continue_at(x, behind);
    *goes_on = intake_run(x, &intake, REPLY_NONE);
    return true;
}
