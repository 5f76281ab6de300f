#ifndef LARDER_TRACE_PLAYER_H
#define LARDER_TRACE_PLAYER_H

/*
 * Plays requests of a trace to a server, as a client does that reads through: what a read misses is
 * set at once. Requests go out some thousand at a time, but those of one key one after the other,
 * so that the server sees of each key what it would see if there were one request at a time.
 */

#include "tools/trace_link.h"
#include "tools/trace_source.h"

#include <stdint.h>

struct trace_score {
    uint64_t reads;
    uint64_t misses;
    uint64_t errors; /* replies that tell one */
};

struct trace_player;

/* timed: times-to-live are sent. */
struct trace_player *trace_player_create(const struct bench_server *server, bool timed);
void trace_player_destroy(struct trace_player *player);

/* It is answered at the next trace_player_finish, or before. */
void trace_player_add(struct trace_player *player, const struct trace_request *request);
void trace_player_finish(struct trace_player *player);

/* Of all requests that are finished. */
struct trace_score trace_player_score(const struct trace_player *player);

/* For questions between requests; finish them first. */
struct trace_link *trace_player_link(struct trace_player *player);

#endif
