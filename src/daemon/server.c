#include "config.h"

#include "daemon/server.h"

#include "daemon/daemonize.h"
#include "daemon/host.h"
#include "daemon/owned_file.h"
#include "daemon/password_file.h"
#include "daemon/process_limits.h"
#include "daemon/service_manager.h"
#include "daemon/syscall_filter.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/net.h"
#include "proto/proto.h"
#include "store/store.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

#define MEBIBYTE ((size_t)1 << 20)
#define WORKER_MEMORY                                                                              \
    ((size_t)256 << 10) /* a worker's lent buffers, tables, stack and loop, when in use            \
                         */
#define TLS_WORKER_MEMORY                                                                          \
    MEBIBYTE           /* what malloc keeps of a worker's TLS connections that are gone */
#define BUFFER_SHARE 8 /* connections' buffers may take this part of -m */
#define TLS_SHARE 8    /* and what OpenSSL keeps for connections, this one */

struct server {
    const struct settings *settings;
    const struct listen_addresses *addresses;
    struct host host;
    struct store *store;
    struct protocol *protocol;
    struct net *net;
    struct admin *admin;      /* NULL: there is no admin endpoint */
    unsigned inherited_count; /* sockets from the service manager */
    size_t own_memory;        /* of -m, see own_memory() */
};

static bool complain(const char *why)
{
    log_write(LOG_ERROR, "%s", why);
    return false;
}

/* --- putting together ------------------------------------------------------------------------ */

/*
 * What the process takes for itself of the memory that -m promises: all that is resident now, and
 * what each worker will touch, but for the 3 MiB that any small process takes, and 4 more with TLS.
 * At most a quarter of -m: the smallest memory must have room for an item of half its size.
 */
static size_t own_memory(const struct settings *settings)
{
    size_t of_worker = WORKER_MEMORY + (settings->tls ? TLS_WORKER_MEMORY : 0);
    size_t total = process_resident_bytes() + (size_t)settings->threads * of_worker +
                   (settings->admin_address == NULL ? 0 : ADMIN_MEMORY);
    size_t most = (size_t)settings->memory_size / 4;
    size_t usual = (settings->tls ? 7 : 3) * MEBIBYTE;
    size_t own = total > usual ? total - usual : 0;
    return own < most ? own : most;
}

static bool create_store(struct server *server)
{
    const struct settings *settings = server->settings;
    const char *why = NULL;
    server->own_memory = own_memory(settings);
    struct store_config config = {
        .memory_size = (size_t)settings->memory_size,
        .other_bytes = server->own_memory,
        .item_size_max = (size_t)settings->item_size_max,
        .writer_count = (unsigned)settings->threads,
        .eviction = (enum store_eviction)settings->eviction,
        .evict = settings->evict,
        .curve = settings->miss_curve,
        .cas = settings->cas,
    };
    server->store = store_create(&config, &why);
    return server->store != NULL || complain(why);
}

static bool create_protocol(struct server *server)
{
    const struct settings *settings = server->settings;
    struct protocol_config config = {
        .store = server->store,
        .host = host_for_sessions(&server->host),
        .event_version = event_get_version(),
        .item_size_max = (size_t)settings->item_size_max,
        .other_bytes = server->own_memory,
        .requests_per_turn = (unsigned)settings->requests_per_turn,
        .latency_interval = (unsigned)settings->latency_interval,
        .hot_keys_interval = settings->dump_allowed ? (unsigned)settings->hot_keys_interval : 0,
        .flush_allowed = settings->flush_allowed,
        .shutdown_allowed = settings->shutdown_allowed,
        .dump_allowed = settings->dump_allowed,
        .watch_allowed = settings->watch_allowed,
        .told_size_max = (size_t)settings->worker_buffer_size,
        .authenticate = settings->auth_path != NULL,
        .prefix_detail = settings->prefix_detail || settings_name_delimiter(settings),
        .prefix_delimiter = settings->prefix_delimiter[0],
        .cas = settings->cas,
        .track_sizes = settings->track_sizes,
        .debug_commands = settings->debug_commands,
    };
    server->protocol = protocol_create(&config);
    server->host.protocol = server->protocol;
    server->host.store = server->store;
    if (server->protocol == NULL)
        return complain("no memory for the protocol");
    net_set_protocol(server->net, server->protocol);
    return settings->auth_path == NULL || password_file_load(settings->auth_path, server->protocol);
}

