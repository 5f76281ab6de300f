#include "config.h"

#include "tools/bench_server.h"

#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT "11211"
#define HOST_SIZE 256
#define STATS_SIZE_MAX 65536
#define STATS_SECONDS 5 /* to wait for an answer to `stats` */

/* No host has a slash in its name. */
static bool is_unix(const char *text)
{
    return strncmp(text, "unix:", 5) == 0 || strchr(text, '/') != NULL;
}

static bool check_unix(const char *path, const char **why)
{
    *why = "the path of a unix socket is too long";
    return strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static const char *unix_path(const char *text)
{
    return strncmp(text, "unix:", 5) == 0 ? text + 5 : text;
}

static bool parse_unix(struct bench_server *server, const char *path, const char **why)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&server->addresses[0].at;
    if (!check_unix(path, why))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path) + 1);
    server->addresses[0].size = sizeof(*address);
    server->address_count = 1;
    server->family = AF_UNIX;
    return true;
}

static bool resolve(struct bench_server *server, const char *host, const char *port,
                    const char **why)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        *why = gai_strerror(error);
        return false;
    }
    for (struct addrinfo *next = found; next != NULL; next = next->ai_next) {
        struct bench_address *address = &server->addresses[server->address_count];
        memcpy(&address->at, next->ai_addr, next->ai_addrlen);
        address->size = next->ai_addrlen;
        if (++server->address_count == BENCH_ADDRESSES_MAX)
            break;
    }
    server->family = found->ai_family;
    freeaddrinfo(found);
    return true;
}

/* `host` is filled; *port points into the text, or is the default. */
static bool split_tcp(const char *text, char host[HOST_SIZE], const char **port, const char **why)
{
    const char *colon = strrchr(text, ':');
    *port = DEFAULT_PORT;
    *why = "wants HOST:PORT, [ADDRESS]:PORT, or the path of a unix socket";
    if (strlen(text) >= HOST_SIZE || text[0] == '\0')
        return false;
    strcpy(host, text);
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        snprintf(host, HOST_SIZE, "%.*s", (int)(end - text - 1), text + 1);
        *port = end[1] == ':' ? end + 2 : *port;
    } else if (colon != NULL) {
        host[colon - text] = '\0';
        *port = colon + 1;
    } else if (strspn(text, "0123456789") == strlen(text)) {
        strcpy(host, DEFAULT_HOST);
        *port = text;
    }
    if (host[0] == '\0')
        strcpy(host, DEFAULT_HOST);
    return true;
}

bool bench_server_check(const char *text, const char **why)
{
    char host[HOST_SIZE];
    const char *port;
    return is_unix(text) ? check_unix(unix_path(text), why) : split_tcp(text, host, &port, why);
}

static bool parse_tcp(struct bench_server *server, const char *text, const char **why)
{
    char host[HOST_SIZE];
    const char *port;
    return split_tcp(text, host, &port, why) && resolve(server, host, port, why);
}

bool bench_server_parse(struct bench_server *server, char *text, const char **why)
{
    char *comma = strrchr(text, ',');
    uint32_t pid = 0;
    *server = (struct bench_server){.name = text};
    if (comma != NULL) {
        *comma = '\0';
        *why = "wants the server's process number after the comma";
        if (!number_parse_u32(slice_of(comma + 1), &pid) || pid == 0)
            return false;
    }
    server->pid = (int)pid;
    return is_unix(text) ? parse_unix(server, unix_path(text), why) : parse_tcp(server, text, why);
}

/* Linux ends a connect after the time that a send may take. */
static void set_patience(int fd, double seconds)
{
    const struct timeval patience = {.tv_sec = (time_t)seconds,
                                     .tv_usec = (suseconds_t)(fmod(seconds, 1) * 1e6)};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int connect_address(const struct bench_address *address, double seconds)
{
    int one = 1;
    int fd = socket(address->at.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (seconds > 0)
        set_patience(fd, seconds);
    if (connect(fd, (const struct sockaddr *)&address->at, address->size) < 0) {
        int error = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
        close(fd);
        errno = error;
        return -1;
    }
    if (address->at.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int bench_server_connect_within(const struct bench_server *server, double seconds)
{
    int fd = -1;
    for (unsigned i = 0; fd < 0 && i < server->address_count; i++)
        fd = connect_address(&server->addresses[i], seconds);
    return fd;
}

int bench_server_connect(const struct bench_server *server)
{
    return bench_server_connect_within(server, 0);
}

static bool is_local(const struct bench_server *server)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&server->addresses[0].at;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&server->addresses[0].at;
    return server->family == AF_UNIX ||
           (server->family == AF_INET && ntohl(four->sin_addr.s_addr) >> 24 == 127) ||
           (server->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr));
}

/* The answer to `stats`, ended by NUL; owned by the caller. NULL: none came. */
static char *ask_stats(int fd)
{
    const struct timeval patience = {.tv_sec = STATS_SECONDS};
    char *answer = malloc(STATS_SIZE_MAX + 1);
    size_t size = 0;
    ssize_t got = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (answer == NULL || send(fd, "stats\r\n", 7, MSG_NOSIGNAL) != 7) {
        free(answer);
        return NULL;
    }
    do {
        got = recv(fd, answer + size, STATS_SIZE_MAX - size, 0);
        size += got > 0 ? (size_t)got : 0;
        answer[size] = '\0';
    } while (got > 0 && strstr(answer, "END\r\n") == NULL && strncmp(answer, "ERROR", 5) != 0);
    return answer;
}

void bench_server_find_pid(struct bench_server *server)
{
    int fd;
    if (server->pid != 0 || server->tls != NULL || !is_local(server) ||
        (fd = bench_server_connect(server)) < 0)
        return;
    char *answer = ask_stats(fd);
    const char *line = answer != NULL ? strstr(answer, "STAT pid ") : NULL;
    if (line != NULL)
        server->pid = atoi(line + strlen("STAT pid "));
    free(answer);
    close(fd);
}

static uint64_t thread_nanoseconds(int pid, const char *task)
{
    char path[320];
    unsigned long long nanoseconds = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, task);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &nanoseconds) != 1)
        nanoseconds = 0;
    fclose(file);
    return nanoseconds;
}

bool bench_server_cpu(const struct bench_server *server, uint64_t *nanoseconds)
{
    char path[64];
    *nanoseconds = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", server->pid);
    DIR *tasks = server->pid != 0 ? opendir(path) : NULL;
    if (tasks == NULL)
        return false;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        if (task->d_name[0] != '.')
            *nanoseconds += thread_nanoseconds(server->pid, task->d_name);
    closedir(tasks);
    return *nanoseconds != 0;
}
