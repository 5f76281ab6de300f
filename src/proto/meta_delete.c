#include "config.h"

#include "proto/meta_request.h"

bool command_md(struct exchange *x, struct request *request)
{
    struct meta_request meta;
    struct slice rest = request->arguments;
    struct slice key;
    word_next(&rest, &key);
    enum reply error = meta_parse(&meta, META_MD, key, rest, x->thread->now);
    if (error != REPLY_NONE)
        return exchange_reply(x, error);
    const uint64_t *compare = meta_has(&meta, 'C') ? &meta.numbers[META_COMPARE] : NULL;
    COUNT(x, cmd_meta);
    exchange_forget_shown(x, &meta.key);
    switch (store_delete(x->thread->store, &meta.key, compare)) {
    case STORE_DELETED:
        COUNT(x, delete_hits);
        return meta_has(&meta, 'q') ? true : meta_reply(x, &meta, "HD", NULL);
    case STORE_DELETE_MISS:
        COUNT(x, delete_misses);
        return meta_reply(x, &meta, "NF", NULL);
    case STORE_DELETE_EXISTS:
        break;
    }
    return meta_reply(x, &meta, "EX", NULL);
}
