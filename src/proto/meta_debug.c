/* me: what is known of one item, for people to read. */

#include "config.h"

#include "proto/meta_request.h"
#include "proto/stats.h"
#include "proto/watch.h"

/* As memcached counts: the seconds left, below zero. */
static char *put_exp(char *to, uint32_t exptime, uint32_t now)
{
    to = PUT_LITERAL(to, " exp=-");
    return put_u64(to, exptime == 0 ? 1 : exptime - now);
}

static char *put_word(char *to, struct slice name, uint64_t value)
{
    return put_u64(put_slice(to, name), value);
}

/* Only the first flag is looked at, and only for b. */
static enum reply parse(struct meta_request *meta, struct slice rest, uint32_t now)
{
    struct slice key, flag;
    bool binary;
    if (!word_next(&rest, &key))
        return REPLY_BAD_FORMAT;
    binary = word_next(&rest, &flag) && flag.at[0] == 'b';
    struct slice flags = binary ? SLICE_LITERAL("b") : SLICE_LITERAL("");
    return meta_parse(meta, META_ME, key, flags, now) == REPLY_NONE ? REPLY_NONE : REPLY_BAD_FORMAT;
}

bool command_me(struct exchange *x, struct request *request)
{
    struct meta_request meta;
    struct store_item item;
    uint32_t now = x->thread->now;
    enum reply error = parse(&meta, request->arguments, now);
    if (error != REPLY_NONE)
        return exchange_reply(x, error);
    COUNT(x, cmd_meta);
    (void)watch_look(x, &meta.key);
    if (store_get(x->thread->store, &meta.key, STORE_PEEK | STORE_WANT_CAS | STORE_WANT_IDLE,
                  &item) != STORE_HIT)
        return exchange_reply(x, REPLY_META_MISS);
    char *to = PUT_LITERAL(output_end(x->buffers), "ME ");
    to =
        meta_put_key(to, (struct slice){meta.key.at, meta.key.size}, item.marks & STORE_KEY_BINARY);
    to = put_exp(to, item.exptime, now);
    to = put_word(to, SLICE_LITERAL(" la="), item.idle_seconds);
    to = put_word(to, SLICE_LITERAL(" cas="), item.cas);
    to = item.marks & STORE_FETCHED ? PUT_LITERAL(to, " fetch=yes") : PUT_LITERAL(to, " fetch=no");
    to = put_word(to, SLICE_LITERAL(" cls=1 size="), stats_item_size(meta.key.size, &item));
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    return true;
}