static bool create_net(struct server *server)
{
    /* In the order of the words in settings.def. */
    static const enum net_dispatch dispatches[] = {NET_DISPATCH_IN_TURN, NET_DISPATCH_LEAST};
    static const char *const event_methods[] = {NULL, "epoll", "poll", "select"};
    const struct settings *settings = server->settings;
    const char *why = NULL;
    size_t buffer_memory = (size_t)settings->memory_size / BUFFER_SHARE;
    struct net_config config = {
        .worker_count = (unsigned)settings->threads,
        .connections_max = (unsigned)settings->connections_max,
        .idle_seconds_max = (unsigned)settings->idle_seconds_max,
        .backlog = (int)settings->backlog,
        .dispatch = dispatches[settings->dispatch],
        .event_method = event_methods[settings->event_method],
        .watcher_buffer_size = (size_t)settings->watcher_buffer_size,
        .worker_buffer_size = (size_t)settings->worker_buffer_size,
        .buffer_memory_max = buffer_memory > MEBIBYTE ? buffer_memory : MEBIBYTE,
    };
    server->net = net_create(&config, &why);
    server->host.net = server->net;
    return server->net != NULL || complain(why);
}

static bool create_tls(struct server *server)
{
    const struct settings *settings = server->settings;
    struct net_tls_config config = {
        .chain_path = settings->tls_chain_path,
        .key_path = settings->tls_key_path,
        .authorities_path = settings->tls_authorities_path,
        .ciphers = settings->tls_ciphers,
        .verify = (enum net_verify)settings->tls_verify,
        .version_min = settings->tls_version_min,
        .handshake_seconds_max = (unsigned)settings->tls_handshake_seconds_max,
        .memory_max = (size_t)settings->memory_size / TLS_SHARE,
        .key_is_der = settings->tls_key_format == 2,
        .resume = settings->tls_resume,
        .wipe = settings->auth_path != NULL,
    };
    if (!settings->tls)
        return true;
    struct text why;
    text_init(&why);
    bool enabled = net_enable_tls(server->net, &config, &why);
    if (!enabled)
        log_write(LOG_ERROR, "-Z: %.*s", (int)why.size, why.at);
    text_end(&why);
    return enabled;
}

/* After the workers were started, at which it looks. */
static bool create_admin(struct server *server)
{
    const struct settings *settings = server->settings;
    const char *why = NULL;
    struct admin_config config = {
        .store = server->store,
        .protocol = server->protocol,
        .net = server->net,
        .address = settings->admin_address,
        .host_name = settings->admin_host,
        .keys_allowed = settings->admin_keys && settings->dump_allowed,
    };
    if (settings->admin_address == NULL)
        return true;
    server->admin = admin_create(&config, &why);
    server->host.admin = server->admin;
    return (server->admin != NULL && admin_start(server->admin, &why)) || complain(why);
}

/* --- signals ------------------------------------------------------------------------------- */

static const struct {
    int number;
    const char *name;
    bool stops;
} signals[] = {
    {SIGTERM, "TERM", true},
    {SIGINT, "INT", true},
    {SIGUSR1, "USR1", true},
    {SIGHUP, "HUP", false},
};

/* Each file as a whole or not at all; one that is wrong does not keep the other from being read. */
static void reload(struct server *server, const char *signal_name)
{
    const struct settings *settings = server->settings;
    service_manager_reloading();
    if (settings->auth_path != NULL && password_file_load(settings->auth_path, server->protocol))
        log_write(LOG_NOTICE, "signal %s: users and passwords read again", signal_name);
    if (settings->tls && host_refresh_certificates(&server->host))
        log_write(LOG_NOTICE, "signal %s: certificates read again", signal_name);
    if (settings->auth_path == NULL && !settings->tls)
        log_write(LOG_NOTICE, "signal %s: nothing to reload, going on", signal_name);
    service_manager_ready();
}

static void on_signal(int number, void *context)
{
    struct server *server = context;
    char why[40];
    size_t i = 0;
    while (signals[i].number != number)
        i++;
    if (!signals[i].stops) {
        reload(server, signals[i].name);
        return;
    }
    snprintf(why, sizeof(why), "signal %s: stopping", signals[i].name);
    host_stop(&server->host, true, why);
}

