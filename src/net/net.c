#include "config.h"

#include "net/net.h"

#include "base/clock.h"
#include "net/connection_list.h"
#include "net/connection.h"
#include "net/dispatcher.h"
#include "net/logger.h"
#include "net/tls.h"
#include "net/worker.h"

#include <stdlib.h>
#include <string.h>

struct net {
    /* set once at creation, and by net_start_workers */
    struct net_config config;
    struct worker **workers; /* owned, with what they point to */
    unsigned worker_count;
    struct tls *tls; /* owned; NULL: there is none */
    unsigned handshake_seconds_max;

    /* any thread, under its lock */
    struct mutex zero_lock;
    struct net_stats zero GUARDED_BY(zero_lock); /* what the counters were at the last reset */

    /* the dispatcher's thread only */
    struct listen_failure failure;

    /* each with its own rules */
    struct dispatcher dispatcher;
    struct logger logger;
    struct buffer_budget budget;
};

/* ---- life */

struct net *net_create(const struct net_config *config, const char **why) NO_THREAD_CHECK
{
    struct dispatcher_config dispatcher_config = {
        .connections_max = config->connections_max,
        .dispatch = config->dispatch,
        .event_method = config->event_method,
    };
    *why = "no memory for the network";
    struct net *net = aligned_alloc(CACHE_LINE, sizeof(*net));
    if (net == NULL)
        return NULL;
    memset(net, 0, sizeof(*net));
    net->config = *config;
    net->budget.bytes_max = config->buffer_memory_max;
    if (!dispatcher_init(&net->dispatcher, &dispatcher_config, why)) {
        free(net);
        return NULL;
    }
    mutex_init(&net->zero_lock, LOCK_CONNECTIONS);
    return net;
}

static void stop_workers(struct net *net, bool graceful)
{
    for (unsigned i = 0; i < net->worker_count; i++)
        worker_stop(net->workers[i], graceful);
    for (unsigned i = 0; i < net->worker_count; i++)
        worker_join(net->workers[i]);
    if (net->worker_count > 0)
        logger_stop(&net->logger);
}

/* All workers have stopped before the first is destroyed: they look at each other (stats conns). */
void net_destroy(struct net *net)
{
    if (net == NULL)
        return;
    stop_workers(net, false);
    if (net->workers != NULL)
        logger_end(&net->logger);
    for (unsigned i = 0; i < net->worker_count; i++)
        worker_destroy(net->workers[i]);
    free(net->workers);
    dispatcher_end(&net->dispatcher);
    tls_destroy(net->tls);
    mutex_end(&net->zero_lock);
    free(net);
}

void net_set_protocol(struct net *net, struct protocol *protocol)
{
    CHECK(net->worker_count == 0);
    net->config.protocol = protocol;
}

static void init_logger(struct net *net)
{
    struct logger_config config = {
        .protocol = net->config.protocol,
        .budget = &net->budget,
        .workers = net->workers,
        .worker_count = net->config.worker_count,
        .event_method = net->config.event_method,
        .watcher_buffer_size = net->config.watcher_buffer_size,
        .worker_buffer_size = net->config.worker_buffer_size,
    };
    logger_init(&net->logger, &config);
    net->dispatcher.logger = &net->logger;
}

/* ---- TLS */

/* What the certificates take is no connection's, so the budget is larger by as much. */
bool net_enable_tls(struct net *net, const struct net_tls_config *config, struct text *why)
{
    const char *reason = NULL;
    CHECK(net->worker_count == 0 && net->tls == NULL);
    net->tls = tls_create(config, &net->budget, &reason);
    if (net->tls == NULL) {
        text_add(why, slice_of(reason));
        return false;
    }
    net->handshake_seconds_max = config->handshake_seconds_max;
    bool loaded = tls_load(net->tls, why);
    net->budget.bytes_max += config->memory_max + buffer_budget_bytes(&net->budget);
    return loaded;
}

