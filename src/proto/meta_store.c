#include "config.h"

#include "proto/value_intake.h"

#define VALUE_SIZE_MAX 2147483645

/* M's first letter; without M, set. */
static bool mode_parse(struct slice mode, enum store_mode *store_mode)
{
    static const char letters[] = {'E', 'A', 'P', 'R', 'S'};
    static const enum store_mode modes[] = {STORE_ADD, STORE_APPEND, STORE_PREPEND, STORE_REPLACE,
                                            STORE_SET};
    for (size_t i = 0; mode.size > 0 && i < ARRAY_COUNT(letters); i++) {
        if (mode.at[0] == letters[i]) {
            *store_mode = modes[i];
            return true;
        }
    }
    return false;
}

static struct store_put put_of(const struct meta_request *meta)
{
    struct store_put put = {
        .mode = STORE_SET, .want_cas = meta_has(meta, 'c'), .marks = meta_marks(meta)};
    if (meta_has(meta, 'F'))
        put.client_flags = (uint32_t)meta->numbers[META_CLIENT_FLAGS];
    if (meta_has(meta, 'T'))
        put.exptime = (uint32_t)meta->numbers[META_NEW_EXPTIME];
    if (meta_has(meta, 'C')) {
        put.compare_cas = true;
        put.compare = meta->numbers[META_COMPARE];
        put.accept_older = meta_has(meta, 'I');
    }
    if (meta_has(meta, 'E')) {
        put.set_cas = true;
        put.cas = meta->numbers[META_CAS];
    }
    return put;
}

static void adjust_to_mode(struct store_put *put, const struct meta_request *meta)
{
    bool joins = put->mode == STORE_APPEND || put->mode == STORE_PREPEND;
    /* An add only ever stores where no item is, which has no cas unique to compare with. */
    if (put->mode == STORE_ADD)
        put->compare_cas = false;
    if (joins && meta_has(meta, 'N')) {
        put->adds = true;
        put->exptime = (uint32_t)meta->numbers[META_VIVIFY_EXPTIME];
    }
}

enum reply intake_parse_meta(struct intake *intake, const struct request *request,
                             struct meta_request *meta, uint32_t now)
{
    struct slice rest = request->arguments;
    struct slice key, size;
    *intake = (struct intake){.request = request, .meta = meta, .drop_old = true};
    if (!word_next(&rest, &key) || !word_next(&rest, &size) ||
        !number_parse_u64(size, &intake->value_size) || intake->value_size > VALUE_SIZE_MAX)
        return REPLY_BAD_FORMAT;
    intake->size_known = true;
    enum reply error = meta_parse(meta, META_MS, key, rest, now);
    if (error != REPLY_NONE)
        return error;
    intake->key = meta->key;
    intake->put = put_of(meta);
    if (meta_has(meta, 'M') && !mode_parse(meta->mode, &intake->put.mode))
        return REPLY_BAD_STORE_MODE;
    adjust_to_mode(&intake->put, meta);
    return REPLY_NONE;
}

void intake_answer_meta(struct exchange *x, const struct intake *intake, enum store_outcome outcome,
                        const struct store_result *result)
{
    static const char *const codes[] = {
        [STORE_STORED] = "HD",    [STORE_NOT_STORED] = "NS", [STORE_EXISTS] = "EX",
        [STORE_NOT_FOUND] = "NF", [STORE_TOO_LARGE] = "NS",
    };
    bool stored = outcome == STORE_STORED;
    struct meta_facts facts = {.cas = result->cas, .value_size = result->value_size};
    COUNT(x, cmd_meta);
    if (outcome == STORE_NO_MEMORY)
        exchange_reply(x, REPLY_NO_MEMORY_STORING);
    else if (!stored || !meta_has(intake->meta, 'q'))
        meta_reply(x, intake->meta, codes[outcome], &facts);
}

bool command_ms(struct exchange *x, struct request *request)
{
    struct intake intake;
    struct meta_request meta;
    enum reply error = intake_parse_meta(&intake, request, &meta, x->thread->now);
    return intake_run(x, &intake, error);
}