static void on_tick(int unused, void *context)
{
    (void)unused;
    (void)context;
    service_manager_alive();
}

/* Twice in the time after which the service manager would start a new process in our place. */
static void add_sign_of_life(struct server *server)
{
    uint64_t patience = service_manager_patience();
    if (patience > 0 && !net_on_tick(server->net, patience / 2 + 1, on_tick, NULL))
        log_write(LOG_WARNING, "no memory for the signs of life that the service manager wants");
}

/*
 * What libevent finds as a signal's action it puts back in the end: ignoring it, so that a second
 * TERM does not kill a daemon that is freeing its memory. Held back meanwhile, none is lost.
 */
static bool add_signals(struct server *server)
{
    sigset_t stopping;
    bool added = true;
    sigemptyset(&stopping);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
        sigaddset(&stopping, signals[i].number);
    sigprocmask(SIG_BLOCK, &stopping, NULL);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        signal(signals[i].number, SIG_IGN);
        added = net_on_signal(server->net, signals[i].number, on_signal, server) && added;
    }
    sigprocmask(SIG_UNBLOCK, &stopping, NULL);
    return added || complain("no memory, or no descriptor, to wait for signals");
}

static bool create_parts(struct server *server)
{
    const char *why = NULL;
    hash_start(0);
    clock_start();
    /* The store comes after all that takes memory, so that this can be taken off -m. */
    if (!create_net(server) || !create_tls(server) || !create_store(server) ||
        !create_protocol(server))
        return false;
    if (!add_signals(server))
        return false;
    add_sign_of_life(server);
    if (!net_start_workers(server->net, &why))
        return complain(why);
    return create_admin(server);
}

static void destroy_parts(struct server *server)
{
    admin_destroy(server->admin);
    if (server->net != NULL)
        net_destroy(server->net);
    if (server->protocol != NULL)
        protocol_destroy(server->protocol);
    if (server->store != NULL)
        store_destroy(server->store);
}

/* --- listening ----------------------------------------------------------------------------- */

/* They take the place of -l, -p and -s; but -l tells how one at the same address is secured. */
static bool open_inherited(struct server *server)
{
    const char *why = NULL;
    for (unsigned i = 0; i < server->inherited_count; i++) {
        int descriptor = SERVICE_MANAGER_SOCKET_FIRST + (int)i;
        enum net_security security = NET_PLAIN;
        if (server->settings->tls)
            security = listen_addresses_security_of(server->addresses, descriptor);
        if (!net_listen_inherited(server->net, descriptor, security, &why))
            return complain(why);
    }
    return true;
}

static bool open_listeners(struct server *server)
{
    const struct settings *settings = server->settings;
    const struct listen_addresses *addresses = server->addresses;
    const char *why = NULL;
    if (server->inherited_count > 0)
        return open_inherited(server);
    if (settings->unix_path != NULL)
        return net_listen_unix(server->net, settings->unix_path, (mode_t)settings->unix_mode,
                               &why) ||
               complain(why);
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *address = &addresses->at[i];
        struct net_tcp_listener listener = {
            .host = address->host,
            .port = address->port,
            .optional = address->optional,
            .security = settings->tls ? address->security : NET_PLAIN,
        };
        if (!net_listen_tcp(server->net, &listener, &why))
            return complain(why);
    }
    return true;
}

/* Only one whom nobody else finds otherwise has to have it. */
static bool write_pid_file(const char *path)
{
    if (path == NULL || pid_file_write(path))
        return true;
    if (service_manager_waits())
        log_write(LOG_WARNING, "going on without %s: the service manager knows the process", path);
    return service_manager_waits();
}

/* What others wait for: the ports, for MEMCACHED_PORT_FILENAME, and the process id. */
static bool write_files(const struct server *server)
{
    const char *ports_path = getenv("MEMCACHED_PORT_FILENAME");
    struct text ports;
    bool written = true;
    text_init(&ports);
    net_write_ports(server->net, &ports);
    if (ports_path != NULL && ports.size > 0)
        written = owned_file_write(ports_path, ".lck", (struct slice){ports.at, ports.size});
    text_end(&ports);
    return written && write_pid_file(server->settings->pid_path);
}

