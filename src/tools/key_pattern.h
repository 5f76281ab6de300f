#ifndef LARDER_KEY_PATTERN_H
#define LARDER_KEY_PATTERN_H

/*
 * Which key comes next: each as likely as another; by Zipf's law, the r-th most popular with a
 * share of 1 / r^exponent; or one after the other.
 *
 * Zipf's numbers are drawn by rejection-inversion (Hoermann and Derflinger, "Rejection-inversion to
 * generate variates from monotone discrete distributions", 1996): no table, any number of keys, any
 * exponent above 0.
 *
 * Threads: a pattern is read by all; a walk is one connection's own.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

enum key_pattern_kind { KEYS_UNIFORM, KEYS_ZIPF, KEYS_SEQUENTIAL };

struct key_pattern {
    enum key_pattern_kind kind;
    uint64_t keys; /* at most 2^32 */
    double exponent;
    double integral_first; /* of Zipf: the integrals that numbers are drawn between */
    double integral_last;
    double accept_below;
    uint64_t spread; /* has no divisor in common with keys: popular keys are not neighbours */
};

/* Where a connection is in the sequential pattern; they share the keys out among them. */
struct key_walk {
    uint64_t next;
    uint64_t first;
    uint64_t step;
};

void key_pattern_init(struct key_pattern *pattern, enum key_pattern_kind kind, uint64_t keys,
                      double exponent);

/* 0 to keys - 1. */
uint64_t key_pattern_draw(const struct key_pattern *pattern, struct key_walk *walk,
                          uint64_t *random);

/*
 * One trial of Zipf's law, for a number from 0 up to, but not, 1, each as likely as another: *rank
 * is 0 for the most popular. false: rejected, try another number.
 */
MUST_USE bool key_pattern_try_zipf(const struct key_pattern *pattern, double share, uint64_t *rank);

#endif
