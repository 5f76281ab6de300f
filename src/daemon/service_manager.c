#include "config.h"

#include "daemon/service_manager.h"

#include "base/number.h"

#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 1024 /* more are somebody's mistake */

/* A number of the environment, or 0. */
static uint64_t environment_number(const char *name)
{
    const char *text = getenv(name);
    uint64_t number;
    return text != NULL && number_parse_u64(slice_of(text), &number) ? number : 0;
}

/* Kept open: -o drop_privileges takes the right to make sockets away. */
static int notify_socket(void)
{
    static int descriptor = -1;
    if (descriptor < 0)
        descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return descriptor;
}

/* A path, or with an @ an abstract name. Whether anybody hears it makes no difference to us. */
static void notify(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t size = name == NULL ? 0 : strlen(name);
    if (size < 2 || size >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    (void)sendto(notify_socket(), state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
}

bool service_manager_waits(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void service_manager_ready(void)
{
    notify("READY=1\nSTATUS=serving");
}

void service_manager_reloading(void)
{
    char state[128];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    notify(state);
}

void service_manager_stopping(void)
{
    notify("STOPPING=1\nSTATUS=answering what was received");
}

static bool is_meant(const char *pid_name)
{
    return environment_number(pid_name) == (uint64_t)getpid();
}

uint64_t service_manager_patience(void)
{
    bool meant = getenv("WATCHDOG_PID") == NULL || is_meant("WATCHDOG_PID");
    return meant ? environment_number("WATCHDOG_USEC") : 0;
}

void service_manager_alive(void)
{
    notify("WATCHDOG=1");
}

unsigned service_manager_sockets(void)
{
    uint64_t count = environment_number("LISTEN_FDS");
    if (count > SOCKETS_MAX || !is_meant("LISTEN_PID"))
        return 0;
    for (uint64_t i = 0; i < count; i++)
        (void)fcntl(SERVICE_MANAGER_SOCKET_FIRST + (int)i, F_SETFD, FD_CLOEXEC);
    return (unsigned)count;
}

bool service_manager_socket_is_local(int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr) != 0;
    return address.ss_family == AF_UNIX;
}
