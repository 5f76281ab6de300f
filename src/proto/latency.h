#ifndef LARDER_LATENCY_H
#define LARDER_LATENCY_H

/*
 * How long requests take inside the server, for `stats latency`.
 *
 * One turn in about so many is timed: from its start, when the worker learns that clients have sent
 * something, to the moment when the reply was handed to the socket, which is when the next session
 * runs or the turn ends. So waiting behind others in the same turn counts, waiting in the socket
 * before does not. All requests that a session answered in one run get the time of the last. An
 * untimed turn costs a decrement and two branches.
 *
 * Threads: a recorder is written by its worker; its counters are read by any.
 */

#include "base/check.h"
#include "base/sampler.h"
#include "base/time_histogram.h"
#include "proto/proto.h"

struct proto_counters;

struct latency_recorder {
    /* this worker's thread only */
    struct sampler turns;
    bool timing;
    uint64_t started;                /* nanoseconds, when the turn began */
    uint64_t told[LATENCY_FAMILIES]; /* requests whose times were recorded or never will be */

    /* written here, read anywhere */
    struct counter generation; /* of the resets that it has followed */
    struct time_counters times[LATENCY_FAMILIES];
};

/* A turn that is to be timed begins. generation: how often the times were reset. */
void latency_begin(struct latency_recorder *recorder, const struct proto_counters *counters,
                   uint32_t generation);

/* The slow half of latency_note_sent. */
void latency_record(struct latency_recorder *recorder, const struct proto_counters *counters);

/* Before a session runs, and at the end of a turn: all replies written before are on their way. */
static inline void latency_note_sent(struct latency_recorder *recorder,
                                     const struct proto_counters *counters)
{
    if (UNLIKELY(recorder->timing))
        latency_record(recorder, counters);
}

static inline void latency_end(struct latency_recorder *recorder,
                               const struct proto_counters *counters)
{
    latency_note_sent(recorder, counters);
    recorder->timing = false;
}

#endif
