#include "config.h"

#include "proto/value_intake.h"

#define VALUE_SIZE_MAX 2147483645 /* as memcached; what -I allows is asked afterwards */

enum { WORD_KEY, WORD_FLAGS, WORD_EXPTIME, WORD_SIZE, WORD_UNIQUE };

static enum store_mode mode_of(enum command_id command)
{
    if (command == COMMAND_ADD)
        return STORE_ADD;
    if (command == COMMAND_REPLACE)
        return STORE_REPLACE;
    if (command == COMMAND_APPEND)
        return STORE_APPEND;
    return command == COMMAND_PREPEND ? STORE_PREPEND : STORE_SET;
}

/* The size comes first: only when it is known can the value of a bad request be stepped over. */
enum reply intake_parse_classic(struct intake *intake, const struct request *request, uint32_t now)
{
    struct slice words[ARGUMENTS_MAX];
    size_t count = words_split(request->arguments, words, ARGUMENTS_MAX);
    *intake = (struct intake){.request = request, .put.mode = mode_of(request->command)};
    struct store_put *put = &intake->put;
    if (count <= WORD_SIZE || !number_parse_u64(words[WORD_SIZE], &intake->value_size) ||
        intake->value_size > VALUE_SIZE_MAX)
        return REPLY_BAD_FORMAT;
    intake->size_known = true;
    if (words[WORD_KEY].size > STORE_KEY_SIZE_MAX ||
        !number_parse_u32(words[WORD_FLAGS], &put->client_flags) ||
        !exptime_parse(words[WORD_EXPTIME], now, &put->exptime))
        return REPLY_BAD_FORMAT;
    if (request->command == COMMAND_CAS) {
        put->compare_cas = true;
        if (count <= WORD_UNIQUE || !number_parse_u64(words[WORD_UNIQUE], &put->compare))
            return REPLY_BAD_FORMAT;
    }
    intake->key = store_key_of(words[WORD_KEY].at, words[WORD_KEY].size);
    intake->drop_old = request->command == COMMAND_SET;
    return REPLY_NONE;
}

static enum reply reply_for(enum store_outcome outcome)
{
    switch (outcome) {
    case STORE_STORED:
        return REPLY_STORED;
    case STORE_NOT_STORED:
    case STORE_TOO_LARGE:
        return REPLY_NOT_STORED;
    case STORE_EXISTS:
        return REPLY_EXISTS;
    case STORE_NOT_FOUND:
        return REPLY_NOT_FOUND;
    case STORE_NO_MEMORY:
        return REPLY_NO_MEMORY_STORING;
    }
    return REPLY_ERROR;
}

void intake_answer_classic(struct exchange *x, const struct intake *intake,
                           enum store_outcome outcome)
{
    request_reply(x, intake->request, reply_for(outcome));
}

bool command_store(struct exchange *x, struct request *request)
{
    struct intake intake;
    enum reply error = intake_parse_classic(&intake, request, x->thread->now);
    return intake_run(x, &intake, error);
}

/* --- the plain set -------------------------------------------------------------------------- */

#define DIGITS_PLAIN 9 /* so many fit every number of the line */
#define LINE_END_SIZE 2

/* Steps over digits and the byte behind them; NULL: it is anything else. */
HOT_INLINE const char *take_number(const char *at, const char *end, char behind, uint32_t *value)
{
    if (end - at >= 2 && at[1] == behind && (unsigned char)(*at - '0') <= 9) {
        *value = (unsigned char)(*at - '0');
        return at + 2;
    }
    const char *first = at;
    uint32_t sum = 0;
    for (; at < end && (unsigned char)(*at - '0') <= 9; at++)
        sum = sum * 10 + (unsigned char)(*at - '0');
    *value = sum;
    bool plain = at > first && at - first <= DIGITS_PLAIN && at < end && *at == behind;
    return LIKELY(plain) ? at + 1 : NULL;
}

struct plain_set {
    struct store_key key;
    uint32_t client_flags;
    uint32_t exptime;
    uint32_t size;
    const char *value; /* where it begins; it may not be here yet */
};

/* `set KEY FLAGS EXPTIME SIZE\r\n`, here whole. false: it is not quite that, and takes the general
 * way. */
