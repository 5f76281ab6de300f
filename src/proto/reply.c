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

char *output_lend(struct session_buffers *buffers, char *to, struct slice value)
{
    if (buffers->gap_count == OUTPUT_GAPS_MAX)
        return put_slice(to, value);
    buffers->gaps[buffers->gap_count++] = (struct output_gap){to, value};
    return to + value.size;
}

int output_vectors(const struct session_buffers *buffers, struct iovec *vectors)
{
    int count = 0;
    char *at = buffers->out;
    for (unsigned i = 0; i < buffers->gap_count; i++) {
        const struct output_gap *gap = &buffers->gaps[i];
        vectors[count++] = (struct iovec){at, (size_t)(gap->at - at)};
        vectors[count++] = (struct iovec){(char *)gap->value.at, gap->value.size};
        at = gap->at + gap->value.size;
    }
    vectors[count++] = (struct iovec){at, (size_t)(output_end(buffers) - at)};
    return count;
}

void output_fill_gaps(struct session_buffers *buffers)
{
    for (unsigned i = 0; i < buffers->gap_count; i++)
        put_slice(buffers->gaps[i].at, buffers->gaps[i].value);
    buffers->gap_count = 0;
}
