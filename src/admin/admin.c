#include "config.h"

#include "admin/admin.h"

#include "admin/admin_address.h"
#include "admin/answers.h"
#include "admin/guard.h"
#include "admin/page.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG 64
#define HEADERS_SIZE_MAX 8192 /* bytes of a request */
#define IO_SECONDS_MAX 20     /* without a byte read or sent */

struct admin {
    /* set once at creation */
    struct event_base *base;
    struct evhttp *server;
    struct admin_address address; /* that it listens on */
    int stop_pipe[2];
    pthread_t thread;
    bool started;
    char failure[200];

    /* the admin thread's only, once it is started; `ready` in it is anybody's */
    struct answer_sources sources;
    struct guard guard;
    struct event stop_event;
    struct event tick_event;
    unsigned ticks;
};

/* --- requests -------------------------------------------------------------------------------- */

static void add_headers(struct evhttp_request *request, const struct answer *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", answer->type);
    evhttp_add_header(headers, "Content-Security-Policy",
                      answer->is_page ? page_policy : "default-src 'none'; frame-ancestors 'none'");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "X-Frame-Options", "DENY");
    evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
    evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
    evhttp_add_header(headers, "Cache-Control", "no-store");
}

static void send_answer(struct admin *admin, struct evhttp_request *request, struct answer *answer)
{
    struct evbuffer *reply = evhttp_request_get_output_buffer(request);
    add_headers(request, answer);
    if (answer->is_page)
        evbuffer_add_reference(reply, page_html, page_html_size, NULL, NULL);
    else if (!guard_send(&admin->guard, reply, &answer->text))
        answer->status = HTTP_SERVUNAVAIL;
    evhttp_send_reply(request, answer->status, NULL, reply);
}

/* Without a reason of ours it is the status's name. */
static void refuse(struct evhttp_request *request, int status, const char *reason)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    evhttp_send_error(request, status, reason);
}

/* Cuts "name:port" or "[v6]:port" to what stands before the port. */
static struct slice host_of_header(const char *header)
{
    struct slice host = slice_of(header);
    const char *end = header[0] == '[' ? strchr(header, ']') : strchr(header, ':');
    if (end != NULL)
        host.size = (size_t)(end - header);
    if (header[0] == '[' && host.size > 0)
        host = (struct slice){host.at + 1, host.size - 1};
    return host;
}

/*
 * A page elsewhere may have its own name lead to this machine (DNS rebinding), and then read what
 * it likes; but the browser tells that name in Host. An address can't be led astray.
 */
static bool host_is_ours(const struct admin *admin, const char *header)
{
    const char *name = admin->sources.config.host_name;
    if (header == NULL)
        return false;
    struct slice host = host_of_header(header);
    return slice_is(host, "localhost") || (name != NULL && slice_is(host, name)) ||
           admin_address_is_literal(host);
}

static void answer_admitted(struct admin *admin, struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    const char *query = uri == NULL ? NULL : evhttp_uri_get_query(uri);
    struct evkeyvalq parameters = {0};
    struct answer answer;
    if (query != NULL && evhttp_parse_query_str(query, &parameters) != 0) {
        refuse(request, HTTP_BADREQUEST, NULL);
        return;
    }
    answer_request(&admin->sources, path == NULL ? "" : path, &parameters, &answer);
    evhttp_clear_headers(&parameters);
    send_answer(admin, request, &answer);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct admin *admin = context;
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    if (!host_is_ours(admin, evhttp_find_header(headers, "Host")))
        refuse(request, 403,
               "Forbidden: Host must be an address or localhost, or the name of -o admin_host");
    else if (!guard_admit(&admin->guard, evhttp_connection_get_bufferevent(connection)))
        refuse(request, 429, NULL);
    else
        answer_admitted(admin, request);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void sample(struct admin *admin)
{
    struct answer_sources *sources = &admin->sources;
    history_advance(&sources->history, &sources->config);
    census_advance(&sources->census);
    for (unsigned i = 0; i < sources->connections.worker_count; i++)
        net_count_connections(sources->config.net, i, sources->connections.workers[i]);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct admin *admin = context;
    (void)descriptor;
    (void)what;
    guard_tick(&admin->guard);
    if (++admin->ticks % HISTORY_SECONDS == 0)
        sample(admin);
}

static void on_stop(evutil_socket_t descriptor, short what, void *context)
{
    struct admin *admin = context;
    (void)descriptor;
    (void)what;
    event_base_loopbreak(admin->base);
}

static void *admin_main(void *context)
{
    struct admin *admin = context;
    sample(admin);
    CHECK(event_base_dispatch(admin->base) >= 0);
    return NULL;
}

/* Signals are the dispatcher's. */
bool admin_start(struct admin *admin, const char **why)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    admin->started = pthread_create(&admin->thread, NULL, admin_main, admin) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    *why = "the system gives no thread for the admin endpoint";
#ifdef HAVE_PTHREAD_SETNAME_NP
    if (admin->started)
        pthread_setname_np(admin->thread, "admin");
#endif
    return admin->started;
}

