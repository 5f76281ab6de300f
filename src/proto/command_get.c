#include "config.h"

#include "proto/command.h"
#include "proto/session_work.h"

/*
 * get, gets, gat, gats. Keys are looked up in windows: first all index lines of a window are
 * fetched, then all items, then the answers are written, so that waiting for memory overlaps. A
 * window runs on over the get lines that are pipelined behind the first.
 */

#define WINDOW_SIZE 16
#define HEAD_SIZE_MAX 320 /* VALUE, the longest key, flags, size, cas unique */
#define END_SIZE 5

struct lookup {
    struct store_key key;
    const char *line_end; /* the byte behind its line */
    enum command_id command;
    bool ends_line; /* its request ends with it */
};

struct window {
    struct lookup lookups[WINDOW_SIZE];
    size_t count;
    uint64_t hits;
    uint64_t misses;
};

static bool wants_cas(enum command_id command)
{
    return command == COMMAND_GETS || command == COMMAND_GATS;
}

static bool is_touch(enum command_id command)
{
    return command == COMMAND_GAT || command == COMMAND_GATS;
}

/* The session is inside a get line: at `at`, before keys or before the line's end. */
static void get_continue_at(struct exchange *x, enum command_id command, const char *at,
                            const char *line_end)
{
    x->session->command = (uint8_t)command;
    x->session->missing = (uint64_t)(line_end - at);
    exchange_continue_at(x, at);
    session_enter(x->session, PHASE_GET);
}

static void get_end(struct exchange *x, const char *line_end)
{
    x->session->missing = 0;
    exchange_continue_at(x, line_end);
    session_enter(x->session, PHASE_LINE);
}

bool command_get(struct exchange *x, struct request *request)
{
    struct slice keys = request->arguments;
    struct slice word;
    if (is_touch(request->command)) {
        if (!word_next(&keys, &word))
            return exchange_reply(x, REPLY_BAD_FORMAT);
        if (!exptime_parse(word, x->thread->now, &x->session->exptime))
            return exchange_reply(x, REPLY_BAD_EXPTIME);
    }
    keys = words_from_first(keys);
    if (keys.size == 0 || words_have_overlong_key(keys))
        return exchange_reply(x, REPLY_BAD_FORMAT);
    const char *line_end = request->line.text.at + request->line.size;
    get_continue_at(x, request->command, keys.at, line_end);
    return true;
}

/* --- gathering ------------------------------------------------------------------------------ */

/* The text of a line without its end, given from somewhere inside it. */
static struct slice line_rest(const char *at, const char *line_end)
{
    const char *end = line_end - 1;
    if (end > at && end[-1] == '\r')
        end--;
    return (struct slice){at, (size_t)(end - at)};
}

/* Adds keys until the window is full or the line ends. */
static void window_add_line(struct window *window, enum command_id command, struct slice rest,
                            const char *line_end)
{
    struct slice word;
    while (window->count < WINDOW_SIZE && word_next(&rest, &word)) {
        struct lookup *lookup = &window->lookups[window->count++];
        lookup->key = store_key_of(word.at, word.size);
        lookup->line_end = line_end;
        lookup->command = command;
        lookup->ends_line = false;
    }
    if (window->count > 0 && words_from_first(rest).size == 0)
        window->lookups[window->count - 1].ends_line = true;
}

/* A whole get or gets line with keys that need no complaint; everything else ends the window. */
static bool next_line_joins(struct slice input, struct request *request)
{
    if (input.size < 5 || memcmp(input.at, "get", 3) != 0 ||
        line_find(input, 0, &request->line) != LINE_COMPLETE || !request_find_command(request))
        return false;
    return (request->command == COMMAND_GET || request->command == COMMAND_GETS) &&
           words_from_first(request->arguments).size > 0 &&
           !words_have_overlong_key(request->arguments);
}

static void window_gather(struct exchange *x, struct window *window)
{
    struct slice in = x->buffers->in;
    const char *line_end = in.at + x->session->missing;
    window_add_line(window, x->session->command, line_rest(in.at, line_end), line_end);
    while (window->count < WINDOW_SIZE && x->requests_left > 0) {
        struct request request;
        struct slice behind = {line_end, (size_t)(in.at + in.size - line_end)};
        if (window->count == 0 || !next_line_joins(behind, &request))
            break;
        line_end += request.line.size;
        x->requests_left--;
        window_add_line(window, request.command, request.arguments, line_end);
    }
}

static void window_prefetch(const struct window *window, const struct store_thread *store)
{
    if (window->count < 2)
        return;
    for (size_t i = 0; i < window->count; i++)
        store_prefetch_index(store, &window->lookups[i].key);
    for (size_t i = 0; i < window->count; i++)
        store_prefetch_item(store, &window->lookups[i].key);
}

