#include "config.h"

#include "session_stream.h"

#include "base/number.h"

#include <stdio.h>

#define RUN_UNIT 16
#define NUMBERED '~'

static void add(struct session_stream *stream, const char *at, size_t size)
{
    if (size > STREAM_SIZE_MAX - stream->size)
        size = STREAM_SIZE_MAX - stream->size;
    memcpy(stream->at + stream->size, at, size);
    stream->size += size;
}

static void add_run(struct session_stream *stream, size_t count, uint8_t byte)
{
    if (count > STREAM_SIZE_MAX - stream->size)
        count = STREAM_SIZE_MAX - stream->size;
    memset(stream->at + stream->size, byte, count);
    stream->size += count;
}

static void add_cut(struct session_stream *stream)
{
    if (stream->cut_count < STREAM_CUTS_MAX)
        stream->cuts[stream->cut_count++] = stream->size;
}

/* Of the line that the stream ends with: the third word of an ms, the fifth of what else stores. */
static size_t announced_size(const struct session_stream *stream)
{
    const char *end = stream->at + stream->size;
    if (stream->size == 0 || end[-1] != '\n')
        return 0;
    const char *before = memrchr(stream->at, '\n', stream->size - 1);
    const char *at = before == NULL ? stream->at : before + 1;
    size_t place = end - at > 2 && at[0] == 'm' && at[1] == 's' ? 2 : 4;
    uint64_t value = 0;
    for (size_t i = 0; i <= place; i++) {
        at += strspn(at, " ");
        size_t size = strcspn(at, " \r\n");
        if (i == place && !number_parse_u64((struct slice){at, size}, &value))
            return 0;
        at += size;
    }
    return value;
}

static void add_value(struct session_stream *stream, uint8_t byte)
{
    add_run(stream, announced_size(stream), byte);
    add(stream, "\r\n", 2);
}

/* Once more what lies between, with a number for each NUMBERED. */
static void add_numbered(struct session_stream *stream, struct slice text, unsigned i)
{
    char number[16];
    size_t number_size = (size_t)snprintf(number, sizeof(number), "%u", i);
    while (text.size > 0) {
        const char *place = memchr(text.at, NUMBERED, text.size);
        size_t size = place == NULL ? text.size : (size_t)(place - text.at);
        add(stream, text.at, size);
        if (place != NULL) {
            add(stream, number, number_size);
            size++;
        }
        text = (struct slice){text.at + size, text.size - size};
    }
}

static void repeat(struct session_stream *stream, size_t start, unsigned count)
{
    struct slice text = {stream->at + start, stream->size - start};
    for (unsigned i = 0; i < count && stream->size < STREAM_SIZE_MAX; i++)
        add_numbered(stream, text, i);
}

void session_stream_init(struct session_stream *stream, const uint8_t *data, size_t size)
{
    static char room[STREAM_SIZE_MAX + 1];
    size_t repeated = 0;
    *stream = (struct session_stream){.at = room};
    for (size_t i = 0; i < size; i++) {
        uint8_t next = i + 1 < size ? data[i + 1] : 0;
        stream->at[stream->size] = '\0';
        switch (data[i]) {
        case STREAM_CUT:
            add_cut(stream);
            break;
        case STREAM_RUN:
            add_run(stream, (size_t)next * RUN_UNIT + 1, i + 2 < size ? data[i + 2] : 0);
            i += 2;
            break;
        case STREAM_VALUE:
            add_value(stream, next);
            i++;
            break;
        case STREAM_REPEAT:
            repeat(stream, repeated, next);
            repeated = stream->size;
            i++;
            break;
        case STREAM_LITERAL:
            add(stream, (const char *)&next, 1);
            i++;
            break;
        default:
            add(stream, (const char *)&data[i], 1);
        }
    }
}
