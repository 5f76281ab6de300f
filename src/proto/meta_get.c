#include "config.h"

#include "proto/meta_request.h"
#include "proto/session_work.h"
#include "proto/watch.h"

/* How often a key that comes and goes meanwhile is looked up again. */
#define TRIES_MAX 8

/* What an mg has found, or made. */
struct finding {
    struct store_item item;
    enum store_find found;
    uint32_t exptime_judged; /* that R goes by */
    bool won;
};

static void touch(struct exchange *x, const struct meta_request *meta, unsigned want,
                  struct finding *finding)
{
    struct store_thread *store = x->thread->store;
    struct store_item *item = &finding->item;
    struct store_item old = {0};
    uint32_t exptime = (uint32_t)meta->numbers[META_NEW_EXPTIME];
    bool old_shown = meta_precedes_touch(meta, 't');
    bool old_judged = meta_precedes_touch(meta, 'R');
    if ((old_shown || old_judged || want & STORE_WANT_IDLE) &&
        store_get(store, &meta->key, STORE_PEEK | (want & STORE_WANT_IDLE), &old) != STORE_HIT)
        old_shown = old_judged = false;
    finding->found = store_touch(store, &meta->key, exptime, want, item);
    finding->exptime_judged = old_judged ? old.exptime : item->exptime;
    item->idle_seconds = old.idle_seconds;
    if (old_shown)
        item->exptime = old.exptime;
}

static void look_up(struct exchange *x, const struct meta_request *meta, struct finding *finding)
{
    unsigned want = (meta_has(meta, 'c') ? STORE_WANT_CAS : 0) |
                    (meta_has(meta, 'u') ? STORE_PEEK : 0) |
                    (meta_has(meta, 'l') ? STORE_WANT_IDLE : 0);
    finding->won = false;
    if (meta_has(meta, 'T')) {
        touch(x, meta, want, finding);
        return;
    }
    finding->found = store_get(x->thread->store, &meta->key, want, &finding->item);
    finding->exptime_judged = finding->item.exptime;
}

/* What a made key gets, and what `t` shows of it: N and T set it in the client's order. */
static void vivified_exptimes(const struct meta_request *meta, uint32_t *last, uint32_t *shown)
{
    *last = *shown = 0;
    for (size_t i = 0; i < meta->flag_count; i++) {
        char letter = meta->flags[i].at[0];
        if (letter == 'N')
            *last = (uint32_t)meta->numbers[META_VIVIFY_EXPTIME];
        else if (letter == 'T')
            *last = (uint32_t)meta->numbers[META_NEW_EXPTIME];
        else if (letter == 't')
            *shown = *last;
    }
}

/* With N a key that is not there is made, without a value, and its maker has won it. */
static enum store_outcome vivify(struct exchange *x, const struct meta_request *meta,
                                 struct finding *finding)
{
    uint32_t exptime, shown;
    vivified_exptimes(meta, &exptime, &shown);
    struct store_result result = {0};
    struct store_put put = {.mode = STORE_ADD,
                            .exptime = exptime,
                            .want_cas = meta_has(meta, 'c'),
                            .set_cas = meta_has(meta, 'E'),
                            .cas = meta->numbers[META_CAS],
                            .marks = meta_marks(meta) | STORE_WON |
                                     (meta_has(meta, 'u') ? 0 : STORE_FETCHED)};
    enum store_outcome outcome =
        store_put(x->thread->store, &meta->key, &put, SLICE_LITERAL(""), &result);
    if (outcome != STORE_STORED)
        return outcome;
    exchange_forget_shown(x, &meta->key);
    finding->item = (struct store_item){
        .value = "", .cas = result.cas, .exptime = shown, .marks = meta_marks(meta)};
    finding->found = STORE_HIT;
    finding->won = true;
    return STORE_STORED;
}

static bool is_to_be_stored_anew(const struct meta_request *meta, const struct finding *finding)
{
    uint32_t exptime = finding->exptime_judged;
    if (finding->item.marks & STORE_STALE)
        return true;
    return meta_has(meta, 'R') && exptime != 0 && exptime < meta->numbers[META_RECACHE];
}

/* Asks for the right to store it anew. false: it is another item now, look again. */
static bool claim(struct exchange *x, const struct meta_request *meta, struct finding *finding)
{
    if (!is_to_be_stored_anew(meta, finding))
        return true;
    switch (store_win(x->thread->store, &meta->key, &finding->item)) {
    case STORE_WIN:
        finding->won = true;
        return true;
    case STORE_WIN_LOST:
        finding->item.marks |= STORE_WON;
        return true;
    case STORE_WIN_CHANGED:
        break;
    }
    return false;
}

/* --- the reply ----------------------------------------------------------------------------- */

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
    struct slice value = {item->value, item->value_size};
    to = put_value(x->buffers, to, value, x->buffers->in.size == 0);
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    x->shown_hash = meta->key.hash;
    return true;
}

static bool found(struct exchange *x, const struct meta_request *meta,
                  const struct finding *finding)
{
    const struct store_item *item = &finding->item;
    struct meta_facts facts = {.cas = item->cas,
                               .value_size = item->value_size,
                               .client_flags = item->client_flags,
                               .exptime = item->exptime,
                               .now = x->thread->now,
                               .idle_seconds = item->idle_seconds,
                               .marks = item->marks,
                               .won = finding->won,
                               .key_as_stored = true};
    count_hit(x, meta);
    return meta_has(meta, 'v') ? reply_value(x, meta, item, &facts)
                               : meta_reply(x, meta, "HD", &facts);
}

/* --- the command --------------------------------------------------------------------------- */

static bool fits(const struct exchange *x, const struct meta_request *meta,
                 const struct store_item *item)
{
    return !meta_has(meta, 'v') || item->value == NULL ||
           output_room(x->buffers) >= REPLY_ROOM + item->value_size;
}

/* Looks before the item is changed by being looked up: a line that is given back is run again. */
static bool must_send_first(struct exchange *x, const struct meta_request *meta)
{
    struct store_item item;
    size_t most = x->thread->protocol->inline_size_max;
    if (!meta_has(meta, 'v') || LIKELY(output_room(x->buffers) >= REPLY_ROOM + most))
        return false;
    return store_get(x->thread->store, &meta->key, STORE_PEEK, &item) == STORE_HIT &&
           !fits(x, meta, &item);
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
    struct finding finding = {.found = STORE_MISS};
    struct slice rest = request->arguments;
    struct slice key;
    word_next(&rest, &key);
    enum reply error = meta_parse(&meta, META_MG, key, rest, x->thread->now);
    if (error != REPLY_NONE)
        return exchange_reply(x, error);
    if (must_send_first(x, &meta))
        return send_first(x, request);
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        enum store_outcome made = STORE_STORED;
        look_up(x, &meta, &finding);
        if (finding.found == STORE_HIT && !fits(x, &meta, &finding.item))
            return send_first(x, request);
        watch_fetched(x, &meta.key, finding.found, &finding.item);
        if (finding.found != STORE_HIT && meta_has(&meta, 'N'))
            made = vivify(x, &meta, &finding);
        if (made == STORE_NO_MEMORY)
            return exchange_reply(x, REPLY_NO_MEMORY);
        if (finding.found != STORE_HIT ? !meta_has(&meta, 'N')
                                       : finding.won || claim(x, &meta, &finding))
            break;
    }
    COUNT(x, cmd_meta);
    exchange_note_key(x, &meta.key);
    return finding.found == STORE_HIT ? found(x, &meta, &finding) : missed(x, &meta, finding.found);
}
