#include "config.h"

#include "proto/command.h"

#include "proto/class_list.h"
#include "proto/dump.h"

/*
 * Commands that tune what memcached has and larder has not: slab classes, LRU queues, the crawler.
 * They are read as memcached reads them and change nothing. doc/PROTOCOL.md says so.
 */

#define AUTOMOVE_WINDOW_MIN 3
#define LRU_PERCENT_SUM_MAX 80
#define CRAWLER_SLEEP_MAX 1000000 /* microseconds */

struct words {
    struct slice at[ARGUMENTS_MAX];
    size_t count; /* without the word noreply */
};

static struct words words_of(const struct request *request)
{
    struct words words;
    words.count = words_split(request->arguments, words.at, ARGUMENTS_MAX);
    if (request->quiet && words.count > 0 && slice_is(words.at[words.count - 1], "noreply"))
        words.count--;
    return words;
}

/* Digits with a point among them, a sign before them; *positive: more than 0. */
static bool decimal_parse(struct slice text, bool *positive)
{
    bool negative = text.size > 0 && *text.at == '-';
    size_t digits = 0;
    size_t points = 0;
    bool nonzero = false;
    for (size_t i = negative; i < text.size; i++) {
        bool is_digit = text.at[i] >= '0' && text.at[i] <= '9';
        digits += is_digit;
        points += text.at[i] == '.';
        nonzero = nonzero || (is_digit && text.at[i] != '0');
    }
    *positive = nonzero && !negative;
    return digits > 0 && points <= 1 && digits + points + negative == text.size;
}

/* --- slabs ---------------------------------------------------------------------------------- */

static bool is_class_or_any(int32_t id)
{
    return id >= 0 && id <= SLAB_CLASS_MAX;
}

/* No class has a page to give, as there is but one. */
static enum reply slabs_reassign(const struct words *words)
{
    int32_t from;
    int32_t to;
    if (words->count != 3)
        return REPLY_ERROR;
    if (!number_parse_i32(words->at[1], &from) || !number_parse_i32(words->at[2], &to))
        return REPLY_BAD_FORMAT;
    if (from == to)
        return REPLY_SAME_CLASS;
    if (!is_class_or_any(from) || !is_class_or_any(to))
        return REPLY_BAD_CLASSES;
    return REPLY_NO_SPARE_PAGE;
}

static enum reply automove_window(struct slice text)
{
    int32_t window;
    if (!number_parse_i32(text, &window))
        return REPLY_ERROR;
    return window < AUTOMOVE_WINDOW_MIN ? REPLY_BAD_WINDOW : REPLY_OK;
}

static enum reply slabs_automove(const struct words *words)
{
    uint32_t level;
    bool positive;
    if (words->count < 2)
        return REPLY_ERROR;
    struct slice what = words->at[1];
    if (slice_is(what, "ratio") || slice_is(what, "freeratio"))
        return words->count > 2 && decimal_parse(words->at[2], &positive) ? REPLY_OK : REPLY_ERROR;
    if (slice_is(what, "window"))
        return words->count > 2 ? automove_window(words->at[2]) : REPLY_ERROR;
    if (!number_parse_u32(what, &level))
        return REPLY_BAD_FORMAT;
    return level <= 2 ? REPLY_OK : REPLY_ERROR;
}

bool command_slabs(struct exchange *x, struct request *request)
{
    struct words words = words_of(request);
    enum reply reply = REPLY_ERROR;
    if (words.count > 0 && slice_is(words.at[0], "reassign"))
        reply = slabs_reassign(&words);
    else if (words.count > 0 && slice_is(words.at[0], "automove"))
        reply = slabs_automove(&words);
    return request_reply(x, request, reply);
}

/* --- lru ------------------------------------------------------------------------------------ */

/* lru tune HOT WARM HOT_FACTOR WARM_FACTOR, the first two as percentages. */
static enum reply lru_tune(const struct words *words)
{
    uint32_t hot;
    uint32_t warm;
    bool hot_positive;
    bool warm_positive;
    if (words->count < 5 || !number_parse_u32(words->at[1], &hot) ||
        !number_parse_u32(words->at[2], &warm) || !decimal_parse(words->at[3], &hot_positive) ||
        !decimal_parse(words->at[4], &warm_positive))
        return REPLY_ERROR;
    if ((uint64_t)hot + warm > LRU_PERCENT_SUM_MAX)
        return REPLY_BAD_PERCENTAGES;
    return hot_positive && warm_positive ? REPLY_OK : REPLY_BAD_FACTORS;
}

