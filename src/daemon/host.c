#include "config.h"

#include "daemon/host.h"

#include "daemon/service_manager.h"

#include "base/clock.h"
#include "base/log.h"

#include <sys/resource.h>

static uint64_t microseconds_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static void read_gauges(void *context, struct server_gauges *gauges)
{
    const struct host *host = context;
    struct net_stats net;
    struct rusage usage = {0};
    net_stats_read(host->net, &net);
    getrusage(RUSAGE_SELF, &usage);
    *gauges = (struct server_gauges){
        .rusage_user_microseconds = microseconds_of(usage.ru_utime),
        .rusage_system_microseconds = microseconds_of(usage.ru_stime),
        .max_connections = (uint64_t)host->settings->connections_max,
        .curr_connections = net.curr_connections,
        .total_connections = net.total_connections,
        .rejected_connections = net.rejected_connections,
        .connection_structures = net.connection_structures,
        .read_buf_bytes = net.buffer_bytes,
        .read_buf_oom = net.buffer_refusals,
        .bytes_read = net.bytes_read,
        .bytes_written = net.bytes_written,
        .accepting_conns = net.accepting_conns,
        .listen_disabled_num = net.listen_disabled_num,
        .ssl_new_sessions = net.ssl_new_sessions,
        .ssl_resumed_sessions = net.ssl_resumed_sessions,
        .ssl_handshake_errors = net.ssl_handshake_errors,
        .time_since_server_cert_refresh = net_certificates_age(host->net),
        .time_in_listen_disabled_us = net.time_in_listen_disabled_us,
        .threads = (uint64_t)host->settings->threads,
        .conn_yields = net.conn_yields,
        .idle_kicks = net.idle_kicks,
        .log_watcher_skipped = net.log_watcher_skipped,
        .log_watcher_sent = net.log_watcher_sent,
        .log_watchers = net.log_watchers,
        .log_lines_lost = log_lines_lost(),
    };
}

static void write_settings(void *context, struct text *text)
{
    const struct host *host = context;
    struct settings now = *host->settings;
    struct store_report report;
    store_report_read(host->store, clock_seconds(), &report);
    /* What commands change while the daemon runs. */
    now.verbosity = log_verbosity();
    now.memory_size = (int64_t)report.memory_limit;
    now.prefix_detail = protocol_counts_prefixes(host->protocol);
    /* As memcached says it. */
    if (now.auth_path == NULL)
        now.auth_path = "no";
    if (now.tls_chain_path == NULL)
        now.tls_chain_path = "(null)";
    if (now.tls_key_path == NULL)
        now.tls_key_path = "(null)";
    settings_write(&now, text);
}

static void write_connections(void *context, struct text *text)
{
    const struct host *host = context;
    net_write_connections(host->net, text);
}

static void reset_counters(void *context)
{
    const struct host *host = context;
    net_stats_reset(host->net);
}

bool host_refresh_certificates(const struct host *host)
{
    struct text why;
    text_init(&why);
    bool done = net_refresh_certificates(host->net, &why);
    if (!done)
        log_write(LOG_ERROR, "%.*s: the certificates that were read before stay in use",
                  (int)why.size, why.at);
    text_end(&why);
    return done;
}

static bool refresh_certificates(void *context)
{
    return host_refresh_certificates(context);
}

void host_stop(const struct host *host, bool graceful, const char *why)
{
    /* First, so that who has read of it in the log is told the same by /readyz. */
    if (host->admin != NULL)
        admin_set_ready(host->admin, false);
    log_write(LOG_NOTICE, "%s", why);
    service_manager_stopping();
    net_stop(host->net, graceful);
}

static void shutdown_daemon(void *context, bool graceful)
{
    host_stop(context, graceful, "a client asked for the shutdown");
}

static enum watch_start watch(void *context, struct session *session, unsigned kinds)
{
    const struct host *host = context;
    return net_watch(host->net, session, kinds);
}

static void wake_watchers(void *context)
{
    const struct host *host = context;
    net_wake_watchers(host->net);
}

struct session_host host_for_sessions(struct host *host)
{
    return (struct session_host){
        .context = host,
        .read_gauges = read_gauges,
        .write_settings = write_settings,
        .write_connections = write_connections,
        .reset_counters = reset_counters,
        .refresh_certificates = host->settings->tls ? refresh_certificates : NULL,
        .shutdown = shutdown_daemon,
        .watch = watch,
        .wake_watchers = wake_watchers,
    };
}
