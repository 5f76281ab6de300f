#ifndef LARDER_BENCH_SERVER_H
#define LARDER_BENCH_SERVER_H

/*
 * A server under load: where it listens, and what processor time it has used. The time comes from
 * the kernel's own account of each of its threads, to the nanosecond; so it is known only for a
 * process of this machine, and only on Linux.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct bench_tls;

struct bench_server {
    const char *name; /* as the user wrote it, without the pid; lent */
    struct sockaddr_storage address;
    socklen_t address_size;
    int family;
    int pid;               /* 0: unknown */
    struct bench_tls *tls; /* lent; NULL: it speaks no TLS */
};

/* HOST:PORT, [ADDRESS]:PORT, HOST, PORT, /PATH or unix:PATH, and perhaps ,PID. Cuts the text.
 * false: *why says what is wrong. */
MUST_USE bool bench_server_parse(struct bench_server *server, char *text, const char **why);

/* A blocking socket; -1 and errno. */
int bench_server_connect(const struct bench_server *server);

/* Asks a server of this machine for its pid, if the user gave none. Leaves 0 if it can't be had,
 * and where it speaks TLS. */
void bench_server_find_pid(struct bench_server *server);

/* Nanoseconds of all its threads. false: unknown. */
bool bench_server_cpu(const struct bench_server *server, uint64_t *nanoseconds);

#endif
