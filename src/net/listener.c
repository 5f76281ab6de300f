#include "config.h"

#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void PRINTF_LIKE(2, 3) fail(struct listen_failure *failure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
}

static struct listener *listener_create(int descriptor, int family)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return NULL;
    listener->descriptor = descriptor;
    listener->family = family;
    return listener;
}

/* ---- TCP */

/* Accepted sockets inherit these. What can't be set only makes the service a little worse. */
static void set_options(int descriptor, int family)
{
    int yes = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
}

static uint16_t port_of(int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* NULL: errno says why. */
static struct listener *open_address(const struct addrinfo *address, int backlog)
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int descriptor = socket(address->ai_family, type, 0);
    if (descriptor < 0)
        return NULL;
    set_options(descriptor, address->ai_family);
    struct listener *listener = NULL;
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(descriptor, backlog) == 0)
        listener = listener_create(descriptor, address->ai_family);
    if (listener != NULL) {
        listener->port = port_of(descriptor);
        return listener;
    }
    int reason = errno;
    close(descriptor);
    errno = reason;
    return NULL;
}

static bool machine_lacks_it(int reason)
{
    return reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL || reason == EPROTONOSUPPORT;
}

static void set_port(struct addrinfo *address, uint16_t port)
{
    if (address->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address->ai_addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)address->ai_addr)->sin_port = htons(port);
}

static void close_list(struct listener *list)
{
    while (list != NULL) {
        struct listener *next = list->next;
        listener_close(list);
        list = next;
    }
}

static const char *host_name(const struct net_tcp_listener *where)
{
    return where->host == NULL ? "every address" : where->host;
}

/* One of several addresses may be missing on this machine; one that is taken is a failure. */
static struct listener *open_each(struct addrinfo *addresses, const struct net_tcp_listener *where,
                                  int backlog, struct listen_failure *failure)
{
    struct listener *list = NULL;
    struct listener **end = &list;
    int reason = 0;
    uint16_t port = where->port;
    for (struct addrinfo *address = addresses; address != NULL; address = address->ai_next) {
        if (address->ai_family != AF_INET && address->ai_family != AF_INET6)
            continue;
        set_port(address, port);
        struct listener *listener = open_address(address, backlog);
        if (listener == NULL && errno == EADDRINUSE && where->port == 0) {
            set_port(address, 0); /* the port that was free for the first address is not for this */
            listener = open_address(address, backlog);
        }
        if (listener == NULL) {
            reason = errno;
            if (machine_lacks_it(reason))
                continue;
            close_list(list);
            fail(failure, "failed to listen on %s port %u: %s", host_name(where), (unsigned)port,
                 strerror(reason));
            return NULL;
        }
        *end = listener;
        end = &listener->next;
        port = listener->port;
        listener->security = where->security;
    }
    if (list == NULL && !where->optional)
        fail(failure, "failed to listen on %s port %u: %s", host_name(where), (unsigned)port,
             strerror(reason));
    return list;
}

struct listener *listener_open_tcp(const struct net_tcp_listener *where, int backlog,
                                   struct listen_failure *failure)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    struct addrinfo *addresses;
    failure->text[0] = '\0';
    int error = getaddrinfo(where->host, "0", &hints, &addresses);
    if (error != 0) {
        bool lacking = error == EAI_NONAME || error == EAI_FAMILY;
        if (!where->optional || !lacking)
            fail(failure, "failed to look up %s: %s", host_name(where),
                 error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return NULL;
    }
    struct listener *list = open_each(addresses, where, backlog, failure);
    freeaddrinfo(addresses);
    return list;
}

/* ---- unix sockets */

/* false: `path` is there and must not be replaced. */
static bool remove_stale(const struct sockaddr_un *address, struct listen_failure *failure)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode)) {
        fail(failure, "failed to listen on %s: the file exists and is not a socket",
             address->sun_path);
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        fail(failure, "failed to listen on %s: %s", address->sun_path, strerror(errno));
        return false;
    }
    bool stale = connect(probe, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                 errno == ECONNREFUSED;
    close(probe);
    if (stale && unlink(address->sun_path) == 0)
        return true;
    fail(failure, "failed to listen on %s: %s", address->sun_path,
         stale ? strerror(errno) : "another server listens there");
    return false;
}

/* The mode must hold from the moment that the file exists, hence the umask. */
static bool bind_with_mode(int descriptor, const struct sockaddr_un *address, mode_t mode)
{
    mode_t before = umask(~mode & 0777);
    int result = bind(descriptor, (const struct sockaddr *)address, sizeof(*address));
    umask(before);
    return result == 0;
}

static struct listener *open_path(const struct sockaddr_un *address, mode_t mode, int backlog)
{
    struct stat status;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return NULL;
    struct listener *listener = listener_create(descriptor, AF_UNIX);
    if (listener == NULL) {
        close(descriptor);
        errno = ENOMEM;
        return NULL;
    }
    if (bind_with_mode(descriptor, address, mode) && listen(descriptor, backlog) == 0 &&
        lstat(address->sun_path, &status) == 0 &&
        (listener->path = strdup(address->sun_path)) != NULL) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
        return listener;
    }
    int reason = errno;
    listener_close(listener);
    errno = reason;
    return NULL;
}

struct listener *listener_open_unix(const char *path, mode_t mode, int backlog,
                                    struct listen_failure *failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    failure->text[0] = '\0';
    if (size == 0 || size >= sizeof(address.sun_path)) {
        fail(failure, "failed to listen on a unix socket: its path must have 1 to %zu bytes",
             sizeof(address.sun_path) - 1);
        return NULL;
    }
    memcpy(address.sun_path, path, size);
    if (!remove_stale(&address, failure))
        return NULL;
    struct listener *listener = open_path(&address, mode, backlog);
    if (listener == NULL)
        fail(failure, "failed to listen on %s: %s", path, strerror(errno));
    return listener;
}

/* ---- sockets of others */

/* AF_UNSPEC: it is none that clients could be accepted from. */
static int family_of_listening(int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    int listens = 0;
    int type = 0;
    socklen_t int_size = sizeof(int);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) != 0 ||
        getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &int_size) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        return AF_UNSPEC;
    return listens != 0 && type == SOCK_STREAM ? address.ss_family : AF_UNSPEC;
}

struct listener *listener_adopt(int descriptor, enum net_security security,
                                struct listen_failure *failure)
{
    int family = family_of_listening(descriptor);
    failure->text[0] = '\0';
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
        fail(failure, "descriptor %d was handed over and is no listening stream socket",
             descriptor);
        return NULL;
    }
    struct listener *listener = listener_create(descriptor, family);
    if (listener == NULL) {
        fail(failure, "no memory for a listening socket");
        return NULL;
    }
    if (family != AF_UNIX) {
        set_options(descriptor, family);
        listener->port = port_of(descriptor);
        listener->security = security;
    }
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    return listener;
}

/* ---- both */

static void remove_file(const struct listener *listener)
{
    struct stat status;
    if (lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode)
        unlink(listener->path);
}

void listener_close(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->path != NULL)
        remove_file(listener);
    close(listener->descriptor);
    free(listener->path);
    free(listener);
}
