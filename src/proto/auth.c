#include "config.h"

#include "proto/auth.h"

#define LINE_SIZE_MIN 6 /* memcached hangs up on shorter ones */
#define TOKEN_SIZE_MAX 16384

enum { WORD_KEY, WORD_FLAGS, WORD_EXPTIME, WORD_SIZE };

/* A set, whose value is taken for credentials; its other words are not looked at. */
static bool is_attempt(const struct request *request, uint64_t *token_size)
{
    struct slice text = request->line.text;
    struct slice words[1 + WORD_SIZE + 1];
    size_t count = words_split(text, words, ARRAY_COUNT(words));
    return count == ARRAY_COUNT(words) && slice_is(words[0], "set") &&
           number_parse_u64(words[1 + WORD_SIZE], token_size);
}

static bool is_known(struct exchange *x, struct slice token)
{
    const char *space = memchr(token.at, ' ', token.size);
    size_t size = (size_t)(space - token.at);
    bool known = protocol_knows_password(x->thread->protocol, (struct slice){token.at, size},
                                         (struct slice){space + 1, token.size - size - 1});
    explicit_bzero((char *)token.at, token.size); /* it lies in the input, and is consumed */
    return known;
}

static bool judge(struct exchange *x, struct slice token)
{
    if (token.size == 0 || memchr(token.at, ' ', token.size) == NULL)
        return exchange_reply(x, REPLY_AUTH_BAD_TOKEN);
    COUNT(x, auth_cmds);
    if (!is_known(x, token)) {
        COUNT(x, auth_errors);
        return exchange_reply(x, REPLY_AUTH_FAILURE);
    }
    x->session->admitted = true;
    return exchange_reply(x, REPLY_STORED);
}

/* The line is given back when more than it is wanted, and read again then. */
static bool wait_for_more(struct exchange *x, const struct request *request)
{
    const char *line = request->line.text.at;
    size_t size = (size_t)(x->buffers->in.at + x->buffers->in.size - line);
    x->requests_left++;
    exchange_continue_at(x, line);
    return exchange_read(x, size + 1);
}

/* What is behind the token is thrown away to the end of its line, so that lines stay lines. */
static bool take_token(struct exchange *x, const struct request *request, size_t token_size)
{
    struct slice in = x->buffers->in;
    struct line end;
    if (in.size <= token_size)
        return wait_for_more(x, request);
    struct slice behind = {in.at + token_size, in.size - token_size};
    switch (line_find(behind, 0, &end)) {
    case LINE_OPEN:
        return wait_for_more(x, request);
    case LINE_TOO_LONG:
        session_enter(x->session, PHASE_CLOSED);
        return true;
    case LINE_COMPLETE:
        break;
    }
    exchange_consume(x, token_size + end.size);
    if (end.text.size != 0 || end.size != 2)
        return exchange_reply(x, REPLY_AUTH_BAD_END);
    return judge(x, (struct slice){in.at, token_size});
}

bool auth_answer(struct exchange *x, const struct request *request)
{
    uint64_t token_size;
    if (request->line.size < LINE_SIZE_MIN) {
        session_enter(x->session, PHASE_CLOSED);
        return true;
    }
    if (!is_attempt(request, &token_size))
        return exchange_reply(x, REPLY_UNAUTHENTICATED);
    if (token_size > TOKEN_SIZE_MAX)
        return exchange_reply(x, REPLY_AUTH_TOO_LONG);
    return take_token(x, request, (size_t)token_size);
}