static bool parse_plain_set(const char *line, const char *end, struct plain_set *set)
{
    const char *key = line + 4;
    if (end - line < 16 || memcmp(line, "set ", 4) != 0)
        return false;
    const char *at = find_below(key, end, ' ' + 1);
    size_t key_size = (size_t)(at - key);
    if (key_size == 0 || key_size > STORE_KEY_SIZE_MAX || at == end || *at != ' ')
        return false;
    if ((at = take_number(at + 1, end, ' ', &set->client_flags)) == NULL ||
        (at = take_number(at, end, ' ', &set->exptime)) == NULL ||
        (at = take_number(at, end, '\r', &set->size)) == NULL || at == end || *at != '\n')
        return false;
    set->value = at + 1;
    set->key = store_key_of(key, key_size);
    return true;
}

static void fill_in(struct intake *intake, const struct plain_set *set, uint32_t now)
{
    intake->key = set->key;
    intake->put.client_flags = set->client_flags;
    intake->put.exptime = set->exptime == 0 ? 0 : exptime_of((int32_t)set->exptime, now);
    intake->value_size = set->size;
}

/* One whose value is not here yet, or is none for the store. */
static bool set_line(struct exchange *x, const struct plain_set *set, struct intake *intake)
{
    const char *line = x->buffers->in.at;
    struct request request;
    request.line.size = (size_t)(set->value - line);
    request.line.text = (struct slice){line, request.line.size - LINE_END_SIZE};
    request.command = COMMAND_SET;
    request.quiet = false;
    fill_in(intake, set, x->thread->now);
    intake->request = &request;
    x->requests_left--;
    exchange_continue_at(x, set->value);
    return intake_run(x, intake, REPLY_NONE);
}

static const char *set_end(const struct plain_set *set)
{
    return set->value + set->size + LINE_END_SIZE;
}

/* Its value is here, and is for the store. */
static bool is_whole(const struct exchange *x, const struct plain_set *set)
{
    const struct protocol *protocol = x->thread->protocol;
    const char *end = x->buffers->in.at + x->buffers->in.size;
    return set->size <= protocol->inline_size_max &&
           (size_t)(end - set->value) >= (size_t)set->size + LINE_END_SIZE &&
           store_size_allowed(protocol->config.store, set->key.size, set->size);
}

/* The first is whole; adds those behind it that are, too. Returns how many there are. */
static size_t gather_sets(const struct exchange *x, struct plain_set sets[STORE_BATCH_MAX])
{
    const char *end = x->buffers->in.at + x->buffers->in.size;
    size_t most = x->requests_left < STORE_BATCH_MAX ? x->requests_left : STORE_BATCH_MAX;
    const char *line = set_end(&sets[0]);
    size_t count = 1;
    while (count < most && parse_plain_set(line, end, &sets[count]) && is_whole(x, &sets[count]))
        line = set_end(&sets[count++]);
    return count;
}

/* What the puts will look at is on its way before the first needs it. */
static void expect_sets(const struct store_thread *store, const struct plain_set *sets,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_expect(store, &sets[i].key);
    for (size_t i = 0; i < count; i++)
        store_expect_item(store, &sets[i].key);
}

/* All are whole. */
static void take_sets(struct exchange *x, const struct plain_set *sets, size_t count,
                      struct intake *intake)
{
    struct request request;
    request.command = COMMAND_SET;
    request.quiet = false;
    intake->request = &request;
    x->requests_left -= (unsigned)count;
    if (count > 1)
        expect_sets(x->thread->store, sets, count);
    for (size_t i = 0; i < count; i++) {
        fill_in(intake, &sets[i], x->thread->now);
        exchange_continue_at(x, sets[i].value);
        intake_take(x, intake); /* REPLY_ROOM holds the answers of a batch */
    }
}

bool set_lines(struct exchange *x, bool *goes_on)
{
    struct slice in = x->buffers->in;
    struct plain_set sets[STORE_BATCH_MAX];
    struct intake intake = {.put.mode = STORE_SET, .size_known = true, .drop_old = true};
    if (x->requests_left == 0 || output_room(x->buffers) < REPLY_ROOM ||
        !parse_plain_set(in.at, in.at + in.size, &sets[0]))
        return false;
    x->session->missing = 0;
    *goes_on = true;
    if (LIKELY(is_whole(x, &sets[0])))
        take_sets(x, sets, gather_sets(x, sets), &intake);
    else
        *goes_on = set_line(x, &sets[0], &intake);
    return true;
}
