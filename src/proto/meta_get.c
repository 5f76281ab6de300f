#include "config.h"

#include "proto/meta_request.h"
#include "proto/session_work.h"

static enum store_find touch(struct exchange *x, const struct meta_request *meta, unsigned want,
                             struct store_item *item)
{
    struct store_thread *store = x->thread->store;
    struct store_item old;
    uint32_t exptime = (uint32_t)meta->numbers[META_NEW_EXPTIME];
    bool shows_old =
        meta_shows_old_exptime(meta) && store_get(store, &meta->key, STORE_PEEK, &old) == STORE_HIT;
    enum store_find found = store_touch(store, &meta->key, exptime, want, item);
    if (found == STORE_HIT && shows_old)
        item->exptime = old.exptime;
    return found;
}

static enum store_find look_up(struct exchange *x, const struct meta_request *meta,
                               struct store_item *item)
{
    struct store_thread *store = x->thread->store;
    unsigned want = meta_has(meta, 'c') ? STORE_WANT_CAS : 0;
    if (meta_has(meta, 'u'))
        want |= STORE_PEEK;
    if (meta_has(meta, 'T'))
        return touch(x, meta, want, item);
    return store_get(store, &meta->key, want, item);
}

static bool missed(struct exchange *x, const struct meta_request *meta, enum store_find found)
{
    COUNT(x, cmd_get);
    COUNT(x, get_misses);
    if (found == STORE_MISS_EXPIRED)
        COUNT(x, get_expired);
    else if (found == STORE_MISS_FLUSHED)
        COUNT(x, get_flushed);
    return meta_has(meta, 'q') ? true : meta_reply(x, meta, "EN", NULL);
}

static void count_hit(struct exchange *x, const struct meta_request *meta)
{
    if (meta_has(meta, 'T')) {
        COUNT(x, cmd_touch);
        COUNT(x, touch_hits);
    } else {
        COUNT(x, cmd_get);
        COUNT(x, get_hits);
    }
}

static char *put_head(const struct exchange *x, const struct meta_request *meta,
                      const struct meta_facts *facts)
{
    char *to = PUT_LITERAL(output_end(x->buffers), "VA ");
    to = put_u64(to, facts->value_size);
    to = meta_put_flags(to, meta, facts);
    return PUT_LITERAL(to, "\r\n");
}

static bool reply_value(struct exchange *x, const struct meta_request *meta,
                        const struct store_item *item, const struct meta_facts *facts)
{
    if (item->value == NULL) {
        if (!session_tail_pin(x, item))
            return exchange_reply(x, REPLY_NO_MEMORY_SENDING);
        output_extend_to(x->buffers, put_head(x, meta, facts));
        return exchange_sleep(x, SESSION_SENDING);
    }
    char *to = put_head(x, meta, facts);
    to = put_slice(to, (struct slice){item->value, item->value_size});
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    x->shown_hash = meta->key.hash;
    return true;
}

/* The line is given back when the output must be sent before its value fits. */
static bool send_first(struct exchange *x, const struct request *request)
{
    exchange_continue_at(x, request->line.text.at);
    return exchange_sleep(x, SESSION_SENDING);
}

bool command_mg(struct exchange *x, struct request *request)
{
    struct meta_request meta;
    struct store_item item;
    struct slice rest = request->arguments;
    struct slice key;
    word_next(&rest, &key);
    enum reply error = meta_parse(&meta, META_MG, key, rest, x->thread->now);
    if (error != REPLY_NONE)
        return exchange_reply(x, error);
    enum store_find found = look_up(x, &meta, &item);
    if (found == STORE_HIT && meta_has(&meta, 'v') && item.value != NULL &&
        output_room(x->buffers) < REPLY_ROOM + item.value_size)
        return send_first(x, request);
    COUNT(x, cmd_meta);
    if (found != STORE_HIT)
        return missed(x, &meta, found);
    count_hit(x, &meta);
    struct meta_facts facts = {item.cas, item.value_size, item.client_flags, item.exptime,
                               x->thread->now};
    if (meta_has(&meta, 'v'))
        return reply_value(x, &meta, &item, &facts);
    return meta_reply(x, &meta, "HD", &facts);
}
