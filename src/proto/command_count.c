#include "config.h"

#include "proto/watch.h"

/*
 * memcached changes a number in place and pads it with spaces, unless a reply that it has not sent
 * yet still shows the old one: then it makes a new item of the text's own length.
 */
static bool pads(const struct exchange *x, const struct store_key *key)
{
    return x->shown_hash != key->hash;
}

static bool counted(struct exchange *x, const struct request *request, uint64_t value)
{
    if (request->command == COMMAND_DECR)
        COUNT(x, decr_hits);
    else
        COUNT(x, incr_hits);
    if (request->quiet)
        return true;
    char *to = put_u64(output_end(x->buffers), value);
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    return true;
}

static bool missed(struct exchange *x, const struct request *request)
{
    if (request->command == COMMAND_DECR)
        COUNT(x, decr_misses);
    else
        COUNT(x, incr_misses);
    return request_reply(x, request, REPLY_NOT_FOUND);
}

bool command_count(struct exchange *x, struct request *request)
{
    struct slice key_text = request->words[0];
    struct store_arithmetic how = {.decrement = request->command == COMMAND_DECR};
    struct store_number number;
    if (key_text.size > STORE_KEY_SIZE_MAX)
        return request_reply(x, request, REPLY_BAD_FORMAT);
    if (!number_parse_u64(request->words[1], &how.delta))
        return request_reply(x, request, REPLY_BAD_DELTA);
    struct store_key key = store_key_of(key_text.at, key_text.size);
    exchange_note_key(x, &key);
    how.pad = pads(x, &key);
    exchange_forget_shown(x, &key);
    (void)watch_look(x, &key);
    switch (store_count(x->thread->store, &key, &how, &number)) {
    case STORE_COUNTED:
        return counted(x, request, number.value);
    case STORE_COUNT_EXISTS: /* never: nothing is compared */
    case STORE_COUNT_MISS:
        return missed(x, request);
    case STORE_NOT_A_NUMBER:
        return request_reply(x, request, REPLY_NOT_A_NUMBER);
    case STORE_COUNT_NO_MEMORY:
        break;
    }
    COUNT(x, store_no_memory);
    return request_reply(x, request, REPLY_NO_MEMORY);
}
