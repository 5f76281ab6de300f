#include "config.h"

#include "proto/dump.h"

#include "proto/base64.h"
#include "proto/class_list.h"
#include "proto/session_work.h"
#include "proto/stats.h"

#include <inttypes.h>
#include <stdlib.h>

#define ITEMS_PER_STEP 64
#define CACHEDUMP_SIZE_MAX (2u << 20)

struct dump_step {
    struct dump *dump;
    struct text *text;
    uint32_t now;
};

/* --- lines ---------------------------------------------------------------------------------- */

static void add_metadump_line(const struct dump_step *step, struct slice key,
                              const struct store_item *item)
{
    text_add(step->text, SLICE_LITERAL("key="));
    text_add_encoded(step->text, key);
    text_format(step->text,
                " exp=%" PRId64 " la=%" PRIu32 " cas=%" PRIu64 " fetch=%s cls=1 size=%" PRIu64
                " flags=%" PRIu32 " \n",
                item->exptime == 0 ? INT64_C(-1) : (int64_t)item->exptime,
                step->now - item->idle_seconds, item->cas,
                item->marks & STORE_FETCHED ? "yes" : "no", stats_item_size(key.size, item),
                item->client_flags);
}

static void add_mgdump_line(const struct dump_step *step, struct slice key,
                            const struct store_item *item)
{
    char encoded[(STORE_KEY_SIZE_MAX + 2) / 3 * 4];
    text_add(step->text, SLICE_LITERAL("mg "));
    if (item->marks & STORE_KEY_BINARY) {
        size_t size = base64_encode(encoded, key);
        text_add(step->text, (struct slice){encoded, size});
        text_add(step->text, SLICE_LITERAL(" b\r\n"));
        return;
    }
    text_add(step->text, key);
    text_add(step->text, SLICE_LITERAL("\r\n"));
}

static void add_cachedump_line(const struct dump_step *step, struct slice key,
                               const struct store_item *item)
{
    text_add(step->text, SLICE_LITERAL("ITEM "));
    text_add(step->text, key);
    text_format(step->text, " [%zu b; %" PRIu32 " s]\r\n", item->value_size, item->exptime);
}

static void visit(void *context, struct slice key, const struct store_item *item)
{
    struct dump_step *step = context;
    struct dump *dump = step->dump;
    size_t size_before = step->text->size;
    if (dump->items_left == 0)
        return;
    if (dump->kind == DUMP_METADUMP)
        add_metadump_line(step, key, item);
    else if (dump->kind == DUMP_MGDUMP)
        add_mgdump_line(step, key, item);
    else
        add_cachedump_line(step, key, item);
    size_t size = step->text->size - size_before;
    dump->items_left--;
    if (size <= dump->bytes_left) {
        dump->bytes_left -= size;
        return;
    }
    step->text->size = size_before;
    dump->items_left = 0;
}

/* --- steps ---------------------------------------------------------------------------------- */

static enum reply end_of(enum dump_kind kind)
{
    return kind == DUMP_MGDUMP ? REPLY_META_MISS : REPLY_END;
}

/* Everything of the last step has been sent. The request ends with this one. */
static bool finish(struct exchange *x, struct session_work *work)
{
    struct text text = work->text.text;
    text_add(&text, reply_bytes(end_of(work->text.dump.kind)));
    free(work);
    x->session->work = NULL;
    session_enter(x->session, PHASE_LINE);
    return exchange_reply_text(x, &text);
}

/* The head was sent already: without an end, only closing tells that something is missing. */
static bool fail(struct exchange *x)
{
    session_work_end(x->session, x->thread);
    session_enter(x->session, PHASE_CLOSED);
    return true;
}

/* Nothing of a step is kept meanwhile: as many clients as there are may leave their list unread. */
static bool rest(struct exchange *x, enum session_state said)
{
    text_end(&x->session->work->text.text);
    text_init(&x->session->work->text.text);
    return exchange_sleep(x, said);
}

bool phase_dump(struct exchange *x)
{
    struct session_work *work = x->session->work;
    struct store_thread *store = x->thread->store;
    struct dump *dump = &work->text.dump;
    struct text *text = &work->text.text;
    struct dump before = *dump;
    struct dump_step step = {dump, text, x->thread->now};
    if (x->requests_left == 0)
        return rest(x, SESSION_YIELDING);
    x->requests_left--;
    text->size = 0;
    work->text.sent = 0;
    bool more = store_walk(store, &dump->cursor, ITEMS_PER_STEP, visit, &step);
    store_turn_pass(store, x->thread->now);
    if (text->failed)
        return fail(x);
    if (text->size > output_room(x->buffers) && x->buffers->out_size > 0) {
        *dump = before;
        return rest(x, SESSION_SENDING);
    }
    if (!more || dump->items_left == 0)
        return finish(x, work);
    if (text->size > output_room(x->buffers))
        return exchange_sleep(x, SESSION_SENDING);
    struct slice lines = {text->at, text->size};
    if (lines.size > 0)
        output_extend_to(x->buffers, put_slice(output_end(x->buffers), lines));
    text->size = 0;
    return true;
}

static bool start(struct exchange *x, const struct dump *dump)
{
    struct session_work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return exchange_reply(x, REPLY_NO_MEMORY_STATS);
    work->kind = WORK_DUMP;
    text_init(&work->text.text);
    work->text.dump = *dump;
    x->session->work = work;
    if (dump->kind != DUMP_CACHEDUMP)
        reply_add(x->buffers, REPLY_OK);
    session_enter(x->session, PHASE_DUMP);
    return true;
}

/* memcached hands the connection to its crawler, which can't wait for replies before; so clients
 * know that error. */
bool exchange_dump_keys(struct exchange *x, enum dump_kind kind, struct slice classes)
{
    bool for_mg = kind == DUMP_MGDUMP;
    bool has_items;
    if (!x->thread->protocol->config.dump_allowed)
        return exchange_reply(x, for_mg ? REPLY_KEY_DUMP_NOT_ALLOWED : REPLY_METADUMP_NOT_ALLOWED);
    if (x->buffers->out_size > 0)
        return exchange_reply(x, for_mg ? REPLY_PIPELINED_MGDUMP : REPLY_PIPELINED_METADUMP);
    if (!class_list_parse(classes, &has_items))
        return exchange_reply(x, REPLY_BAD_CLASS);
    struct dump dump = {.kind = kind, .bytes_left = UINT64_MAX};
    dump.items_left = has_items ? UINT64_MAX : 0;
    return start(x, &dump);
}

bool exchange_cachedump(struct exchange *x, const struct slice *words, size_t word_count)
{
    uint32_t class_id;
    uint32_t limit;
    if (!x->thread->protocol->config.dump_allowed)
        return exchange_reply(x, REPLY_CACHEDUMP_NOT_ALLOWED);
    if (word_count < 2)
        return exchange_reply(x, REPLY_BAD_COMMAND_LINE);
    if (!number_parse_u32(words[0], &class_id) || !number_parse_u32(words[1], &limit))
        return exchange_reply(x, REPLY_BAD_FORMAT);
    if (class_id > CLASS_ID_MAX)
        return exchange_reply(x, REPLY_BAD_CLASS_ID);
    struct dump dump = {.kind = DUMP_CACHEDUMP, .bytes_left = CACHEDUMP_SIZE_MAX};
    if (class_id == 1)
        dump.items_left = limit == 0 ? UINT64_MAX : limit;
    return start(x, &dump);
}
