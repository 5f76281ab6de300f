#include "config.h"

#include "daemon/service_manager.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#else
#define SD_LISTEN_FDS_START SERVICE_MANAGER_SOCKET_FIRST

/* Nobody is told, and nothing was handed over. */
static int sd_notify(int unset, const char *state)
{
    (void)state;
    return unset;
}

static int sd_listen_fds(int unset)
{
    return unset;
}

static int sd_watchdog_enabled(int unset, uint64_t *microseconds)
{
    *microseconds = 0;
    return unset;
}
#endif

_Static_assert(SD_LISTEN_FDS_START == SERVICE_MANAGER_SOCKET_FIRST, "libsystemd's first socket");

bool service_manager_waits(void)
{
#ifdef HAVE_LIBSYSTEMD
    return getenv("NOTIFY_SOCKET") != NULL;
#else
    return false;
#endif
}

void service_manager_ready(void)
{
    sd_notify(0, "READY=1\nSTATUS=serving");
}

void service_manager_reloading(void)
{
    char state[128];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    sd_notify(0, state);
}

void service_manager_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=answering what was received");
}

uint64_t service_manager_patience(void)
{
    uint64_t microseconds = 0;
    return sd_watchdog_enabled(0, &microseconds) > 0 ? microseconds : 0;
}

void service_manager_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

unsigned service_manager_sockets(void)
{
    int count = sd_listen_fds(0);
    return count > 0 ? (unsigned)count : 0;
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
