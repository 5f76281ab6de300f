#include "config.h"

#include "proto/reply.h"

static const struct slice replies[] = {
#define REPLY(name, text) [name] = {text "\r\n", sizeof(text "\r\n") - 1},
#include "proto/replies.def"
#undef REPLY
    [REPLY_NONE] = {"", 0},
};

struct slice reply_bytes(enum reply reply)
{
    return replies[reply];
}

void reply_add(struct session_buffers *buffers, enum reply reply)
{
    output_extend_to(buffers, put_slice(output_end(buffers), replies[reply]));
}
