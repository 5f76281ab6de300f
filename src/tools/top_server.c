#include "config.h"

#include "tools/top_server.h"

#include "tools/bench_server.h"
#include "tools/bench_tls.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_SIZE 16384
#define PASSWORD_LINE_SIZE 64

/* A connection, as its thread holds it. */
struct link {
    int fd;                      /* -1: none */
    struct bench_stream *stream; /* owned; NULL: plain */
};

static double seconds_now(void)
{
    return (double)clock_nanoseconds() / 1e9;
}

static void tell_news(const struct top_server *server)
{
    /* A pipe that is full says the same. */
    ssize_t written = write(server->config->news, "", 1);
    (void)written;
}

static void publish_down(struct top_server *server, const char *format, ...) PRINTF_LIKE(2, 3);

static void publish_down(struct top_server *server, const char *format, ...)
{
    va_list arguments;
    pthread_mutex_lock(&server->lock);
    va_start(arguments, format);
    vsnprintf(server->problem, sizeof(server->problem), format, arguments);
    va_end(arguments);
    server->state = TOP_DOWN;
    server->sample_count = 0;
    server->asked_at = 0;
    server->attempts++;
    pthread_mutex_unlock(&server->lock);
    tell_news(server);
}

static void publish_asking(struct top_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->asked_at = seconds_now();
    pthread_mutex_unlock(&server->lock);
}

static void publish_sample(struct top_server *server, const struct top_sample *sample)
{
    pthread_mutex_lock(&server->lock);
    server->before = server->now;
    server->now = *sample;
    server->state = TOP_UP;
    server->sample_count++;
    server->asked_at = 0;
    server->attempts++;
    pthread_mutex_unlock(&server->lock);
    tell_news(server);
}

static void publish_no_answer(struct top_server *server)
{
    publish_down(server, "no answer in %g s", server->config->timeout);
}

/* --- a connection ---------------------------------------------------------------------------- */

static void link_close(struct link *link)
{
    bench_stream_destroy(link->stream);
    if (link->fd >= 0)
        close(link->fd);
    *link = (struct link){.fd = -1};
}