bool net_refresh_certificates(struct net *net, struct text *why)
{
    if (net->tls != NULL)
        return tls_load(net->tls, why);
    text_add(why, SLICE_LITERAL("there is no TLS"));
    return false;
}

uint32_t net_certificates_age(const struct net *net)
{
    uint32_t now = clock_seconds();
    uint32_t loaded_at = net->tls == NULL ? now : tls_loaded_at(net->tls);
    return now > loaded_at ? now - loaded_at : 0; /* debugtime may turn the clock back */
}

/* ---- workers */

static bool create_workers(struct net *net, const char **why)
{
    struct worker_config config = {
        .protocol = net->config.protocol,
        .budget = &net->budget,
        .logger = &net->logger,
        .tls = net->tls,
        .handshake_seconds_max = net->handshake_seconds_max,
        .idle_seconds_max = net->config.idle_seconds_max,
        .event_method = net->config.event_method,
    };
    *why = "no memory for the workers";
    net->workers = calloc(net->config.worker_count, sizeof(struct worker *));
    if (net->workers == NULL)
        return false;
    init_logger(net);
    for (unsigned i = 0; i < net->config.worker_count; i++) {
        net->workers[i] = worker_create(&config, why);
        if (net->workers[i] == NULL)
            return false;
        net->worker_count++;
    }
    return true;
}

bool net_start_workers(struct net *net, const char **why)
{
    struct start_barrier barrier;
    bool started = true;
    CHECK(net->config.worker_count > 0 && net->config.protocol != NULL && net->worker_count == 0);
    if (!create_workers(net, why))
        return false;
    net->dispatcher.workers = net->workers;
    net->dispatcher.worker_count = net->worker_count;
    start_barrier_init(&barrier);
    for (unsigned i = 0; i < net->worker_count && started; i++)
        started = worker_start(net->workers[i], &barrier);
    start_barrier_wait(&barrier);
    start_barrier_end(&barrier);
    if (!started)
        *why = "the system gives no more threads (fewer workers: -t)";
    return started;
}

/* ---- listening */

static bool add_listeners(struct net *net, struct listener *list, const char **why)
{
    *why = net->failure.text;
    if (net->failure.text[0] != '\0')
        return false;
    CHECK(net->worker_count > 0);
    if (list == NULL || dispatcher_add_listeners(&net->dispatcher, list))
        return true;
    *why = "no memory to watch a listening socket";
    return false;
}

bool net_listen_tcp(struct net *net, const struct net_tcp_listener *listener, const char **why)
{
    CHECK(listener->security == NET_PLAIN || net->tls != NULL);
    struct listener *list = listener_open_tcp(listener, net->config.backlog, &net->failure);
    return add_listeners(net, list, why);
}

bool net_listen_unix(struct net *net, const char *path, mode_t mode, const char **why)
{
    struct listener *list = listener_open_unix(path, mode, net->config.backlog, &net->failure);
    return add_listeners(net, list, why);
}

bool net_listen_inherited(struct net *net, int descriptor, enum net_security security,
                          const char **why)
{
    CHECK(security == NET_PLAIN || net->tls != NULL);
    return add_listeners(net, listener_adopt(descriptor, security, &net->failure), why);
}

void net_write_ports(struct net *net, struct text *text)
{
    struct dispatcher *dispatcher = &net->dispatcher;
    mutex_lock(&dispatcher->listeners_lock);
    for (struct listener *listener = dispatcher->listeners; listener; listener = listener->next)
        if (listener->family != AF_UNIX)
            text_format(text, "TCP %s: %u\n", listener->family == AF_INET6 ? "INET6" : "INET",
                        (unsigned)listener->port);
    mutex_unlock(&dispatcher->listeners_lock);
}

/* ---- running */

bool net_on_signal(struct net *net, int signal, void (*on_signal)(int signal, void *context),
                   void *context)
{
    return dispatcher_add_signal(&net->dispatcher, signal, on_signal, context);
}

bool net_on_tick(struct net *net, uint64_t microseconds, void (*on_tick)(int, void *context),
                 void *context)
{
    return dispatcher_add_timer(&net->dispatcher, microseconds, on_tick, context);
}

