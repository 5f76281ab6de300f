#include "config.h"

#include "proto/command.h"

#include "base/log_limit.h"
#include "proto/auth.h"
#include "proto/request_log.h"
#include "proto/session_work.h"
#include "proto/watch.h"

#define BINARY_MAGIC 0x80
#define LINE_SIZE_MIN 4 /* its end counted */

static bool (*const phase_runs[])(struct exchange *) = {
#define SESSION_PHASE(name, run, shown) [name] = run,
#include "proto/session_phases.def"
#undef SESSION_PHASE
};

static const char *const phase_names[] = {
#define SESSION_PHASE(name, run, shown) [name] = shown,
#include "proto/session_phases.def"
#undef SESSION_PHASE
};

static uint8_t session_phase(const struct session *session)
{
    return atomic_load_explicit(&((struct session *)session)->phase, memory_order_relaxed);
}

void session_init(struct session *session)
{
    *session = (struct session){.input_wanted = 1};
}

void session_end(struct session *session, struct proto_thread *thread)
{
    session_work_end(session, thread);
}

static bool run_phase(struct exchange *x)
{
    return phase_runs[session_phase(x->session)](x);
}

enum session_state session_run(struct session *session, struct proto_thread *thread,
                               struct session_buffers *buffers)
{
    struct exchange x = {
        .session = session,
        .thread = thread,
        .buffers = buffers,
        .requests_left = thread->protocol->config.requests_per_turn,
        .counts_prefixes = prefix_stats_is_on(thread->protocol->prefixes),
    };
    latency_note_sent(&thread->latency, &thread->counters);
    watch_refresh(thread);
    session_tail_end(session, thread);
    if (UNLIKELY(log_shows(LOG_DEBUG)))
        run_logged(&x, run_phase);
    else
        while (run_phase(&x))
            continue;
    watch_wake_if_told(thread);
    CHECK(buffers->gap_count == 0 || x.state == SESSION_READING);
    return x.state;
}

#define WORD_SIZE_MAX 8 /* of a command that looks up a key, with the space behind it */

/* The second word of a line may be a key. */
void session_expect(const struct session *session, struct proto_thread *thread, struct slice input,
                    struct store_key *key)
{
    key->size = 0;
    if (UNLIKELY(session_phase(session) != PHASE_LINE || input.size < WORD_SIZE_MAX))
        return;
    const char *word_max = input.at + WORD_SIZE_MAX;
    const char *space = find_below(input.at, word_max, ' ' + 1);
    if (UNLIKELY(space == word_max || *space != ' '))
        return;
    const char *end = find_below(space + 1, input.at + input.size, ' ' + 1);
    size_t size = (size_t)(end - space - 1);
    if (UNLIKELY(size == 0 || size > STORE_KEY_SIZE_MAX))
        return;
    *key = store_key_of(space + 1, size);
    store_expect(thread->store, key);
}

void session_expect_item(struct proto_thread *thread, const struct store_key *key)
{
    if (LIKELY(key->size > 0))
        store_expect_item(thread->store, key);
}

size_t session_input_wanted(const struct session *session)
{
    return session->input_wanted;
}

bool session_is_broken(const struct session *session)
{
    return session->broken;
}

const char *session_state_name(const struct session *session)
{
    return phase_names[session_phase(session)];
}

static bool close_session(struct exchange *x)
{
    x->session->broken = true;
    session_enter(x->session, PHASE_CLOSED);
    return true;
}

static bool refuse_binary(struct exchange *x)
{
    log_write_limited(&x->thread->binary_log, LOG_NOTICE,
                      "closed a connection that speaks the binary protocol");
    return close_session(x);
}

/* memcached takes it for a stray web browser's request, and hangs up. */
static bool looks_like_http(struct slice text)
{
    struct slice word = word_last(text);
    return word.size >= 5 && memcmp(word.at, "HTTP/", 5) == 0;
}

static bool asks_for_quiet(struct slice text)
{
    return text.size > 0 && (text.at[text.size - 1] == 'y' || text.at[text.size - 1] == ' ') &&
           slice_equal(word_last(text), SLICE_LITERAL("noreply"));
}

static bool unknown_command(struct exchange *x, struct request *request)
{
    if (request->line.size < LINE_SIZE_MIN)
        return exchange_reply(x, REPLY_BAD_FORMAT);
    if (looks_like_http(request->line.text))
        return close_session(x);
    request->quiet = asks_for_quiet(request->line.text);
    return request_reply(x, request, REPLY_ERROR);
}

static bool run_request(struct exchange *x, struct request *request)
{
    if (UNLIKELY(!request_find_command(request)) || request->line.size < LINE_SIZE_MIN)
        return unknown_command(x, request);
    const struct command *command = command_of(request->command);
    request->quiet = command->noreply && asks_for_quiet(request->arguments);
    if (command->arguments_min > 0) {
        request->word_count = words_split(request->arguments, request->words, ARGUMENTS_MAX);
        if (request->word_count < command->arguments_min)
            return request_reply(x, request, REPLY_BAD_FORMAT);
    }
    return command->run(x, request);
}

/* The input holds no whole line yet. */
static bool await_line(struct exchange *x, enum line_status status)
{
    bool is_stranger = !x->session->admitted && x->buffers->in.size > LINE_SIZE_MAX_OPEN;
    if (status == LINE_TOO_LONG || is_stranger)
        return close_session(x);
    x->session->missing = x->buffers->in.size;
    return exchange_read(x, x->buffers->in.size + 1);
}

static bool plain_request(struct exchange *x, bool *goes_on)
{
    char first = x->buffers->in.at[0];
    if (UNLIKELY(!x->session->admitted))
        return false;
    return (first == 'g' && get_lines(x, goes_on)) || (first == 's' && set_lines(x, goes_on));
}

bool phase_line(struct exchange *x)
{
    struct slice in = x->buffers->in;
    struct request request;
    bool goes_on;
    if (in.size == 0) {
        x->session->missing = 0;
        return exchange_read(x, 1);
    }
    if (UNLIKELY(!x->session->started)) {
        x->session->started = true;
        x->session->admitted = !x->thread->protocol->config.authenticate;
        if ((unsigned char)in.at[0] == BINARY_MAGIC)
            return refuse_binary(x);
    }
    if (plain_request(x, &goes_on))
        return goes_on;
    enum line_status status = line_find(in, x->session->missing, &request.line);
    if (status != LINE_COMPLETE)
        return await_line(x, status);
    x->session->missing = 0;
    if (x->requests_left == 0)
        return exchange_sleep(x, SESSION_YIELDING);
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    x->requests_left--;
    exchange_consume(x, request.line.size);
    if (UNLIKELY(!x->session->admitted))
        return auth_answer(x, &request);
    return run_request(x, &request);
}

bool phase_swallow(struct exchange *x)
{
    struct session *session = x->session;
    size_t size = x->buffers->in.size;
    if (size < session->missing) {
        exchange_consume(x, size);
        session->missing -= size;
        return exchange_read(x, 1);
    }
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    exchange_consume(x, session->missing);
    session->missing = 0;
    reply_add(x->buffers, session->reply);
    session_enter(session, PHASE_LINE);
    return true;
}

bool phase_closed(struct exchange *x)
{
    return exchange_sleep(x, SESSION_CLOSING);
}
