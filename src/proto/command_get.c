#include "config.h"

#include "proto/command.h"
#include "proto/session_work.h"
#include "proto/watch.h"

/*
 * get, gets, gat, gats. Keys are looked up in windows, so that waiting for memory overlaps. A
 * window holds keys of one line; or it holds whole lines of one key each, as clients pipeline them.
 */

/* VALUE, flags, size, cas unique, the line ends and END: all of an answer but key and value. */
#define BESIDES_MAX 72
#define LINE_END_SIZE 2

struct window {
    enum command_id command;
    const char *line_end; /* the byte behind the line that all keys are of; NULL: of a line each */
    size_t count;
    struct store_probe probes[STORE_BATCH_MAX];
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

/* Where the text of a line ends, given from somewhere inside it. */
static const char *line_text_end(const char *at, const char *line_end)
{
    const char *end = line_end - 1;
    return end > at && end[-1] == '\r' ? end - 1 : end;
}

static void window_add(struct window *window, const char *key, size_t size)
{
    struct store_key *added = &window->probes[window->count++].key;
    added->at = key;
    added->size = size;
}

/* Adds keys until the window is full or the line ends. Where a touch may pass the turn, what was
 * looked up before would be void, so those go one by one. */
static void window_add_keys(struct window *window, const char *at, const char *end)
{
    size_t most = is_touch(window->command) ? 1 : STORE_BATCH_MAX;
    const char *key = at;
    for (; at < end; at += SPACES_AT_ONCE)
        for (unsigned spaces = spaces_in(at, end); spaces != 0; spaces &= spaces - 1) {
            const char *space = at + __builtin_ctz(spaces);
            if (LIKELY(space > key))
                window_add(window, key, (size_t)(space - key));
            key = space + 1;
            if (UNLIKELY(window->count == most))
                return;
        }
    if (key < end)
        window_add(window, key, (size_t)(end - key));
}

/*
 * Adds a line `get KEY\r\n` or `gets KEY\r\n` that is here whole. false: it is not quite that, or
 * not as those before, and takes the general way. *at moves on behind it.
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
    if (key[-1] != ' ' || size == 0 || size > STORE_KEY_SIZE_MAX || end - key_end < LINE_END_SIZE ||
        key_end[0] != '\r' || key_end[1] != '\n')
        return false;
    enum command_id command = gets ? COMMAND_GETS : COMMAND_GET;
    if (window->count > 0 && command != window->command)
        return false;
    window->command = command;
    window_add(window, key, size);
    *at = key_end + LINE_END_SIZE;
    return true;
}

static const char *key_end(const struct store_probe *probe)
{
    return probe->key.at + probe->key.size;
}

/* Behind the line that the key is of. */
static const char *line_end_of(const struct window *window, const struct store_probe *probe)
{
    return window->line_end != NULL ? window->line_end : key_end(probe) + LINE_END_SIZE;
}

/* --- looking up ----------------------------------------------------------------------------- */

static bool is_in_pieces(const struct store_probe *probe)
{
    return probe->found == STORE_HIT && probe->item.value == NULL;
}

static size_t touch_first(struct exchange *x, struct window *window, unsigned want)
{
    struct store_probe *probe = &window->probes[0];
    probe->key = store_key_of(probe->key.at, probe->key.size);
    probe->found =
        store_touch(x->thread->store, &probe->key, x->session->exptime, want, &probe->item);
    bool whole = probe->found == STORE_HIT && !is_in_pieces(probe);
    size_t size = whole ? probe->item.value_size : 0;
    return output_room(x->buffers) >= probe->key.size + BESIDES_MAX + size;
}

/* How many of the window can be answered now. */
static size_t window_look_up(struct exchange *x, struct window *window)
{
    unsigned want = wants_cas(window->command) ? STORE_WANT_CAS : 0;
    if (UNLIKELY(is_touch(window->command)))
        return touch_first(x, window, want);
    return store_get_batch(x->thread->store, window->probes, window->count, want,
                           output_room(x->buffers), BESIDES_MAX);
}

static void count_touch(struct exchange *x, bool hit)
{
    COUNT(x, cmd_touch);
    if (hit)
        COUNT(x, touch_hits);
    else
        COUNT(x, touch_misses);
}

static void count_misses(struct exchange *x, const struct window *window, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum store_find found = window->probes[i].found;
        if (found != STORE_HIT)
            COUNT(x, get_misses);
        if (found == STORE_MISS_EXPIRED)
            COUNT(x, get_expired);
        else if (found == STORE_MISS_FLUSHED)
            COUNT(x, get_flushed);
    }
}

static void window_count(struct exchange *x, const struct window *window, size_t count, size_t hits)
{
    if (UNLIKELY(count == 0))
        return;
    if (UNLIKELY(is_touch(window->command))) {
        count_touch(x, hits > 0);
        return;
    }
    counter_add(&x->thread->counters.cmd_get, count);
    counter_add(&x->thread->counters.get_hits, hits);
    if (UNLIKELY(hits < count))
        count_misses(x, window, count);
}

/* For those who want to know of each key. */
static void window_tell(struct exchange *x, const struct window *window, size_t count)
{
    exchange_note_keys(x, window->probes, count);
    if (LIKELY(!watch_wants(x->thread, WATCH_FETCHERS) && !x->counts_prefixes))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct store_probe *probe = &window->probes[i];
        watch_fetched(x, &probe->key, probe->found, &probe->item);
        exchange_note_prefix(x, &probe->key, probe->found == STORE_HIT ? PREFIX_HIT : PREFIX_MISS);
    }
}

