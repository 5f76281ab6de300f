#include "config.h"

#include "proto/command.h"

#include "base/clock.h"
#include "base/log.h"

/* The commands about the server and not about a key. */

#define VERBOSITY_MAX 3

bool command_mn(struct exchange *x, struct request *request)
{
    (void)request;
    COUNT(x, cmd_meta);
    return exchange_reply(x, REPLY_META_NOOP);
}

bool command_version(struct exchange *x, struct request *request)
{
    (void)request;
    return exchange_reply(x, REPLY_VERSION);
}

bool command_verbosity(struct exchange *x, struct request *request)
{
    uint32_t level;
    if (!number_parse_u32(request->words[0], &level))
        return request_reply(x, request, REPLY_BAD_FORMAT);
    log_set_verbosity(level > VERBOSITY_MAX ? VERBOSITY_MAX : level);
    return request_reply(x, request, REPLY_OK);
}

bool command_quit(struct exchange *x, struct request *request)
{
    (void)request;
    session_enter(x->session, PHASE_CLOSED);
    return true;
}

/* flush_all [delay] [noreply]. A delay in the past flushes at once. What is refused counts too. */
bool command_flush_all(struct exchange *x, struct request *request)
{
    struct slice words[ARGUMENTS_MAX];
    size_t count = words_split(request->arguments, words, ARGUMENTS_MAX);
    uint32_t at = 0;
    if (count > 2)
        return request_reply(x, request, REPLY_ERROR);
    COUNT(x, cmd_flush);
    if (!x->thread->protocol->config.flush_allowed)
        return request_reply(x, request, REPLY_FLUSH_NOT_ALLOWED);
    bool delayed = count > (request->quiet ? 1u : 0u);
    if (delayed && !exptime_parse(words[0], x->thread->now, &at))
        return request_reply(x, request, REPLY_BAD_EXPTIME);
    store_flush(x->thread->store, at <= x->thread->now ? 0 : at);
    return request_reply(x, request, REPLY_OK);
}

bool command_shutdown(struct exchange *x, struct request *request)
{
    const struct protocol_config *config = &x->thread->protocol->config;
    struct slice words[ARGUMENTS_MAX];
    size_t count = words_split(request->arguments, words, ARGUMENTS_MAX);
    bool graceful = count > 0 && slice_is(words[0], "graceful");
    if (!config->shutdown_allowed)
        return exchange_reply(x, REPLY_SHUTDOWN_NOT_ENABLED);
    if (count > 0 && !graceful)
        return exchange_reply(x, REPLY_BAD_SHUTDOWN_MODE);
    config->host.shutdown(config->host.context, graceful);
    session_enter(x->session, PHASE_CLOSED);
    return true;
}

/* debugtime N: the clock moves by N seconds; p: it stands still; r: it goes on. For tests. */
bool command_debugtime(struct exchange *x, struct request *request)
{
    struct slice words[ARGUMENTS_MAX];
    int32_t seconds;
    if (!x->thread->protocol->config.debug_commands ||
        words_split(request->arguments, words, ARGUMENTS_MAX) == 0)
        return request_reply(x, request, REPLY_ERROR);
    if (slice_is(words[0], "p"))
        clock_pause();
    else if (slice_is(words[0], "r"))
        clock_resume();
    else if (number_parse_i32(words[0], &seconds))
        clock_shift(seconds);
    else
        return request_reply(x, request, REPLY_ERROR);
    proto_turn_refresh(x->thread);
    return request_reply(x, request, REPLY_OK);
}
