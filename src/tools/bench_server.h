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

#define BENCH_ADDRESSES_MAX 4

struct bench_address {
    struct sockaddr_storage at;
    socklen_t size;
};

struct bench_server {
    const char *name; /* as the user wrote it, without the pid; lent */
    struct bench_address addresses[BENCH_ADDRESSES_MAX]; /* a name may have several */
    unsigned address_count;
    int family;            /* of the first */
    int pid;               /* 0: unknown */
    struct bench_tls *tls; /* lent; NULL: it speaks no TLS */
};

/* HOST:PORT, [ADDRESS]:PORT, HOST, PORT, a PATH with a slash, unix:PATH, and perhaps ,PID. Cuts the
 * text. false: *why says what is wrong. */
MUST_USE bool bench_server_parse(struct bench_server *server, char *text, const char **why);

/* Whether the text is one that may be parsed, without asking anybody what its name means. */
MUST_USE bool bench_server_check(const char *text, const char **why);

/* A blocking socket to the first of its addresses that takes us; -1 and errno. */
int bench_server_connect(const struct bench_server *server);

/* The same, within so many seconds for each address; ETIMEDOUT if they pass. */
int bench_server_connect_within(const struct bench_server *server, double seconds);

/* Asks a server of this machine for its pid, if the user gave none. Leaves 0 if it can't be had,
 * and where it speaks TLS. */
void bench_server_find_pid(struct bench_server *server);

/* Nanoseconds of all its threads. false: unknown. */
bool bench_server_cpu(const struct bench_server *server, uint64_t *nanoseconds);

#endif
