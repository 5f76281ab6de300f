#include "config.h"

#include "proto/command.h"
#include "proto/session_work.h"
#include "proto/watch.h"

/*
 * get, gets, gat, gats. Keys are looked up in windows: first all index lines of a window are
 * fetched, then all items, then the answers are written, so that waiting for memory overlaps. A
 * window holds keys of one line; or it holds whole lines of one key each, as clients pipeline them.
 */

#define WINDOW_SIZE 16
#define HEAD_SIZE_MAX 320 /* VALUE, the longest key, flags, size, cas unique */
#define END_SIZE 5

struct lookup {
    struct store_probe probe;
    const char *line;     /* where its line begins, if it is the only key; else NULL */
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

static void window_add(struct window *window, struct slice key, const char *line,
                       const char *line_end, enum command_id command)
{
    struct lookup *lookup = &window->lookups[window->count++];
    lookup->probe.key = store_key_of(key.at, key.size);
    lookup->line = line;
    lookup->line_end = line_end;
    lookup->command = command;
    lookup->ends_line = line != NULL;
}

/* Adds keys until the window is full or the line ends. */
static void window_add_keys(struct window *window, enum command_id command, struct slice rest,
                            const char *line_end)
{
    struct slice key;
    while (window->count < WINDOW_SIZE && word_next(&rest, &key))
        window_add(window, key, NULL, line_end, command);
    if (window->count > 0 && words_from_first(rest).size == 0)
        window->lookups[window->count - 1].ends_line = true;
}

/*
 * Adds a line `get KEY\r\n` or `gets KEY\r\n` that is here whole. false: it is not quite that, and
 * takes the general way. *at moves on behind it.
 */
static bool window_add_line(struct window *window, const char **at, const char *end)
{
    const char *line = *at;
    if (end - line < 8 || memcmp(line, "get", 3) != 0)
        return false;
    bool gets = line[3] == 's';
    const char *key = line + 4 + gets;
    const char *key_end = find_below(key, end, ' ' + 1);
    size_t size = (size_t)(key_end - key);
    if (key[-1] != ' ' || size == 0 || size > STORE_KEY_SIZE_MAX || end - key_end < 2 ||
        key_end[0] != '\r' || key_end[1] != '\n')
        return false;
    *at = key_end + 2;
    window_add(window, (struct slice){key, size}, line, *at, gets ? COMMAND_GETS : COMMAND_GET);
    return true;
}

static void window_probe(struct window *window, const struct store_thread *store)
{
    for (size_t i = 0; i < window->count; i++)
        store_probe_index(store, &window->lookups[i].probe);
    for (size_t i = 0; i < window->count; i++)
        store_probe_item(store, &window->lookups[i].probe);
}

/* --- answering ------------------------------------------------------------------------------ */

static enum store_find look_up(struct exchange *x, const struct lookup *lookup,
                               struct store_item *item)
{
    struct store_thread *store = x->thread->store;
    unsigned want = wants_cas(lookup->command) ? STORE_WANT_CAS : 0;
    if (UNLIKELY(is_touch(lookup->command)))
        return store_touch(store, &lookup->probe.key, x->session->exptime, want, item);
    return store_probe_get(store, &lookup->probe, want, item);
}

static char *put_head(char *to, const struct lookup *lookup, const struct store_item *item)
{
    to = PUT_LITERAL(to, "VALUE ");
    to = put_slice(to, (struct slice){lookup->probe.key.at, lookup->probe.key.size});
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
    if (UNLIKELY(is_touch(lookup->command))) {
        COUNT(x, cmd_touch);
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
    if (UNLIKELY(is_touch(lookup->command))) {
        COUNT(x, cmd_touch);
        COUNT(x, touch_hits);
    } else {
        window->hits++;
    }
}

static const char *key_end(const struct lookup *lookup)
{
    return lookup->probe.key.at + lookup->probe.key.size;
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
    get_continue_at(x, lookup->command, key_end(lookup), lookup->line_end);
    return exchange_sleep(x, SESSION_SENDING);
}

/* It is answered when there is room. */
static bool put_off(struct exchange *x, const struct lookup *lookup)
{
    if (lookup->line != NULL)
        exchange_continue_at(x, lookup->line);
    else
        get_continue_at(x, lookup->command, lookup->probe.key.at, lookup->line_end);
    return exchange_sleep(x, SESSION_SENDING);
}

static bool answer_one(struct exchange *x, struct window *window, const struct lookup *lookup)
{
    struct store_item item;
    enum store_find found = look_up(x, lookup, &item);
    size_t size = found == STORE_HIT && item.value != NULL ? item.value_size : 0;
    if (UNLIKELY(output_room(x->buffers) < HEAD_SIZE_MAX + size + 2 + END_SIZE))
        return put_off(x, lookup);
    watch_fetched(x, &lookup->probe.key, found, &item);
    exchange_note_key(x, &lookup->probe.key);
    exchange_note_prefix(x, &lookup->probe.key, found == STORE_HIT ? PREFIX_HIT : PREFIX_MISS);
    char *to = output_end(x->buffers);
    if (LIKELY(found == STORE_HIT)) {
        count_hit(x, window, lookup);
        if (UNLIKELY(item.value == NULL))
            return answer_large(x, lookup, &item);
        to = put_head(to, lookup, &item);
        to = put_slice(to, (struct slice){item.value, item.value_size});
        to = PUT_LITERAL(to, "\r\n");
        x->shown_hash = lookup->probe.key.hash;
    } else {
        count_miss(x, window, lookup, found);
    }
    if (lookup->ends_line)
        to = PUT_LITERAL(to, "END\r\n");
    output_extend_to(x->buffers, to);
    return true;
}

/* The last lookup was answered: what comes behind it is next. */
static void go_on_behind(struct exchange *x, const struct lookup *last)
{
    if (last->line != NULL)
        exchange_continue_at(x, last->line_end);
    else if (last->ends_line)
        get_end(x, last->line_end);
    else
        get_continue_at(x, last->command, key_end(last), last->line_end);
}

static void window_count(struct exchange *x, const struct window *window)
{
    struct proto_counters *counters = &x->thread->counters;
    counter_add(&counters->cmd_get, window->hits + window->misses);
    counter_add(&counters->get_hits, window->hits);
    counter_add(&counters->get_misses, window->misses);
}

static bool window_answer(struct exchange *x, struct window *window)
{
    bool goes_on = true;
    window_probe(window, x->thread->store);
    for (size_t i = 0; goes_on && i < window->count; i++)
        goes_on = answer_one(x, window, &window->lookups[i]);
    if (goes_on)
        go_on_behind(x, &window->lookups[window->count - 1]);
    window_count(x, window);
    return goes_on;
}

/* --- the phases ----------------------------------------------------------------------------- */

static void window_start(struct window *window)
{
    window->count = 0;
    window->hits = window->misses = 0;
}

bool get_lines(struct exchange *x, bool *goes_on)
{
    struct window window;
    const char *at = x->buffers->in.at;
    const char *end = at + x->buffers->in.size;
    window_start(&window);
    while (window.count < WINDOW_SIZE && x->requests_left > 0 && window_add_line(&window, &at, end))
        x->requests_left--;
    if (window.count == 0)
        return false;
    x->session->missing = 0;
    *goes_on = window_answer(x, &window);
    return true;
}

bool phase_get(struct exchange *x)
{
    struct window window;
    struct slice in = x->buffers->in;
    const char *line_end = in.at + x->session->missing;
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    window_start(&window);
    window_add_keys(&window, x->session->command, line_rest(in.at, line_end), line_end);
    if (window.count > 0)
        return window_answer(x, &window);
    reply_add(x->buffers, REPLY_END);
    get_end(x, line_end);
    return true;
}