static enum reply lru_reply(const struct words *words)
{
    int32_t seconds;
    if (words->count < 2)
        return REPLY_ERROR;
    struct slice word = words->at[0];
    struct slice value = words->at[1];
    if (slice_is(word, "tune"))
        return lru_tune(words);
    if (slice_is(word, "mode"))
        return slice_is(value, "flat") || slice_is(value, "segmented") ? REPLY_OK : REPLY_ERROR;
    if (slice_is(word, "temp_ttl"))
        return number_parse_i32(value, &seconds) ? REPLY_OK : REPLY_ERROR;
    return REPLY_ERROR;
}

bool command_lru(struct exchange *x, struct request *request)
{
    struct words words = words_of(request);
    return request_reply(x, request, lru_reply(&words));
}

/* --- lru_crawler ---------------------------------------------------------------------------- */

static enum reply crawler_number(struct slice text, uint32_t most)
{
    uint32_t number;
    if (!number_parse_u32(text, &number))
        return REPLY_BAD_FORMAT;
    return number <= most ? REPLY_OK : REPLY_SLEEP_TOO_LONG;
}

static enum reply crawler_crawl(struct slice classes)
{
    bool has_items;
    return class_list_parse(classes, &has_items) ? REPLY_OK : REPLY_BAD_CLASS;
}

bool command_lru_crawler(struct exchange *x, struct request *request)
{
    struct words words = words_of(request);
    struct slice word = words.count > 0 ? words.at[0] : SLICE_LITERAL("");
    if (words.count == 1 && (slice_is(word, "enable") || slice_is(word, "disable")))
        return exchange_reply(x, REPLY_OK);
    if (words.count != 2)
        return exchange_reply(x, REPLY_ERROR);
    if (slice_is(word, "sleep"))
        return exchange_reply(x, crawler_number(words.at[1], CRAWLER_SLEEP_MAX));
    if (slice_is(word, "tocrawl"))
        return exchange_reply(x, crawler_number(words.at[1], UINT32_MAX));
    if (slice_is(word, "crawl"))
        return exchange_reply(x, crawler_crawl(words.at[1]));
    if (slice_is(word, "metadump"))
        return exchange_dump_keys(x, DUMP_METADUMP, words.at[1]);
    if (slice_is(word, "mgdump"))
        return exchange_dump_keys(x, DUMP_MGDUMP, words.at[1]);
    return exchange_reply(x, REPLY_ERROR);
}

/* --- others --------------------------------------------------------------------------------- */

bool command_refresh_certs(struct exchange *x, struct request *request)
{
    const struct session_host *host = &x->thread->protocol->config.host;
    if (host->refresh_certificates == NULL)
        return request_reply(x, request, REPLY_NO_TLS);
    bool done = host->refresh_certificates(host->context);
    return request_reply(x, request, done ? REPLY_OK : REPLY_TLS_NOT_LOADED);
}

/* memcached's tests hold and lock single items; here nothing can be held, so only absence shows. */
bool command_debugitem(struct exchange *x, struct request *request)
{
    static const char *const actions[] = {"lock", "unlock", "ref", "unref"};
    struct words words = words_of(request);
    struct store_item item;
    if (!x->thread->protocol->config.debug_commands || words.count != 2 ||
        words.at[1].size > STORE_KEY_SIZE_MAX)
        return request_reply(x, request, REPLY_ERROR);
    struct store_key key = store_key_of(words.at[1].at, words.at[1].size);
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (slice_is(words.at[0], actions[i]) &&
            store_get(x->thread->store, &key, STORE_PEEK, &item) != STORE_HIT)
            return request_reply(x, request, REPLY_MISS);
    return request_reply(x, request, REPLY_ERROR);
}

/* --- cache_memlimit ------------------------------------------------------------------------- */

#define MEBIBYTE_POWER 20
#define MEMORY_MEBIBYTES_MIN 8
#define MEMORY_MEBIBYTES_MAX 1000000000 /* whoever asks for more has given bytes */

bool command_cache_memlimit(struct exchange *x, struct request *request)
{
    struct words words = words_of(request);
    uint32_t mebibytes;
    if (words.count < 1 || !number_parse_u32(words.at[0], &mebibytes))
        return request_reply(x, request, REPLY_ERROR);
    if (mebibytes < MEMORY_MEBIBYTES_MIN)
        return request_reply(x, request, REPLY_MEMORY_TOO_SMALL);
    if (mebibytes > MEMORY_MEBIBYTES_MAX)
        return request_reply(x, request, REPLY_MEMORY_IN_BYTES);
    if (!store_set_memory_size(x->thread->store, (size_t)mebibytes << MEBIBYTE_POWER))
        return request_reply(x, request, REPLY_MEMORY_REFUSED);
    return request_reply(x, request, REPLY_OK);
}
