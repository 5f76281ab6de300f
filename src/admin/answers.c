#include "config.h"

#include "admin/answers.h"

#include "admin/json.h"
#include "base/number.h"

#include <event2/http.h>
#include <inttypes.h>

#define CONNECTIONS_SHOWN_MAX 256 /* more would make a long text of `stats conns` */
#define KEYS_DEFAULT 100

struct route {
    const char *path;
    const char *type;
    void (*answer)(struct answer_sources *sources, const struct evkeyvalq *query,
                   struct answer *answer);
};

static void answer_page(struct answer_sources *sources, const struct evkeyvalq *query,
                        struct answer *answer)
{
    (void)sources;
    (void)query;
    answer->is_page = true;
}

static void answer_metrics(struct answer_sources *sources, const struct evkeyvalq *query,
                           struct answer *answer)
{
    (void)query;
    metrics_write_exporter(sources->config.protocol, &answer->text);
    metrics_write_own(&sources->config, &sources->connections, &answer->text);
}

/* --- health ---------------------------------------------------------------------------------- */

static void answer_health(struct answer_sources *sources, const struct evkeyvalq *query,
                          struct answer *answer)
{
    (void)sources;
    (void)query;
    text_add(&answer->text, SLICE_LITERAL("ok\n"));
}

static void refuse(struct answer *answer, int status, const char *why)
{
    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    text_format(&answer->text, "%s\n", why);
}

static void answer_readiness(struct answer_sources *sources, const struct evkeyvalq *query,
                             struct answer *answer)
{
    struct net_stats net;
    (void)query;
    net_stats_read(sources->config.net, &net);
    if (!atomic_load_explicit(&sources->ready, memory_order_relaxed))
        refuse(answer, HTTP_SERVUNAVAIL, "starting or stopping");
    else if (net.accepting_conns == 0)
        refuse(answer, HTTP_SERVUNAVAIL, "no more connections are accepted now");
    else
        text_add(&answer->text, SLICE_LITERAL("ready\n"));
}

/* --- statistics ------------------------------------------------------------------------------ */

static bool is_left_out(const struct answer_sources *sources, struct slice section)
{
    struct net_stats net;
    if (!slice_is(section, "conns"))
        return false;
    net_stats_read(sources->config.net, &net);
    return net.curr_connections > CONNECTIONS_SHOWN_MAX;
}

static void add_section(struct answer_sources *sources, struct slice section, struct text *to)
{
    struct text lines;
    json_add_string(to, section.size == 0 ? SLICE_LITERAL("general") : section);
    text_add(to, SLICE_LITERAL(":"));
    text_init(&lines);
    if (is_left_out(sources, section) ||
        !protocol_write_section(sources->config.protocol, section, &lines) || lines.failed)
        text_add(to, SLICE_LITERAL("null"));
    else
        json_add_stat_lines(to, (struct slice){lines.at, lines.size});
    text_add(to, SLICE_LITERAL(",\n"));
    text_end(&lines);
}

static void add_ages(const struct store_report *report, struct text *text)
{
    for (size_t i = 0; i < STORE_AGES; i++)
        text_format(text, "%s%" PRIu64, i == 0 ? "[" : ",", report->age_bytes[i]);
    text_add(text, SLICE_LITERAL("]"));
}

static void add_workers(struct answer_sources *sources, struct text *text)
{
    const struct connection_counts *counts = &sources->connections;
    for (unsigned i = 0; i < counts->worker_count; i++) {
        struct net_worker_load load;
        uint64_t connections = 0;
        net_worker_load_read(sources->config.net, i, &load);
        for (unsigned state = 0; state < NET_STATES_MAX; state++)
            connections += counts->workers[i][state];
        text_format(text,
                    "%s{\"cpu_us\":%" PRIu64 ",\"bytes_read\":%" PRIu64
                    ",\"bytes_written\":%" PRIu64 ",\"connections\":%" PRIu64 "}",
                    i == 0 ? "[" : ",", load.cpu_nanoseconds / 1000, load.bytes_read,
                    load.bytes_written, connections);
    }
    text_add(text, SLICE_LITERAL("]"));
}