void admin_set_ready(struct admin *admin, bool ready)
{
    atomic_store_explicit(&admin->sources.ready, ready, memory_order_relaxed);
}

/* --- life ------------------------------------------------------------------------------------ */

static struct event_base *create_base(void)
{
    struct event_base *base = NULL;
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool fail(struct admin *admin, const char *reason)
{
    snprintf(admin->failure, sizeof(admin->failure), "-o admin=%s: %s",
             admin->sources.config.address, reason);
    return false;
}

static bool listen_at(struct admin *admin)
{
    struct admin_address *address = &admin->address;
    if (!admin_address_parse(address, admin->sources.config.address))
        return fail(admin, "wants an address and a port, as 127.0.0.1:11212 or [::1]:11212");
    struct evconnlistener *listener = evconnlistener_new_bind(
        admin->base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        BACKLOG, (struct sockaddr *)&address->socket, (int)address->size);
    if (listener == NULL)
        return fail(admin, strerror(errno));
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address->socket,
                &address->size);
    if (evhttp_bind_listener(admin->server, listener) == NULL) {
        evconnlistener_free(listener);
        return fail(admin, "no memory to listen");
    }
    guard_init(&admin->guard, admin->base, listener);
    return true;
}

static bool create_server(struct admin *admin)
{
    admin->base = create_base();
    admin->server = admin->base == NULL ? NULL : evhttp_new(admin->base);
    if (admin->server == NULL)
        return fail(admin, "no event loop can be had");
    evhttp_set_allowed_methods(admin->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(admin->server, HEADERS_SIZE_MAX);
    evhttp_set_max_body_size(admin->server, 0);
    evhttp_set_timeout(admin->server, IO_SECONDS_MAX);
    evhttp_set_bevcb(admin->server, guard_create_stream, &admin->guard);
    evhttp_set_gencb(admin->server, on_request, admin);
    return listen_at(admin);
}

static bool create_sources(struct admin *admin)
{
    struct answer_sources *sources = &admin->sources;
    struct connection_counts *connections = &sources->connections;
    connections->worker_count = net_worker_count(sources->config.net);
    connections->workers = calloc(connections->worker_count, sizeof(connections->workers[0]));
    if (connections->workers == NULL || !census_init(&sources->census, sources->config.store))
        return fail(admin, "no memory");
    return true;
}

static bool create_events(struct admin *admin)
{
    static const struct timeval second = {1, 0};
    if (pipe(admin->stop_pipe) != 0) {
        admin->stop_pipe[0] = admin->stop_pipe[1] = -1;
        return fail(admin, "no descriptors for a pipe");
    }
    event_assign(&admin->stop_event, admin->base, admin->stop_pipe[0], EV_READ, on_stop, admin);
    event_assign(&admin->tick_event, admin->base, -1, EV_PERSIST, on_tick, admin);
    if (event_add(&admin->stop_event, NULL) != 0 || event_add(&admin->tick_event, &second) != 0)
        return fail(admin, "no memory for events");
    return true;
}

struct admin *admin_create(const struct admin_config *config, const char **why)
{
    static char failure[sizeof(((struct admin *)NULL)->failure)];
    struct admin *admin = calloc(1, sizeof(*admin));
    *why = "no memory for the admin endpoint";
    if (admin == NULL)
        return NULL;
    admin->sources.config = *config;
    admin->stop_pipe[0] = admin->stop_pipe[1] = -1;
    if (create_server(admin) && create_sources(admin) && create_events(admin))
        return admin;
    memcpy(failure, admin->failure, sizeof(failure));
    *why = failure;
    admin_destroy(admin);
    return NULL;
}

static void stop_thread(struct admin *admin)
{
    if (!admin->started)
        return;
    CHECK(write(admin->stop_pipe[1], "", 1) == 1);
    CHECK(pthread_join(admin->thread, NULL) == 0);
    event_del(&admin->tick_event);
}

void admin_destroy(struct admin *admin)
{
    if (admin == NULL)
        return;
    stop_thread(admin);
    if (admin->server != NULL)
        evhttp_free(admin->server);
    guard_end(&admin->guard);
    if (admin->base != NULL)
        event_base_free(admin->base);
    census_end(&admin->sources.census);
    free(admin->sources.connections.workers);
    for (int i = 0; i < 2; i++)
        if (admin->stop_pipe[i] >= 0)
            close(admin->stop_pipe[i]);
    free(admin);
}

void admin_write_address(const struct admin *admin, struct text *text)
{
    admin_address_write(&admin->address, text);
}

bool admin_is_on_loopback(const struct admin *admin)
{
    return admin_address_is_loopback(&admin->address);
}