/* "TCP INET: 11211, TCP INET6: 11211" */
static void log_ports(struct net *net)
{
    struct text ports;
    struct text line;
    text_init(&ports);
    text_init(&line);
    net_write_ports(net, &ports);
    for (size_t i = 0; i + 1 < ports.size; i++)
        text_add(&line,
                 ports.at[i] == '\n' ? SLICE_LITERAL(", ") : (struct slice){ports.at + i, 1});
    log_write(LOG_NOTICE, "ports: %.*s", (int)line.size, line.at);
    text_end(&ports);
    text_end(&line);
}

static bool is_loopback_only(const struct server *server)
{
    if (server->inherited_count == 0)
        return server->settings->unix_path != NULL ||
               listen_addresses_all_loopback(server->addresses);
    for (unsigned i = 0; i < server->inherited_count; i++)
        if (!service_manager_socket_is_local(SERVICE_MANAGER_SOCKET_FIRST + (int)i))
            return false;
    return true;
}

static void log_listeners(const struct server *server)
{
    const struct settings *settings = server->settings;
    if (server->inherited_count > 0) {
        log_write(LOG_NOTICE,
                  "listening on %u sockets of the service manager; -l, -p and -s are "
                  "not used",
                  server->inherited_count);
        return;
    }
    if (settings->unix_path != NULL) {
        log_write(LOG_NOTICE, "listening on %s, mode %" PRIo64, settings->unix_path,
                  (uint64_t)settings->unix_mode);
        return;
    }
    log_ports(server->net);
    if (settings->listen == NULL)
        log_write(LOG_NOTICE, "listening on loopback only; -l 0.0.0.0 opens it");
    else
        log_write(LOG_NOTICE, "listening on %s", settings->listen);
}

static void log_admin(const struct server *server)
{
    struct text address;
    if (server->admin == NULL)
        return;
    text_init(&address);
    admin_write_address(server->admin, &address);
    log_write(LOG_NOTICE, "admin page: %.*s", (int)address.size, address.at);
    text_end(&address);
    if (!admin_is_on_loopback(server->admin))
        log_write(LOG_WARNING, "other machines can reach the admin page, and nobody is asked for a "
                               "password: it tells them statistics and the hottest keys");
}

/* Only now, so that a start that fails leaves one line and not a story. */
static void log_start(const struct server *server)
{
    const struct settings *settings = server->settings;
    log_write(LOG_NOTICE, "version " PACKAGE_VERSION);
    log_write(LOG_NOTICE, "memory: %" PRId64 " MiB, items up to %" PRId64 " KiB, %s",
              settings->memory_size >> 20, settings->item_size_max >> 10,
              settings->evict ? "what is least used makes room" : "an error when it is full (-M)");
    log_write(LOG_NOTICE, "workers: %" PRId64 ", clients: %" PRId64, settings->threads,
              settings->connections_max);
    log_listeners(server);
    if (settings->auth_path == NULL && !is_loopback_only(server))
        log_write(LOG_WARNING, "other machines can reach this cache, and nobody is asked for a "
                               "password: whoever gets to the port can read and change all of it");
    log_admin(server);
}

static int serve(struct server *server)
{
    const struct settings *settings = server->settings;
    if (!create_parts(server) || !open_listeners(server))
        return EX_OSERR;
    if (!write_files(server))
        return EX_CANTCREAT;
    if (settings->drop_privileges && !syscall_filter_install())
        return EX_OSERR;
    log_start(server);
    if (server->admin != NULL)
        admin_set_ready(server->admin, true);
    daemonize_succeed(settings->verbosity > 0);
    service_manager_ready();
    bool fine = net_run(server->net);
    if (settings->pid_path != NULL)
        pid_file_remove(settings->pid_path);
    log_write(LOG_NOTICE, "stopped");
    return fine ? EX_OK : EX_OSERR;
}

int server_run(const struct settings *settings, const struct listen_addresses *addresses)
{
    struct server server = {
        .settings = settings,
        .addresses = addresses,
        .inherited_count = service_manager_sockets(),
    };
    server.host.settings = settings;
    int status = serve(&server);
    destroy_parts(&server);
    return status;
}
