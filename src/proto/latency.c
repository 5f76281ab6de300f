#include "config.h"

#include "proto/latency.h"

#include "base/clock.h"
#include "proto/protocol.h"

static void count_requests(const struct proto_counters *counters, uint64_t *requests)
{
#define READ(name) counter_read(&counters->name)
#define LATENCY_FAMILY(id, name, count, text) requests[id] = count;
#include "proto/latency_families.def"
#undef LATENCY_FAMILY
#undef READ
}

void latency_begin(struct latency_recorder *recorder, const struct proto_counters *counters,
                   uint32_t generation)
{
    if (counter_read(&recorder->generation) != generation) {
        for (unsigned i = 0; i < LATENCY_FAMILIES; i++)
            time_counters_clear(&recorder->times[i]);
        counter_set(&recorder->generation, generation);
    }
    recorder->timing = true;
    recorder->started = clock_nanoseconds();
    count_requests(counters, recorder->told);
}

void latency_record(struct latency_recorder *recorder, const struct proto_counters *counters)
{
    uint64_t requests[LATENCY_FAMILIES];
    uint64_t nanoseconds = 0;
    count_requests(counters, requests);
    for (unsigned i = 0; i < LATENCY_FAMILIES; i++) {
        if (requests[i] == recorder->told[i])
            continue;
        if (nanoseconds == 0)
            nanoseconds = clock_nanoseconds() - recorder->started;
        time_counters_add(&recorder->times[i], nanoseconds, requests[i] - recorder->told[i]);
        recorder->told[i] = requests[i];
    }
}
