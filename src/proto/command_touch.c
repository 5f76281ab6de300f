#include "config.h"

#include "proto/watch.h"

bool command_touch(struct exchange *x, struct request *request)
{
    struct slice key_text = request->words[0];
    uint32_t exptime;
    struct store_item item;
    if (key_text.size > STORE_KEY_SIZE_MAX)
        return request_reply(x, request, REPLY_BAD_FORMAT);
    if (!exptime_parse(request->words[1], x->thread->now, &exptime))
        return request_reply(x, request, REPLY_BAD_EXPTIME);
    struct store_key key = store_key_of(key_text.at, key_text.size);
    COUNT(x, cmd_touch);
    exchange_note_key(x, &key);
    (void)watch_look(x, &key);
    if (store_touch(x->thread->store, &key, exptime, 0, &item) != STORE_HIT) {
        COUNT(x, touch_misses);
        return request_reply(x, request, REPLY_NOT_FOUND);
    }
    COUNT(x, touch_hits);
    return request_reply(x, request, REPLY_TOUCHED);
}
