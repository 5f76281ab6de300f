#include "config.h"

#include "tools/bench_server.h"

#include "base/number.h"

#include <dirent.h>
#include <errno.h>
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
#define STATS_SIZE_MAX 65536
#define STATS_SECONDS 5 /* to wait for an answer to `stats` */

static bool parse_unix(struct bench_server *server, const char *path, const char **why)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&server->address;
    *why = "the path of a unix socket is too long";
    if (strlen(path) >= sizeof(address->sun_path))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path) + 1);
    server->address_size = sizeof(*address);
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
    memcpy(&server->address, found->ai_addr, found->ai_addrlen);
    server->address_size = found->ai_addrlen;
    server->family = found->ai_family;
    freeaddrinfo(found);
    return true;
}

static bool parse_tcp(struct bench_server *server, const char *text, const char **why)
{
    char host[256];
    const char *port = DEFAULT_PORT;
    const char *colon = strrchr(text, ':');
    *why = "wants HOST:PORT, [ADDRESS]:PORT, or the path of a unix socket";
    if (strlen(text) >= sizeof(host) || text[0] == '\0')
        return false;
    strcpy(host, text);
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        snprintf(host, sizeof(host), "%.*s", (int)(end - text - 1), text + 1);
        port = end[1] == ':' ? end + 2 : port;
    } else if (colon != NULL) {
        host[colon - text] = '\0';
        port = colon + 1;
    } else if (strspn(text, "0123456789") == strlen(text)) {
        strcpy(host, DEFAULT_HOST);
        port = text;
    }
    return resolve(server, host[0] == '\0' ? DEFAULT_HOST : host, port, why);
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
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(server, text + 5, why);
    if (text[0] == '/')
        return parse_unix(server, text, why);
    return parse_tcp(server, text, why);
}

int bench_server_connect(const struct bench_server *server)
{
    int one = 1;
    int fd = socket(server->family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&server->address, server->address_size) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    if (server->family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static bool is_local(const struct bench_server *server)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&server->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&server->address;
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
