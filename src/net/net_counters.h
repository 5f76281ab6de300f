#ifndef LARDER_NET_COUNTERS_H
#define LARDER_NET_COUNTERS_H

/*
 * One thread's share of what net_stats.def counts. The dispatcher and every worker have one.
 *
 * Threads: written by its owner; read by any.
 */

#include "base/check.h"
#include "base/counter.h"

struct net_counters {
#define NET_COUNTER(name, text) struct counter name;
#include "net/net_stats.def"
#undef NET_COUNTER
} CACHE_ALIGNED;

#endif