static bool link_send(struct link *link, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = link->stream != NULL ? bench_stream_write(link->stream, bytes, size)
                                            : send(link->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static ssize_t link_receive(struct link *link, char *at, size_t size)
{
    ssize_t got;
    do
        got = link->stream != NULL ? bench_stream_read(link->stream, at, size)
                                   : recv(link->fd, at, size, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* What a receive that brought nothing means; the connection is then closed. */
static void give_up(struct top_server *server, struct link *link, ssize_t got)
{
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        publish_no_answer(server);
    else if (got < 0)
        publish_down(server, "%s", strerror(errno));
    else
        publish_down(server, "it has closed the connection");
    link_close(link);
}

static void set_patience(int fd, double seconds)
{
    const struct timeval patience = {.tv_sec = (time_t)seconds,
                                     .tv_usec =
                                         (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* As memcached's clients do it: a set of whatever key, whose value is user and password. */
static bool show_password(struct top_server *server, struct link *link)
{
    char line[PASSWORD_LINE_SIZE];
    char head[64];
    const char *password = server->config->password;
    size_t used = 0;
    int head_size = snprintf(head, sizeof(head), "set auth 0 0 %zu\r\n", strlen(password));
    if (!link_send(link, head, (size_t)head_size) || !link_send(link, password, strlen(password)) ||
        !link_send(link, "\r\n", 2)) {
        give_up(server, link, -1);
        return false;
    }
    while (used < sizeof(line) && (used == 0 || line[used - 1] != '\n')) {
        ssize_t got = link_receive(link, line + used, sizeof(line) - used);
        if (got <= 0) {
            give_up(server, link, got);
            return false;
        }
        used += (size_t)got;
    }
    if (used == 8 && memcmp(line, "STORED\r\n", 8) == 0)
        return true;
    publish_down(server, "it refuses the user or the password");
    link_close(link);
    return false;
}

static bool link_open(struct top_server *server, struct link *link)
{
    const struct top_server_config *config = server->config;
    struct bench_server peer;
    char name[320];
    const char *why = NULL;
    snprintf(name, sizeof(name), "%s", server->name);
    if (!bench_server_parse(&peer, name, &why)) {
        publish_down(server, "%s", why);
        return false;
    }
    link->fd = bench_server_connect_within(&peer, config->timeout);
    if (link->fd < 0 && errno == ETIMEDOUT) {
        publish_no_answer(server);
        return false;
    }
    if (link->fd < 0) {
        publish_down(server, "%s", strerror(errno));
        return false;
    }
    if (config->tls != NULL && peer.family != AF_UNIX) {
        link->stream = bench_stream_create(config->tls, link->fd, name, &why);
        if (link->stream == NULL) {
            publish_down(server, "%s", why);
            link_close(link);
            return false;
        }
    }
    set_patience(link->fd, config->timeout);
    return config->password == NULL || show_password(server, link);
}

/* --- samples --------------------------------------------------------------------------------- */

/* false: the connection is closed, and why is published. */
static bool receive_sample(struct top_server *server, struct link *link, struct top_reader *reader)
{
    char bytes[RECEIVE_SIZE];
    double deadline = seconds_now() + server->config->timeout;
    enum top_progress progress = TOP_READ_MORE;
    while (progress == TOP_READ_MORE) {
        ssize_t got = link_receive(link, bytes, sizeof(bytes));
        if (got <= 0) {
            give_up(server, link, got);
            return false;
        }
        progress = top_reader_take(reader, (struct slice){bytes, (size_t)got});
        /* One that sends a byte now and then is not waited for either. */
        if (progress == TOP_READ_MORE && seconds_now() > deadline) {
            publish_no_answer(server);
            link_close(link);
            return false;
        }
    }
    if (progress == TOP_READ_ALL)
        return true;
    if (progress == TOP_READ_REFUSED)
        publish_down(server, "its answer to stats: %s", reader->refusal);
    else
        publish_down(server, "it does not answer as memcached does");
    link_close(link);
    return false;
}

static void take_sample(struct top_server *server, struct link *link)
{
    struct top_sample sample;
    struct top_reader reader;
    top_reader_init(&reader, &sample);
    if (!link_send(link, TOP_REQUEST, strlen(TOP_REQUEST))) {
        give_up(server, link, -1);
        return;
    }
    if (!receive_sample(server, link, &reader))
        return;
    sample.taken_at = seconds_now();
    publish_sample(server, &sample);
}

static void sleep_until(double at)
{
    double rest = at - seconds_now();
    if (rest <= 0)
        return;
    struct timespec time = {.tv_sec = (time_t)rest,
                            .tv_nsec = (long)((rest - (double)(time_t)rest) * 1e9)};
    nanosleep(&time, NULL);
}

static void *look_for_ever(void *argument)
{
    struct top_server *server = argument;
    struct link link = {.fd = -1};
    for (;;) {
        double begun = seconds_now();
        publish_asking(server);
        if (link.fd >= 0 || link_open(server, &link))
            take_sample(server, &link);
        sleep_until(begun + server->config->delay);
    }
    return NULL;
}

bool top_server_start(struct top_server *server, const char *name,
                      const struct top_server_config *config)
{
    sigset_t all, old;
    pthread_t thread;
    server->name = name;
    server->config = config;
    pthread_mutex_init(&server->lock, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&thread, NULL, look_for_ever, server);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error == 0 && pthread_detach(thread) == 0;
}

unsigned top_server_look(struct top_server *server, struct top_view *view)
{
    pthread_mutex_lock(&server->lock);
    bool has_two = server->sample_count > 1;
    double asked_at = server->asked_at;
    unsigned attempts = server->attempts;
    view->name = server->name;
    view->state = server->state;
    memcpy(view->problem, server->problem, sizeof(view->problem));
    view->sample_count = server->sample_count;
    view->sample = server->now;
    top_change_between(&view->change, has_two ? &server->before : NULL, &server->now);
    pthread_mutex_unlock(&server->lock);
    view->waiting = asked_at > 0 ? seconds_now() - asked_at : 0;
    top_figures_of(view->figures, &view->change);
    return attempts;
}
