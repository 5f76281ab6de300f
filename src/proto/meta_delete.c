#include "config.h"

#include "proto/meta_request.h"
#include "proto/watch.h"

static enum store_outcome_delete delete_item(struct exchange *x, const struct meta_request *meta,
                                             const uint64_t *compare)
{
    uint64_t value_size = watch_look(x, &meta->key);
    enum store_outcome_delete outcome = store_delete(x->thread->store, &meta->key, compare);
    if (outcome == STORE_DELETED)
        watch_deleted(x, &meta->key, "md", value_size);
    return outcome;
}

/* With I or x the item stays, as a reminder of itself. */
static enum store_outcome_delete remove_or_invalidate(struct exchange *x,
                                                      const struct meta_request *meta)
{
    const uint64_t *compare = meta_has(meta, 'C') ? &meta->numbers[META_COMPARE] : NULL;
    struct store_invalidation how = {
        .compare = compare,
        .cas = meta_has(meta, 'E') ? meta->numbers[META_CAS] : 0,
        .exptime = (uint32_t)meta->numbers[META_NEW_EXPTIME],
        .set_exptime = meta_has(meta, 'T'),
        .stale = meta_has(meta, 'I'),
        .empty = meta_has(meta, 'x'),
    };
    exchange_forget_shown(x, &meta->key);
    if (how.stale || how.empty) {
        (void)watch_look(x, &meta->key);
        return store_invalidate(x->thread->store, &meta->key, &how);
    }
    return delete_item(x, meta, compare);
}

bool command_md(struct exchange *x, struct request *request)
{
    struct meta_request meta;
    struct slice rest = request->arguments;
    struct slice key;
    word_next(&rest, &key);
    enum reply error = meta_parse(&meta, META_MD, key, rest, x->thread->now);
    if (error != REPLY_NONE)
        return exchange_reply(x, error);
    COUNT(x, cmd_meta);
    exchange_note_key(x, &meta.key);
    switch (remove_or_invalidate(x, &meta)) {
    case STORE_DELETED:
        /* A stale item is still there. */
        if (!meta_has(&meta, 'I'))
            COUNT(x, delete_hits);
        return meta_has(&meta, 'q') ? true : meta_reply(x, &meta, "HD", NULL);
    case STORE_DELETE_MISS:
        COUNT(x, delete_misses);
        return meta_reply(x, &meta, "NF", NULL);
    case STORE_DELETE_EXISTS:
        COUNT(x, delete_misses);
        break;
    }
    return meta_reply(x, &meta, "EX", NULL);
}
