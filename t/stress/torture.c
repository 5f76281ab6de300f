/* Writes values that prove themselves from several threads, reads them back in others, and says so
 * when a reader sees a torn, mixed or older-than-acknowledged value, while deletes, touches and
 * flushes run beside it.
 *
 *     torture SOCKET SECONDS WRITERS READERS KEYS SEED
 *
 * Each key has one writer. A value is "key sequence length " and then a filler that its key and
 * sequence determine. The writer publishes a sequence after the server has acknowledged it; a
 * reader notes the published one before it asks, and may be answered by a miss or by that sequence
 * or a later one, but by none older. Exit status 0 means that nothing was wrong; the last line
 * counts what was done. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    VALUE_SIZE_MAX = 120 * 1024,
    REPLY_SIZE_MAX = VALUE_SIZE_MAX + 512,
    KEYS_MAX = 4096,
    THREADS_MAX = 64,
    PIPELINE_MAX = 8,
};

struct plan {
    const char *socket_path;
    unsigned writer_count, reader_count, key_count;
    uint64_t seed;
};

static struct plan plan;
static atomic_bool stopping;
static atomic_uint_fast64_t acknowledged[KEYS_MAX];
static atomic_uint_fast64_t set_count, hit_count, miss_count, other_count, wrong_count;

struct client {
    int descriptor;
    uint64_t random;
    size_t used, taken; /* bytes of input, and how many of them were handed out */
    char input[2 * REPLY_SIZE_MAX];
    char value[VALUE_SIZE_MAX];
    char request[REPLY_SIZE_MAX];
};

static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

static void report_wrong(const char *what, const char *detail)
{
    if (atomic_fetch_add(&wrong_count, 1) < 10)
        fprintf(stderr, "wrong: %s: %.120s\n", what, detail);
}

/* ---- values */

static size_t value_size(uint64_t key, uint64_t sequence)
{
    uint64_t state = key * 1000003 + sequence;
    uint64_t random = random_next(&state);
    if (random % 100 < 90)
        return 64 + random / 100 % 700;
    if (random % 100 < 98)
        return 64 + random / 100 % 20000;
    return 64 + random / 100 % (100 * 1024);
}

/* Fills value with what stands under this key at this sequence; returns its size. */
static size_t value_make(char *value, uint64_t key, uint64_t sequence)
{
    size_t size = value_size(key, sequence);
    int head = snprintf(value, size, "%" PRIu64 " %" PRIu64 " %zu ", key, sequence, size);
    uint64_t state = key << 40 ^ sequence;
    for (size_t at = (size_t)head; at < size; at += 8) {
        uint64_t word = random_next(&state) | 0x8080808080808080u;
        size_t rest = size - at < 8 ? size - at : 8;
        memcpy(value + at, &word, rest);
    }
    return size;
}

/* The sequence of a value under key, or UINT64_MAX when the value is not one that was ever written
 * whole. */
static uint64_t value_check(struct client *client, uint64_t key, const char *value, size_t size)
{
    char head[80];
    size_t head_size = size < sizeof(head) - 1 ? size : sizeof(head) - 1;
    memcpy(head, value, head_size);
    head[head_size] = '\0';
    uint64_t own_key, sequence;
    size_t own_size;
    if (sscanf(head, "%" SCNu64 " %" SCNu64 " %zu ", &own_key, &sequence, &own_size) != 3) {
        report_wrong("a value without a head", head);
        return UINT64_MAX;
    }
    if (own_key != key || own_size != size) {
        report_wrong("a value of another key or size", head);
        return UINT64_MAX;
    }
    if (value_make(client->value, key, sequence) != size ||
        memcmp(client->value, value, size) != 0) {
        report_wrong("a torn or mixed value", head);
        return UINT64_MAX;
    }
    return sequence;
}

/* ---- a connection */

static void client_connect(struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(plan.socket_path) >= sizeof(address.sun_path)) {
        fprintf(stderr, "torture: the socket's path is too long\n");
        exit(2);
    }
    strcpy(address.sun_path, plan.socket_path);
    client->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->descriptor < 0 ||
        connect(client->descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("torture: connect");
        exit(2);
    }
}

static void client_send(struct client *client, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client->descriptor, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            perror("torture: send");
            exit(2);
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void client_fill(struct client *client)
{
    if (client->taken > 0) {
        memmove(client->input, client->input + client->taken, client->used - client->taken);
        client->used -= client->taken;
        client->taken = 0;
    }
    ssize_t got = recv(client->descriptor, client->input + client->used,
                       sizeof(client->input) - client->used, 0);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        fprintf(stderr, "torture: the server closed the connection\n");
        exit(2);
    }
    client->used += (size_t)got;
}

