#include "config.h"

#include "tools/trace_link.h"

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_SIZE 262144
#define PATIENCE_MILLISECONDS 30000 /* without a byte */

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "larder-trace: %s: %s\n", what, why);
    exit(EX_UNAVAILABLE);
}

void trace_link_open(struct trace_link *link, const struct bench_server *server)
{
    *link = (struct trace_link){.fd = bench_server_connect(server)};
    if (link->fd < 0)
        give_up(server->name, strerror(errno));
    fcntl(link->fd, F_SETFL, fcntl(link->fd, F_GETFL) | O_NONBLOCK);
}

void trace_link_close(struct trace_link *link)
{
    close(link->fd);
    free(link->output.at);
    free(link->input.at);
}

static void make_room(struct trace_bytes *bytes, size_t size)
{
    if (bytes->capacity - bytes->size >= size)
        return;
    bytes->capacity = 2 * (bytes->size + size);
    bytes->at = realloc(bytes->at, bytes->capacity);
    CHECK(bytes->at != NULL);
}

void trace_link_write(struct trace_link *link, struct slice bytes)
{
    make_room(&link->output, bytes.size);
    memcpy(link->output.at + link->output.size, bytes.at, bytes.size);
    link->output.size += bytes.size;
}

/* Waits until the server can be written to, if `writing`, or has sent something. */
static void wait_for_server(const struct trace_link *link, bool writing)
{
    struct pollfd poll_entry = {.fd = link->fd, .events = POLLIN};
    if (writing)
        poll_entry.events |= POLLOUT;
    int ready = poll(&poll_entry, 1, PATIENCE_MILLISECONDS);
    if (ready == 0)
        give_up("the server", "it does not answer");
    if (ready < 0 && errno != EINTR)
        give_up("poll", strerror(errno));
}

static size_t send_some(struct trace_link *link, size_t sent)
{
    ssize_t now = send(link->fd, link->output.at + sent, link->output.size - sent, MSG_NOSIGNAL);
    if (now < 0 && errno != EAGAIN && errno != EINTR)
        give_up("send", strerror(errno));
    return now < 0 ? 0 : (size_t)now;
}

static void read_some(struct trace_link *link)
{
    struct trace_bytes *input = &link->input;
    make_room(input, READ_SIZE);
    ssize_t now = recv(link->fd, input->at + input->size, input->capacity - input->size, 0);
    if (now == 0)
        give_up("the server", "it hung up");
    if (now < 0 && errno != EAGAIN && errno != EINTR)
        give_up("receive", strerror(errno));
    input->size += now < 0 ? 0 : (size_t)now;
}

/* --- replies ------------------------------------------------------------------------------- */

/* The line at the start, with its end. size 0: it is not whole. */
static struct slice first_line(struct slice input)
{
    const char *end = memchr(input.at, '\n', input.size);
    return (struct slice){input.at, end != NULL ? (size_t)(end - input.at) + 1 : 0};
}

static struct slice without_end(struct slice line)
{
    while (line.size > 0 && (line.at[line.size - 1] == '\n' || line.at[line.size - 1] == '\r'))
        line.size--;
    return line;
}

/* VALUE <key> <flags> <size> [<cas>] */
static size_t parse_value_line(struct slice line, uint64_t *cas)
{
    char text[512];
    unsigned long size = 0;
    unsigned long long unique = 0;
    snprintf(text, sizeof(text), "%.*s", (int)line.size, line.at);
    if (sscanf(text, "VALUE %*s %*u %lu %llu", &size, &unique) < 1)
        give_up("this is no reply to a get", text);
    *cas = unique;
    return size;
}

/* The bytes of the first reply. 0: it is not whole. */
static size_t parse_reply(struct slice input, struct trace_reply *reply)
{
    static const char tail[] = "\r\nEND\r\n";
    struct slice line = first_line(input);
    *reply = (struct trace_reply){.line = without_end(line)};
    if (line.size < 6 || memcmp(line.at, "VALUE ", 6) != 0)
        return line.size;
    size_t size = line.size + parse_value_line(reply->line, &reply->cas) + strlen(tail);
    if (size > input.size)
        return 0;
    if (memcmp(input.at + size - strlen(tail), tail, strlen(tail)) != 0)
        give_up("the server", "a value is not followed by END");
    reply->value = true;
    return size;
}

void trace_link_exchange(struct trace_link *link, size_t reply_count,
                         void (*on_reply)(void *context, const struct trace_reply *reply),
                         void *context)
{
    struct trace_reply reply;
    size_t sent = 0, used = 0;
    link->input.size = 0;
    while (reply_count > 0) {
        size_t size = 0;
        struct slice input = {link->input.at + used, link->input.size - used};
        if (input.size > 0 && (size = parse_reply(input, &reply)) > 0) {
            on_reply(context, &reply);
            used += size;
            reply_count--;
            continue;
        }
        if (used > 0)
            memmove(link->input.at, link->input.at + used, input.size);
        link->input.size = input.size;
        used = 0;
        wait_for_server(link, sent < link->output.size);
        if (sent < link->output.size)
            sent += send_some(link, sent);
        read_some(link);
    }
    link->output.size = 0;
}

/* --- single questions ---------------------------------------------------------------------- */

static bool is_complete(struct slice answer, const char *last)
{
    while (answer.size > 0) {
        struct slice line = first_line(answer);
        struct slice text = without_end(line);
        if (line.size == 0)
            return false;
        if (slice_is(text, last) || (text.size >= 5 && memcmp(text.at, "ERROR", 5) == 0) ||
            (text.size >= 12 && memcmp(text.at, "CLIENT_ERROR", 12) == 0))
            return true;
        answer = (struct slice){answer.at + line.size, answer.size - line.size};
    }
    return false;
}

struct slice trace_link_ask(struct trace_link *link, const char *line, const char *last)
{
    size_t sent = 0;
    link->input.size = 0;
    trace_link_write(link, slice_of(line));
    do {
        wait_for_server(link, sent < link->output.size);
        sent += send_some(link, sent);
        read_some(link);
    } while (!is_complete((struct slice){link->input.at, link->input.size}, last));
    link->output.size = 0;
    return (struct slice){link->input.at, link->input.size};
}
