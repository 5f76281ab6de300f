#include "config.h"

#include "proto/watch.h"

bool command_delete(struct exchange *x, struct request *request)
{
    struct slice key_text = request->words[0];
    if (key_text.size > STORE_KEY_SIZE_MAX)
        return request_reply(x, request, REPLY_BAD_FORMAT);
    struct store_key key = store_key_of(key_text.at, key_text.size);
    exchange_forget_shown(x, &key);
    exchange_note_key(x, &key);
    exchange_note_prefix(x, &key, PREFIX_DELETE);
    uint64_t value_size = watch_look(x, &key);
    if (store_delete(x->thread->store, &key, NULL) != STORE_DELETED) {
        COUNT(x, delete_misses);
        return request_reply(x, request, REPLY_NOT_FOUND);
    }
    COUNT(x, delete_hits);
    watch_deleted(x, &key, "delete", value_size);
    return request_reply(x, request, REPLY_DELETED);
}
