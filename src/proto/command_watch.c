#include "config.h"

#include "proto/command.h"

/* watch [kinds]: the connection is told what happens from now on, and is no client any more. */

static const struct {
    const char *word;
    enum watch_kind kind;
} kinds[] = {
#define WATCH_KIND(name, bit, word, text) {word, name},
#include "proto/watch_kinds.def"
#undef WATCH_KIND
};

static bool parse_word(struct slice word, unsigned *asked)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (slice_is(word, kinds[i].word)) {
            *asked |= kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool parse(struct slice words, unsigned *asked)
{
    struct slice word;
    *asked = 0;
    while (word_next(&words, &word))
        if (!parse_word(word, asked))
            return false;
    if (*asked == 0)
        *asked = WATCH_FETCHERS;
    return true;
}

/* The reply has to be the first thing that the watcher is sent, so nothing may be waiting. */
bool command_watch(struct exchange *x, struct request *request)
{
    const struct protocol_config *config = &x->thread->protocol->config;
    unsigned asked;
    if (!config->watch_allowed)
        return exchange_reply(x, REPLY_WATCH_NOT_ALLOWED);
    if (!parse(request->arguments, &asked))
        return exchange_reply(x, REPLY_ERROR);
    if (x->buffers->out_size > 0)
        return exchange_reply(x, REPLY_PIPELINED_WATCH);
    switch (config->host.watch(config->host.context, x->session, asked)) {
    case WATCH_TOO_MANY:
        return exchange_reply(x, REPLY_WATCHER_TOO_MANY);
    case WATCH_FAILED:
        return exchange_reply(x, REPLY_WATCHER_FAILED);
    case WATCH_STARTED:
        break;
    }
    reply_add(x->buffers, REPLY_OK);
    return exchange_sleep(x, SESSION_WATCHING);
}
