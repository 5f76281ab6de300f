#ifndef LARDER_SERVICE_MANAGER_H
#define LARDER_SERVICE_MANAGER_H

/*
 * What systemd and larderd tell each other: that it serves, reloads or stops, that it is alive, and
 * sockets that were opened for it. Started by anybody else, all of this does nothing.
 *
 * The protocol is a datagram and some variables of the environment, which sd_notify(3),
 * sd_listen_fds(3) and sd_watchdog_enabled(3) promise to keep as they are.
 *
 * Threads: any, but service_manager_sockets is for the start.
 */

#include <stdbool.h>
#include <stdint.h>

/* Somebody waits for service_manager_ready, knows the process, and needs no other way to find it.
 */
bool service_manager_waits(void);

void service_manager_ready(void);
void service_manager_reloading(void); /* until service_manager_ready */
void service_manager_stopping(void);

/* Microseconds within which service_manager_alive must be called, again and again; 0: not at all.
 */
uint64_t service_manager_patience(void);
void service_manager_alive(void);

/* Listening sockets that were handed over, from that descriptor on. */
#define SERVICE_MANAGER_SOCKET_FIRST 3
unsigned service_manager_sockets(void);

/* Nobody outside this machine can reach the socket. */
bool service_manager_socket_is_local(int descriptor);

#endif