/* One line without its end, lent until the next call. */
static const char *client_line(struct client *client)
{
    while (1) {
        char *from = client->input + client->taken;
        char *end = memchr(from, '\n', client->used - client->taken);
        if (end != NULL) {
            client->taken = (size_t)(end + 1 - client->input);
            end[end > from && end[-1] == '\r' ? -1 : 0] = '\0';
            return from;
        }
        client_fill(client);
    }
}

/* size bytes and the line end behind them, lent until the next call. */
static const char *client_body(struct client *client, size_t size)
{
    while (client->used - client->taken < size + 2)
        client_fill(client);
    const char *body = client->input + client->taken;
    if (body[size] != '\r' || body[size + 1] != '\n')
        report_wrong("a body without its end", "");
    client->taken += size + 2;
    return body;
}

static bool client_ask(struct client *client, const char *request, const char *one,
                       const char *other)
{
    client_send(client, request, strlen(request));
    const char *line = client_line(client);
    if (strcmp(line, one) != 0 && strcmp(line, other) != 0)
        report_wrong(request, line);
    return strcmp(line, one) == 0;
}

/* ---- the threads */

static void writer_set(struct client *client, uint64_t key, uint64_t sequence)
{
    size_t size = value_make(client->value, key, sequence);
    int head = snprintf(client->request, sizeof(client->request), "set t:%" PRIu64 " 0 %d %zu\r\n",
                        key, sequence % 3 ? 0 : 1000, size);
    memcpy(client->request + head, client->value, size);
    memcpy(client->request + head + size, "\r\n", 2);
    size_t whole = (size_t)head + size + 2;
    /* In two pieces now and then, so that a body is waited for while others work. */
    size_t cut = random_next(&client->random) % 4 ? whole : random_next(&client->random) % whole;
    client_send(client, client->request, cut);
    client_send(client, client->request + cut, whole - cut);
    const char *line = client_line(client);
    if (strcmp(line, "STORED") != 0)
        report_wrong("set", line);
    atomic_store(&acknowledged[key], sequence);
    atomic_fetch_add(&set_count, 1);
}

static void *writer_main(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        exit(2);
    client->random = plan.seed + index;
    client_connect(client);
    uint64_t own_count = (plan.key_count - index + plan.writer_count - 1) / plan.writer_count;
    uint64_t next[KEYS_MAX] = {0};
    char request[100];
    while (!atomic_load(&stopping)) {
        uint64_t random = random_next(&client->random);
        uint64_t key = index + random % own_count * plan.writer_count;
        random >>= 32;
        if (random % 16 == 0) {
            snprintf(request, sizeof(request), "delete t:%" PRIu64 "\r\n", key);
            client_ask(client, request, "DELETED", "NOT_FOUND");
            atomic_fetch_add(&other_count, 1);
        } else if (random % 16 == 1) {
            snprintf(request, sizeof(request), "touch t:%" PRIu64 " %d\r\n", key,
                     random % 5 ? 1000 : 0);
            client_ask(client, request, "TOUCHED", "NOT_FOUND");
            atomic_fetch_add(&other_count, 1);
        } else {
            writer_set(client, key, ++next[key]);
        }
    }
    close(client->descriptor);
    free(client);
    return NULL;
}

/* One reply to a get of up to PIPELINE_MAX keys whose published sequences were noted before it was
 * sent. */
static void reader_take(struct client *client, const uint64_t *keys, const uint64_t *floors,
                        unsigned count)
{
    unsigned next = 0;
    while (1) {
        char line[300];
        snprintf(line, sizeof(line), "%s", client_line(client));
        if (strcmp(line, "END") == 0)
            break;
        uint64_t key, flags;
        size_t size;
        if (sscanf(line, "VALUE t:%" SCNu64 " %" SCNu64 " %zu", &key, &flags, &size) != 3 ||
            size > VALUE_SIZE_MAX) {
            fprintf(stderr, "torture: out of step: %s\n", line);
            exit(2);
        }
        while (next < count && keys[next] != key)
            next++;
        if (next == count)
            report_wrong("a key that was not asked for, or in another order", line);
        uint64_t sequence = value_check(client, key, client_body(client, size), size);
        if (next < count && sequence < floors[next])
            report_wrong("a value older than one acknowledged", line);
        next++;
        atomic_fetch_add(&hit_count, 1);
        atomic_fetch_sub(&miss_count, 1);
    }
    atomic_fetch_add(&miss_count, count);
}

