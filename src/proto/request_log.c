#include "config.h"

#include "proto/request_log.h"

#include "base/log.h"
#include "proto/request_line.h"

#define SHOWN_MAX 900 /* of a line; the log's own take no more than a kilobyte */

/* Where a session was before a step. */
struct place {
    const char *in;
    size_t out_size;
    bool at_line;
    bool started;
    bool is_secret; /* what comes may be a password */
};

static struct place place_of(const struct exchange *x)
{
    const struct session *session = x->session;
    return (struct place){
        .in = x->buffers->in.at,
        .out_size = x->buffers->out_size,
        .at_line = atomic_load_explicit(&session->phase, memory_order_relaxed) == PHASE_LINE,
        .started = session->started,
        .is_secret = x->thread->protocol->config.authenticate && !session->admitted,
    };
}

/* The log shows any other byte that is not printable as a question mark by itself. */
static void log_text(const struct exchange *x, char direction, const char *what, struct slice text)
{
    char shown[SHOWN_MAX];
    int size = (int)(text.size < SHOWN_MAX ? text.size : SHOWN_MAX);
    for (int i = 0; i < size; i++)
        shown[i] = text.at[i] == '\0' ? '?' : text.at[i];
    if ((size_t)size == text.size)
        log_write(LOG_DEBUG, "%c%d %s%.*s", direction, x->buffers->client, what, size, shown);
    else
        log_write(LOG_DEBUG, "%c%d %s%.*s... (%zu bytes)", direction, x->buffers->client, what,
                  size, shown, text.size);
}

/* A line that was given back, since its value has not come yet, is none so far. */
static void log_request(const struct exchange *x, const struct place *before)
{
    if (!before->started && x->session->started && !x->session->broken)
        log_write(LOG_DEBUG, "%d: Client using the ascii protocol", x->buffers->client);
    if (!before->at_line || x->buffers->in.at == before->in)
        return;
    struct line line;
    struct slice in = {before->in, (size_t)(x->buffers->in.at + x->buffers->in.size - before->in)};
    if (before->is_secret)
        line.text = SLICE_LITERAL("(not shown, as it may hold a password)");
    else if (line_find(in, 0, &line) != LINE_COMPLETE)
        return;
    log_text(x, '<', "", line.text);
}

/* The next line of *bytes, without its end, which moves on behind it. */
static struct slice next_line(struct slice *bytes)
{
    const char *end = memchr(bytes->at, '\n', bytes->size);
    size_t size = end == NULL ? bytes->size : (size_t)(end - bytes->at);
    struct slice line = {bytes->at, size};
    size += end != NULL;
    *bytes = (struct slice){bytes->at + size, bytes->size - size};
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* Steps over a value of so many bytes, of which a large one is not in the output. */
static void skip_value(struct slice *bytes, struct slice size_text)
{
    uint64_t size = 0;
    if (!number_parse_u64(size_text, &size) || size + 2 > bytes->size)
        size = bytes->size;
    else
        size += 2;
    *bytes = (struct slice){bytes->at + size, bytes->size - (size_t)size};
}

/* Values by their key, or for mg by what is said of them; of statistics and dumps the end alone. */
static void log_replies(const struct exchange *x, const struct place *before)
{
    struct slice left = {x->buffers->out + before->out_size,
                         x->buffers->out_size - before->out_size};
    while (left.size > 0) {
        struct slice words[4];
        struct slice line = next_line(&left);
        size_t count = words_split(line, words, 4);
        if (count == 4 && slice_is(words[0], "VALUE")) {
            log_text(x, '>', "sending key ", words[1]);
            skip_value(&left, words[3]);
        } else if (count >= 2 && slice_is(words[0], "VA")) {
            log_text(x, '>', "", line);
            skip_value(&left, words[1]);
        } else if (left.size == 0) {
            log_text(x, '>', "", line);
        }
    }
}

static void log_unsaid(const struct exchange *x)
{
    struct slice left = reply_bytes((enum reply)x->unsaid);
    log_text(x, '>', "NOREPLY ", next_line(&left));
}

/* Requests get their turns one by one, as get lines are taken many at a time otherwise. */
void run_logged(struct exchange *x, bool (*run_phase)(struct exchange *x))
{
    unsigned left = x->requests_left;
    bool goes_on = true;
    while (goes_on) {
        struct place before = place_of(x);
        x->unsaid = REPLY_NONE;
        x->requests_left = left > 0;
        goes_on = run_phase(x);
        left -= left > 0 && x->requests_left == 0;
        log_request(x, &before);
        log_replies(x, &before);
        if (x->unsaid != REPLY_NONE)
            log_unsaid(x);
    }
}
