#ifndef LARDER_REPLY_H
#define LARDER_REPLY_H

/* Bytes into the output of a session: constant replies, and the writing of longer ones in place. */

#include "proto/proto.h"
#include "base/number.h"

#include <string.h>

/* What clients that test for a memcached version find, and larder's own behind it. */
#define PROTOCOL_VERSION "1.6.45-larder-" PACKAGE_VERSION

/* Every reply without a value fits; a request is started only with that much room in the output. */
#define REPLY_ROOM 1024

enum reply {
#define REPLY(name, text) name,
#include "proto/replies.def"
#undef REPLY
    REPLY_NONE
};

struct slice reply_bytes(enum reply reply);

/* The caller knows that there is room. */
void reply_add(struct session_buffers *buffers, enum reply reply);

/* Writing in place: each returns where the next byte goes. */
static inline char *put_slice(char *to, struct slice bytes)
{
    bytes_copy(to, bytes.at, bytes.size);
    return to + bytes.size;
}

static inline char *put_u64(char *to, uint64_t value)
{
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    if (value < 100) {
        memcpy(to, number_pairs + 2 * value, 2);
        return to + 2;
    }
    if (value < 1000) {
        *to = (char)('0' + value / 100);
        memcpy(to + 1, number_pairs + 2 * (value % 100), 2);
        return to + 3;
    }
    return to + number_format_u64(to, value);
}

/* So large a value is cheaper to send from where it is than to copy before. */
#define LENT_VALUE_SIZE_MIN 4096

/* Leaves a gap for the value, if there may be one more. */
char *output_lend(struct session_buffers *buffers, char *to, struct slice value);

/* `is_last`: this ends the answer to all input. Then nothing passes the turn before it is sent, and
 * a large value may be lent. */
static inline char *put_value(struct session_buffers *buffers, char *to, struct slice value,
                              bool is_last)
{
    return LIKELY(value.size < LENT_VALUE_SIZE_MIN || !is_last) ? put_slice(to, value)
                                                                : output_lend(buffers, to, value);
}

#define PUT_LITERAL(to, text) (memcpy((to), (text), sizeof(text) - 1), (to) + sizeof(text) - 1)

static inline char *output_end(const struct session_buffers *buffers)
{
    return buffers->out + buffers->out_size;
}

static inline void output_extend_to(struct session_buffers *buffers, const char *end)
{
    buffers->out_size = (size_t)(end - buffers->out);
}

static inline size_t output_room(const struct session_buffers *buffers)
{
    return buffers->out_capacity - buffers->out_size;
}

#endif
