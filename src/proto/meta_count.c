#include "config.h"

#include "proto/meta_request.h"
#include "proto/watch.h"

/* How often a key that comes and goes meanwhile is tried again. */
#define TRIES_MAX 8

static bool mode_is_known(const struct meta_request *meta)
{
    return !meta_has(meta, 'M') ||
           (meta->mode.size > 0 && memchr("ID+-", meta->mode.at[0], 4) != NULL);
}

static bool is_decrement(const struct meta_request *meta)
{
    return meta_has(meta, 'M') && memchr("D-", meta->mode.at[0], 2) != NULL;
}

static void count_hit(struct exchange *x, const struct meta_request *meta)
{
    if (is_decrement(meta))
        COUNT(x, decr_hits);
    else
        COUNT(x, incr_hits);
}

/* With N a key that is not there is made, with the value of J and without the delta. */
static enum store_outcome vivify(struct exchange *x, const struct meta_request *meta,
                                 struct store_number *number)
{
    char digits[NUMBER_U64_SIZE_MAX];
    struct store_result result = {0};
    struct store_put put = {.mode = STORE_ADD,
                            .exptime = (uint32_t)meta->numbers[META_VIVIFY_EXPTIME],
                            .want_cas = meta_has(meta, 'c'),
                            .set_cas = meta_has(meta, 'E'),
                            .cas = meta->numbers[META_CAS],
                            .marks = meta_marks(meta)};
    number->value = meta_has(meta, 'J') ? meta->numbers[META_INITIAL] : 0;
    struct slice value = {digits, number_format_u64(digits, number->value)};
    enum store_outcome outcome = store_put(x->thread->store, &meta->key, &put, value, &result);
    struct watch_store told = {&put, outcome, value.size};
    watch_stored(x, &meta->key, &told);
    number->cas = result.cas;
    return outcome;
}

/* A number that N made counts neither as found nor as missed. C0 is as no C; that is so of ma
 * alone. */
static enum store_outcome_arithmetic count(struct exchange *x, const struct meta_request *meta,
                                           struct store_number *number)
{
    struct store_arithmetic how = {.decrement = is_decrement(meta),
                                   .delta = meta_has(meta, 'D') ? meta->numbers[META_DELTA] : 1,
                                   .pad = x->shown_hash != meta->key.hash,
                                   .want_cas = meta_has(meta, 'c'),
                                   .compare_cas = meta->numbers[META_COMPARE] != 0,
                                   .compare = meta->numbers[META_COMPARE],
                                   .cas = meta_has(meta, 'E') ? meta->numbers[META_CAS] : 0};
    enum store_outcome_arithmetic outcome = STORE_COUNT_MISS;
    exchange_forget_shown(x, &meta->key);
    (void)watch_look(x, &meta->key);
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        outcome = store_count(x->thread->store, &meta->key, &how, number);
        if (outcome == STORE_COUNTED)
            count_hit(x, meta);
        if (outcome != STORE_COUNT_MISS || !meta_has(meta, 'N'))
            return outcome;
        enum store_outcome added = vivify(x, meta, number);
        if (added == STORE_STORED)
            return STORE_COUNTED;
        if (added != STORE_NOT_STORED)
            return STORE_COUNT_NO_MEMORY;
    }
    return outcome;
}

/* The exptime that t shows, and the one that T sets. */
static void read_exptime(struct exchange *x, const struct meta_request *meta,
                         struct store_item *item)
{
    struct store_item touched = {0};
    uint32_t exptime = (uint32_t)meta->numbers[META_NEW_EXPTIME];
    if (meta_has(meta, 't') &&
        store_get(x->thread->store, &meta->key, STORE_PEEK, item) != STORE_HIT)
        return;
    if (!meta_has(meta, 'T') ||
        store_touch(x->thread->store, &meta->key, exptime, 0, &touched) != STORE_HIT)
        return;
    if (!meta_precedes_touch(meta, 't'))
        *item = touched;
}

static bool counted(struct exchange *x, const struct meta_request *meta,
                    const struct store_number *number)
{
    struct store_item item = {0};
    char digits[NUMBER_U64_SIZE_MAX];
    read_exptime(x, meta, &item);
    struct meta_facts facts = {.cas = number->cas, .exptime = item.exptime, .now = x->thread->now};
    if (!meta_has(meta, 'v'))
        return meta_has(meta, 'q') ? true : meta_reply(x, meta, "HD", &facts);
    struct slice value = {digits, number_format_u64(digits, number->value)};
    char *to = PUT_LITERAL(output_end(x->buffers), "VA ");
    to = meta_put_flags(put_u64(to, value.size), meta, &facts);
    to = put_slice(PUT_LITERAL(to, "\r\n"), value);
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    return true;
}

static bool missed(struct exchange *x, const struct meta_request *meta)
{
    if (is_decrement(meta))
        COUNT(x, decr_misses);
    else
        COUNT(x, incr_misses);
    return meta_reply(x, meta, "NF", NULL);
}

bool command_ma(struct exchange *x, struct request *request)
{
    struct meta_request meta;
    struct store_number number = {0};
    struct slice rest = request->arguments;
    struct slice key;
    if (!word_next(&rest, &key))
        return exchange_reply(x, REPLY_BAD_FORMAT);
    if (meta_parse(&meta, META_MA, key, rest, x->thread->now) != REPLY_NONE)
        return exchange_reply(x, REPLY_BAD_OR_DUPLICATE_FLAG);
    if (!mode_is_known(&meta))
        return exchange_reply(x, REPLY_BAD_COUNT_MODE);
    COUNT(x, cmd_meta);
    exchange_note_key(x, &meta.key);
    switch (count(x, &meta, &number)) {
    case STORE_COUNTED:
        return counted(x, &meta, &number);
    case STORE_COUNT_MISS:
        return missed(x, &meta);
    case STORE_COUNT_EXISTS:
        return meta_reply(x, &meta, "EX", NULL);
    case STORE_NOT_A_NUMBER:
        return exchange_reply(x, REPLY_NOT_A_NUMBER);
    case STORE_COUNT_NO_MEMORY:
        break;
    }
    COUNT(x, store_no_memory);
    return exchange_reply(x, REPLY_NO_MEMORY);
}