/* --- answering ------------------------------------------------------------------------------ */

HOT_INLINE char *put_head(char *to, const struct store_probe *probe, bool with_cas)
{
    to = PUT_LITERAL(to, "VALUE ");
    to = put_slice(to, (struct slice){probe->key.at, probe->key.size});
    *to++ = ' ';
    to = put_u64(to, probe->item.client_flags);
    *to++ = ' ';
    to = put_u64(to, probe->item.value_size);
    if (with_cas) {
        *to++ = ' ';
        to = put_u64(to, probe->item.cas);
    }
    return PUT_LITERAL(to, "\r\n");
}

/* Whether the answer to the last of the window ends the answer to all input. */
static bool window_is_last(const struct exchange *x, const struct window *window)
{
    const struct store_probe *last = &window->probes[window->count - 1];
    const char *line_end = line_end_of(window, last);
    return line_end == x->buffers->in.at + x->buffers->in.size &&
           line_end - key_end(last) <= LINE_END_SIZE;
}

/* Of values in one piece. Returns how many there are. */
static size_t window_put(struct exchange *x, const struct window *window, size_t count)
{
    size_t hits = 0;
    bool is_last = count == window->count && window_is_last(x, window);
    bool with_cas = wants_cas(window->command);
    bool ends_lines = window->line_end == NULL;
    char *to = output_end(x->buffers);
    for (const struct store_probe *probe = window->probes; probe < window->probes + count;
         probe++) {
        if (LIKELY(probe->found == STORE_HIT)) {
            to = put_head(to, probe, with_cas);
            struct slice value = {probe->item.value, probe->item.value_size};
            to = put_value(x->buffers, to, value, is_last);
            to = PUT_LITERAL(to, "\r\n");
            x->shown_hash = probe->key.hash;
            hits++;
        }
        if (ends_lines)
            to = PUT_LITERAL(to, "END\r\n");
    }
    output_extend_to(x->buffers, to);
    return hits;
}

/* A value in pieces is sent from where it lies; the line goes on behind its key. */
static bool answer_large(struct exchange *x, const struct window *window,
                         const struct store_probe *probe)
{
    const char *line_end = line_end_of(window, probe);
    if (!session_tail_pin(x, &probe->item)) {
        reply_add(x->buffers, REPLY_NO_MEMORY_SENDING);
        get_end(x, line_end);
        return exchange_sleep(x, SESSION_YIELDING);
    }
    char *to = output_end(x->buffers);
    output_extend_to(x->buffers, put_head(to, probe, wants_cas(window->command)));
    get_continue_at(x, window->command, key_end(probe), line_end);
    return exchange_sleep(x, SESSION_SENDING);
}

/* The key and those behind it are answered when there is room. */
static bool put_off(struct exchange *x, const struct window *window,
                    const struct store_probe *probe)
{
    if (window->line_end == NULL)
        exchange_continue_at(x, probe->key.at - (window->command == COMMAND_GETS ? 5 : 4));
    else
        get_continue_at(x, window->command, probe->key.at, window->line_end);
    return exchange_sleep(x, SESSION_SENDING);
}

/* All were answered: what comes behind the last is next. */
static bool go_on_behind(struct exchange *x, const struct window *window,
                         const struct store_probe *last)
{
    const char *behind = key_end(last);
    if (window->line_end == NULL) {
        exchange_continue_at(x, behind + LINE_END_SIZE);
    } else if (window->line_end - behind <= LINE_END_SIZE) {
        reply_add(x->buffers, REPLY_END);
        get_end(x, window->line_end);
    } else {
        get_continue_at(x, window->command, behind, window->line_end);
    }
    return true;
}

static bool window_answer(struct exchange *x, struct window *window)
{
    size_t count = window_look_up(x, window);
    const struct store_probe *next = &window->probes[count];
    bool in_pieces = count > 0 && is_in_pieces(next - 1);
    window_tell(x, window, count);
    size_t hits = window_put(x, window, count - in_pieces);
    window_count(x, window, count, hits + in_pieces);
    if (UNLIKELY(in_pieces))
        return answer_large(x, window, next - 1);
    if (UNLIKELY(count < window->count))
        return put_off(x, window, next);
    return go_on_behind(x, window, next - 1);
}

/* --- the phases ----------------------------------------------------------------------------- */

bool get_lines(struct exchange *x, bool *goes_on)
{
    struct window window;
    const char *at = x->buffers->in.at;
    const char *end = at + x->buffers->in.size;
    size_t most = x->requests_left < STORE_BATCH_MAX ? x->requests_left : STORE_BATCH_MAX;
    window.line_end = NULL;
    window.count = 0;
    while (window.count < most && window_add_line(&window, &at, end))
        continue;
    if (window.count == 0)
        return false;
    x->requests_left -= (unsigned)window.count;
    x->session->missing = 0;
    *goes_on = window_answer(x, &window);
    return true;
}

bool phase_get(struct exchange *x)
{
    struct window window;
    struct slice in = x->buffers->in;
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    window.command = x->session->command;
    window.line_end = in.at + x->session->missing;
    window.count = 0;
    window_add_keys(&window, in.at, line_text_end(in.at, window.line_end));
    if (window.count > 0)
        return window_answer(x, &window);
    reply_add(x->buffers, REPLY_END);
    get_end(x, window.line_end);
    return true;
}