static void add_states(const struct connection_counts *counts, struct text *text)
{
    for (unsigned state = 0; net_state_name(state) != NULL; state++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < counts->worker_count; i++)
            sum += counts->workers[i][state];
        text_format(text, "%s\"%s\":%" PRIu64, state == 0 ? "{" : ",", net_state_name(state), sum);
    }
    text_add(text, SLICE_LITERAL("}"));
}

/* Every section of `stats`, then what no section has. */
static void answer_stats(struct answer_sources *sources, const struct evkeyvalq *query,
                         struct answer *answer)
{
    struct text *text = &answer->text;
    struct store_report report;
    const char *section;
    (void)query;
    text_add(text, SLICE_LITERAL("{"));
    for (size_t i = 0; (section = protocol_section(i)) != NULL; i++)
        add_section(sources, slice_of(section), text);
    store_report_read(sources->config.store, sources->history.now.time, &report);
    text_add(text, SLICE_LITERAL("\"item_sizes\":"));
    census_write(&sources->census, text);
    text_add(text, SLICE_LITERAL(",\n\"item_ages\":"));
    add_ages(&report, text);
    text_add(text, SLICE_LITERAL(",\n\"connection_states\":"));
    add_states(&sources->connections, text);
    text_add(text, SLICE_LITERAL(",\n\"workers\":"));
    add_workers(sources, text);
    text_format(text, ",\n\"keys_allowed\":%s}\n", sources->config.keys_allowed ? "true" : "false");
}

/* --- history and keys ------------------------------------------------------------------------ */

/* false: it is there and no number up to `most`. */
static bool read_number(const struct evkeyvalq *query, const char *name, uint64_t most,
                        uint64_t *number)
{
    const char *value = evhttp_find_header(query, name);
    return value == NULL || (number_parse_u64(slice_of(value), number) && *number <= most);
}

static void answer_history(struct answer_sources *sources, const struct evkeyvalq *query,
                           struct answer *answer)
{
    uint64_t after = 0;
    if (!read_number(query, "after", UINT64_MAX, &after))
        refuse(answer, HTTP_BADREQUEST, "after: wants the number of a point");
    else
        history_write(&sources->history, after, &answer->text);
}

static void answer_keys(struct answer_sources *sources, const struct evkeyvalq *query,
                        struct answer *answer)
{
    const char *prefix = evhttp_find_header(query, "prefix");
    uint64_t limit = KEYS_DEFAULT;
    uint64_t cursor = 0;
    if (!sources->config.keys_allowed) {
        refuse(answer, 403, "keys are not shown; -o admin_keys would allow it");
        return;
    }
    if (!read_number(query, "limit", CENSUS_KEYS_MAX, &limit) ||
        !read_number(query, "cursor", SIZE_MAX, &cursor)) {
        refuse(answer, HTTP_BADREQUEST, "wants limit=0..1000 and cursor=NUMBER");
        return;
    }
    struct census_query wanted = {
        .prefix = prefix == NULL ? SLICE_LITERAL("") : slice_of(prefix),
        .limit = (size_t)limit,
        .cursor = (size_t)cursor,
    };
    census_write_keys(&sources->census, &wanted, &answer->text);
}

/* --- paths ----------------------------------------------------------------------------------- */

static const struct route routes[] = {
    {"/", "text/html; charset=utf-8", answer_page},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", answer_metrics},
    {"/stats.json", "application/json", answer_stats},
    {"/history.json", "application/json", answer_history},
    {"/keys", "application/json", answer_keys},
    {"/healthz", "text/plain; charset=utf-8", answer_health},
    {"/readyz", "text/plain; charset=utf-8", answer_readiness},
};

void answer_request(struct answer_sources *sources, const char *path, const struct evkeyvalq *query,
                    struct answer *answer)
{
    *answer = (struct answer){.status = HTTP_OK};
    text_init(&answer->text);
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        answer->type = routes[i].type;
        routes[i].answer(sources, query, answer);
        return;
    }
    refuse(answer, HTTP_NOTFOUND,
           "not here: try / /metrics /stats.json /history.json /keys /healthz /readyz");
}
