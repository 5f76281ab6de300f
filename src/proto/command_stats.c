#include "config.h"

#include "proto/command.h"
#include "proto/session_work.h"
#include "proto/stats.h"

/* The words of the stats command. A section writes STAT lines; the rest answer by themselves. */

struct stats_section {
    const char *word;
    void (*write)(struct text *text, struct exchange *x);
};

static void write_general(struct text *text, struct exchange *x)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, x->thread->protocol);
    stats_write_general(text, &now);
}

static void write_items(struct text *text, struct exchange *x)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, x->thread->protocol);
    stats_write_items(text, &now);
}

static void write_slabs(struct text *text, struct exchange *x)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, x->thread->protocol);
    stats_write_slabs(text, &now);
}

static void write_segments(struct text *text, struct exchange *x)
{
    struct stats_snapshot now;
    stats_snapshot_read(&now, x->thread->protocol);
    stats_write_segments(text, &now);
}

static void write_settings(struct text *text, struct exchange *x)
{
    const struct session_host *host = &x->thread->protocol->config.host;
    host->write_settings(host->context, text);
}

static void write_connections(struct text *text, struct exchange *x)
{
    const struct session_host *host = &x->thread->protocol->config.host;
    host->write_connections(host->context, text);
}

static const struct stats_section sections[] = {
    {"", write_general},          {"items", write_items},       {"slabs", write_slabs},
    {"settings", write_settings}, {"conns", write_connections}, {"segments", write_segments},
};

static bool reply_section(struct exchange *x, const struct stats_section *section)
{
    struct text text;
    text_init(&text);
    section->write(&text, x);
    text_add(&text, SLICE_LITERAL("END\r\n"));
    return exchange_reply_text(x, &text);
}

static void write_prefixes(struct text *text, struct exchange *x)
{
    prefix_stats_write(x->thread->protocol->prefixes, text);
}

static bool switch_detail(struct exchange *x, bool on)
{
    prefix_stats_switch(x->thread->protocol->prefixes, on);
    x->counts_prefixes = on;
    return exchange_reply(x, REPLY_OK);
}

static bool detail(struct exchange *x, struct slice word)
{
    static const struct stats_section prefixes = {"detail", write_prefixes};
    if (slice_is(word, "on"))
        return switch_detail(x, true);
    if (slice_is(word, "off"))
        return switch_detail(x, false);
    if (slice_is(word, "dump"))
        return reply_section(x, &prefixes);
    return exchange_reply(x, REPLY_BAD_DETAIL_USAGE);
}

static bool reset(struct exchange *x)
{
    struct protocol *protocol = x->thread->protocol;
    const struct session_host *host = &protocol->config.host;
    protocol_stats_reset(protocol);
    prefix_stats_clear(protocol->prefixes);
    store_stats_reset(protocol->config.store);
    host->reset_counters(host->context);
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
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
        if (slice_is(word, sections[i].word))
            return reply_section(x, &sections[i]);
    return exchange_reply(x, REPLY_ERROR);
}