/* --- answering ------------------------------------------------------------------------------ */

static enum store_find look_up(struct exchange *x, const struct lookup *lookup,
                               struct store_item *item)
{
    struct store_thread *store = x->thread->store;
    unsigned want = wants_cas(lookup->command) ? STORE_WANT_CAS : 0;
    if (UNLIKELY(is_touch(lookup->command)))
        return store_touch(store, &lookup->key, x->session->exptime, want, item);
    return store_get(store, &lookup->key, want, item);
}

static char *put_head(char *to, const struct lookup *lookup, const struct store_item *item)
{
    to = PUT_LITERAL(to, "VALUE ");
    to = put_slice(to, (struct slice){lookup->key.at, lookup->key.size});
    *to++ = ' ';
    to = put_u64(to, item->client_flags);
    *to++ = ' ';
    to = put_u64(to, item->value_size);
    if (wants_cas(lookup->command)) {
        *to++ = ' ';
        to = put_u64(to, item->cas);
    }
    return PUT_LITERAL(to, "\r\n");
}

static void count_miss(struct exchange *x, struct window *window, const struct lookup *lookup,
                       enum store_find found)
{
    if (is_touch(lookup->command)) {
        COUNT(x, touch_misses);
        return;
    }
    window->misses++;
    if (found == STORE_MISS_EXPIRED)
        COUNT(x, get_expired);
    else if (found == STORE_MISS_FLUSHED)
        COUNT(x, get_flushed);
}

static void count_hit(struct exchange *x, struct window *window, const struct lookup *lookup)
{
    if (is_touch(lookup->command))
        COUNT(x, touch_hits);
    else
        window->hits++;
}

/* A value in pieces is sent from where it lies; the line goes on behind its key. */
static bool answer_large(struct exchange *x, const struct lookup *lookup,
                         const struct store_item *item)
{
    if (!session_tail_pin(x, item)) {
        reply_add(x->buffers, REPLY_NO_MEMORY_SENDING);
        get_end(x, lookup->line_end);
        return exchange_sleep(x, SESSION_YIELDING);
    }
    output_extend_to(x->buffers, put_head(output_end(x->buffers), lookup, item));
    get_continue_at(x, lookup->command, lookup->key.at + lookup->key.size, lookup->line_end);
    return exchange_sleep(x, SESSION_SENDING);
}

static bool answer_one(struct exchange *x, struct window *window, const struct lookup *lookup)
{
    struct store_item item;
    enum store_find found = look_up(x, lookup, &item);
    size_t size = found == STORE_HIT && item.value != NULL ? item.value_size : 0;
    if (UNLIKELY(output_room(x->buffers) < HEAD_SIZE_MAX + size + 2 + END_SIZE)) {
        get_continue_at(x, lookup->command, lookup->key.at, lookup->line_end);
        return exchange_sleep(x, SESSION_SENDING);
    }
    if (is_touch(lookup->command))
        COUNT(x, cmd_touch);
    exchange_note_prefix(x, &lookup->key, found == STORE_HIT ? PREFIX_HIT : PREFIX_MISS);
    if (found != STORE_HIT) {
        count_miss(x, window, lookup, found);
    } else {
        count_hit(x, window, lookup);
        if (UNLIKELY(item.value == NULL))
            return answer_large(x, lookup, &item);
        char *to = put_head(output_end(x->buffers), lookup, &item);
        to = put_slice(to, (struct slice){item.value, item.value_size});
        output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
        x->shown_hash = lookup->key.hash;
    }
    if (lookup->ends_line)
        reply_add(x->buffers, REPLY_END);
    return true;
}

static bool window_answer(struct exchange *x, struct window *window)
{
    for (size_t i = 0; i < window->count; i++)
        if (!answer_one(x, window, &window->lookups[i]))
            return false;
    const struct lookup *last = &window->lookups[window->count - 1];
    if (last->ends_line)
        get_end(x, last->line_end);
    else
        get_continue_at(x, last->command, last->key.at + last->key.size, last->line_end);
    return true;
}

static void window_count(struct exchange *x, const struct window *window)
{
    struct proto_counters *counters = &x->thread->counters;
    counter_add(&counters->cmd_get, window->hits + window->misses);
    counter_add(&counters->get_hits, window->hits);
    counter_add(&counters->get_misses, window->misses);
}

bool phase_get(struct exchange *x)
{
    struct window window;
    window.count = 0;
    window.hits = window.misses = 0;
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    window_gather(x, &window);
    if (window.count == 0) {
        reply_add(x->buffers, REPLY_END);
        get_end(x, x->buffers->in.at + x->session->missing);
        return true;
    }
    window_prefetch(&window, x->thread->store);
    bool goes_on = window_answer(x, &window);
    window_count(x, &window);
    return goes_on;
}
