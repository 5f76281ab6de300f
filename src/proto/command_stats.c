#include "config.h"

#include "proto/command.h"
#include "proto/session_work.h"
#include "proto/stats.h"

/* The words of the stats command. A section writes STAT lines; the rest answer by themselves. */

struct stats_section {
    const char *word;
    void (*write)(struct text *text, struct protocol *protocol);
};

static void write_general(struct text *text, struct protocol *protocol)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, protocol);
    stats_write_general(text, &now);
}

static void write_items(struct text *text, struct protocol *protocol)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, protocol);
    stats_write_items(text, &now);
}

static void write_slabs(struct text *text, struct protocol *protocol)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, protocol);
    stats_write_slabs(text, &now);
}

static void write_segments(struct text *text, struct protocol *protocol)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, protocol);
    stats_write_segments(text, &now);
}

static void write_settings(struct text *text, struct protocol *protocol)
{
    const struct session_host *host = &protocol->config.host;
    host->write_settings(host->context, text);
}

static void write_connections(struct text *text, struct protocol *protocol)
{
    const struct session_host *host = &protocol->config.host;
    host->write_connections(host->context, text);
}

static const struct stats_section sections[] = {
    {"", write_general},
    {"items", write_items},
    {"slabs", write_slabs},
    {"settings", write_settings},
    {"conns", write_connections},
    {"segments", write_segments},
    {"latency", stats_write_latency},
    {"hotkeys", stats_write_hot_keys},
    {"mrc", stats_write_curve},
};

const char *protocol_section(size_t number)
{
    return number < ARRAY_COUNT(sections) ? sections[number].word : NULL;
}

bool protocol_write_section(struct protocol *protocol, struct slice word, struct text *text)
{
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
        if (slice_is(word, sections[i].word)) {
            sections[i].write(text, protocol);
            return true;
        }
    }
    return false;
}

static bool reply_section(struct exchange *x, struct slice word)
{
    struct text text;
    text_init(&text);
    if (!protocol_write_section(x->thread->protocol, word, &text))
        return exchange_reply(x, REPLY_ERROR);
    text_add(&text, SLICE_LITERAL("END\r\n"));
    return exchange_reply_text(x, &text);
}

static bool reply_prefixes(struct exchange *x)
{
    struct text text;
    text_init(&text);
    prefix_stats_write(x->thread->protocol->prefixes, &text);
    text_add(&text, SLICE_LITERAL("END\r\n"));
    return exchange_reply_text(x, &text);
}

static bool switch_detail(struct exchange *x, bool on)
{
    prefix_stats_switch(x->thread->protocol->prefixes, on);
    x->counts_prefixes = on;
    return exchange_reply(x, REPLY_OK);
}

static bool detail(struct exchange *x, struct slice word)
{
    if (slice_is(word, "on"))
        return switch_detail(x, true);
    if (slice_is(word, "off"))
        return switch_detail(x, false);
    if (slice_is(word, "dump"))
        return reply_prefixes(x);
    return exchange_reply(x, REPLY_BAD_DETAIL_USAGE);
}

static bool reset(struct exchange *x)
{
    struct protocol *protocol = x->thread->protocol;
    const struct session_host *host = &protocol->config.host;
    protocol_stats_reset(protocol);
    protocol_latency_reset(protocol);
    prefix_stats_clear(protocol->prefixes);
    store_stats_reset(protocol->config.store);
    store_curve_reset(protocol->config.store);
    host->reset_counters(host->context);
    return exchange_reply(x, REPLY_RESET);
}

static bool reset_latency(struct exchange *x)
{
    protocol_latency_reset(x->thread->protocol);
    return exchange_reply(x, REPLY_RESET);
}

bool command_stats(struct exchange *x, struct request *request)
{
    struct slice words[ARGUMENTS_MAX];
    size_t count = words_split(request->arguments, words, ARGUMENTS_MAX);
    struct slice word = count > 0 ? words[0] : SLICE_LITERAL("");
    if (slice_is(word, "reset"))
        return reset(x);
    if (slice_is(word, "detail"))
        return detail(x, count > 1 ? words[1] : SLICE_LITERAL(""));
    if (slice_is(word, "cachedump"))
        return exchange_cachedump(x, words + 1, count - 1);
    if (slice_is(word, "sizes"))
        return exchange_reply_sizes(x);
    if (slice_is(word, "latency") && count > 1 && slice_is(words[1], "reset"))
        return reset_latency(x);
    if (slice_is(word, "extstore")) /* as memcached answers that has none in use */
        return exchange_reply(x, REPLY_END);
    return reply_section(x, word);
}