bool net_run(struct net *net)
{
    bool served = dispatcher_run(&net->dispatcher);
    stop_workers(net, served && net->dispatcher.graceful);
    return served;
}

void net_stop(struct net *net, bool graceful)
{
    dispatcher_stop(&net->dispatcher, graceful);
}

/* ---- watching */

enum watch_start net_watch(struct net *net, struct session *session, unsigned kinds)
{
    struct connection *connection = CONTAINER_OF(session, struct connection, session);
    return logger_reserve(&net->logger, kinds, &connection->worker->lent.watcher);
}

void net_wake_watchers(struct net *net)
{
    logger_wake(&net->logger);
}

/* ---- looking */

static void add_counters(struct net_stats *stats, const struct net_counters *counters)
{
#define NET_COUNTER(name, text) stats->name += counter_read(&counters->name);
#include "net/net_stats.def"
#undef NET_COUNTER
}

static void read_counters(struct net *net, struct net_stats *stats)
{
    *stats = (struct net_stats){0};
    add_counters(stats, &net->dispatcher.counters);
    for (unsigned i = 0; i < net->worker_count; i++)
        add_counters(stats, &net->workers[i]->counters);
    add_counters(stats, &net->logger.counters);
    stats->buffer_bytes = buffer_budget_bytes(&net->budget);
}

void net_stats_read(struct net *net, struct net_stats *stats)
{
    read_counters(net, stats);
    mutex_lock(&net->zero_lock);
#define NET_COUNTER(name, text) stats->name -= net->zero.name;
#include "net/net_stats.def"
#undef NET_COUNTER
    mutex_unlock(&net->zero_lock);
}

/* Counters start anew from here; what tells how things stand now is left alone. */
void net_stats_reset(struct net *net)
{
    struct net_stats zero;
    read_counters(net, &zero);
    zero.curr_connections = 0;
    zero.connection_structures = 0;
    zero.accepting_conns = 0;
    zero.buffer_bytes = 0;
    zero.log_watchers = 0;
    mutex_lock(&net->zero_lock);
    net->zero = zero;
    mutex_unlock(&net->zero_lock);
}

unsigned net_worker_count(const struct net *net)
{
    return net->worker_count;
}

void net_worker_load_read(struct net *net, unsigned number, struct net_worker_load *load)
{
    const struct worker *worker = net->workers[number];
    *load = (struct net_worker_load){
        .cpu_nanoseconds = worker_cpu_nanoseconds(worker),
        .bytes_read = counter_read(&worker->counters.bytes_read),
        .bytes_written = counter_read(&worker->counters.bytes_written),
    };
}

void net_count_connections(struct net *net, unsigned number, uint64_t counts[NET_STATES_MAX])
{
    struct worker *worker = net->workers[number];
    struct roster_entry *entry = NULL;
    memset(counts, 0, NET_STATES_MAX * sizeof(counts[0]));
    mutex_lock(&worker->roster.lock);
    while ((entry = roster_next(&worker->roster, entry)) != NULL)
        counts[connection_shown_state(CONTAINER_OF(entry, struct connection, entry))]++;
    mutex_unlock(&worker->roster.lock);
}

const char *net_state_name(unsigned state)
{
    static const char *const names[] = {
#define CONNECTION_STATE(name, run, shown) [name] = shown,
#include "net/connection_states.def"
#undef CONNECTION_STATE
        [CONNECTION_RUNNING] = "running",
    };
    return state < ARRAY_COUNT(names) ? names[state] : NULL;
}

void net_write_connections(struct net *net, struct text *text)
{
    struct connection_list list;
    connection_list_init(&list);
    connection_list_add_listeners(&list, &net->dispatcher);
    for (unsigned i = 0; i < net->worker_count; i++)
        connection_list_add_worker(&list, net->workers[i]);
    connection_list_add_watchers(&list, &net->logger);
    connection_list_write(&list, text);
    connection_list_end(&list);
}