static void *reader_main(void *argument)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        exit(2);
    client->random = plan.seed + 1000 + (uintptr_t)argument;
    client_connect(client);
    while (!atomic_load(&stopping)) {
        uint64_t keys[PIPELINE_MAX], floors[PIPELINE_MAX];
        unsigned count = 1 + (unsigned)(random_next(&client->random) % PIPELINE_MAX);
        bool touching = random_next(&client->random) % 8 == 0;
        size_t used = (size_t)snprintf(client->request, sizeof(client->request),
                                       touching ? "gat 1000" : "get");
        for (unsigned at = 0; at < count; at++) {
            /* A few keys are asked for far more often than the rest. */
            uint64_t random = random_next(&client->random);
            keys[at] = random % 2 ? random / 2 % 8 % plan.key_count : random / 2 % plan.key_count;
            floors[at] = atomic_load(&acknowledged[keys[at]]);
            used += (size_t)snprintf(client->request + used, sizeof(client->request) - used,
                                     " t:%" PRIu64, keys[at]);
        }
        memcpy(client->request + used, "\r\n", 2);
        client_send(client, client->request, used + 2);
        reader_take(client, keys, floors, count);
    }
    close(client->descriptor);
    free(client);
    return NULL;
}

/* Flushes now and then, and fills memory with keys that nobody reads, so that eviction runs. */
static void *disturber_main(void *argument)
{
    (void)argument;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        exit(2);
    client->random = plan.seed + 5000;
    client_connect(client);
    for (uint64_t turn = 0; !atomic_load(&stopping); turn++) {
        if (turn % 10000 == 9999) {
            client_ask(client, "flush_all\r\n", "OK", "OK");
        } else {
            size_t size = value_make(client->value, turn, turn);
            int head = snprintf(client->request, sizeof(client->request),
                                "set fill:%" PRIu64 " 0 0 %zu\r\n", turn, size);
            memcpy(client->request + head, client->value, size);
            memcpy(client->request + head + size, "\r\n", 2);
            client_send(client, client->request, (size_t)head + size + 2);
            const char *line = client_line(client);
            if (strcmp(line, "STORED") != 0)
                report_wrong("set of a filler", line);
        }
        atomic_fetch_add(&other_count, 1);
    }
    close(client->descriptor);
    free(client);
    return NULL;
}

static unsigned long number_of(const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number < least || number > most) {
        fprintf(stderr, "torture: %s is not a number from %lu to %lu\n", text, least, most);
        exit(64);
    }
    return number;
}

static void start(pthread_t *thread, void *(*body)(void *), unsigned index)
{
    if (pthread_create(thread, NULL, body, (void *)(uintptr_t)index) != 0) {
        perror("torture: pthread_create");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: torture SOCKET SECONDS WRITERS READERS KEYS SEED\n");
        return 64;
    }
    plan.socket_path = argv[1];
    struct timespec duration = {.tv_sec = (time_t)number_of(argv[2], 1, 100000)};
    plan.writer_count = (unsigned)number_of(argv[3], 1, THREADS_MAX / 2);
    plan.reader_count = (unsigned)number_of(argv[4], 1, THREADS_MAX / 2);
    plan.key_count = (unsigned)number_of(argv[5], plan.writer_count, KEYS_MAX);
    plan.seed = number_of(argv[6], 0, (unsigned long)-1);

    pthread_t threads[THREADS_MAX + 1];
    unsigned count = 0;
    for (unsigned index = 0; index < plan.writer_count; index++)
        start(&threads[count++], writer_main, index);
    for (unsigned index = 0; index < plan.reader_count; index++)
        start(&threads[count++], reader_main, index);
    start(&threads[count++], disturber_main, 0);
    nanosleep(&duration, NULL);
    atomic_store(&stopping, true);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    printf("sets=%" PRIuFAST64 " hits=%" PRIuFAST64 " misses=%" PRIuFAST64 " others=%" PRIuFAST64
           " wrong=%" PRIuFAST64 "\n",
           atomic_load(&set_count), atomic_load(&hit_count), atomic_load(&miss_count),
           atomic_load(&other_count), atomic_load(&wrong_count));
    return atomic_load(&wrong_count) != 0;
}
