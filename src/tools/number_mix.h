#ifndef LARDER_NUMBER_MIX_H
#define LARDER_NUMBER_MIX_H

/*
 * Numbers as a user mixes them: 100, or 10-1000 (each as likely as another), or a list with
 * weights, 100:70,1000-2000:25,16k:5. k and m after a number stand for 1024 and 1024 * 1024.
 */

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_MIX_RANGES_MAX 32

struct number_range {
    uint64_t low;
    uint64_t high;
    uint64_t weight_end; /* the weights up to this range's, this one's included */
};

struct number_mix {
    struct number_range ranges[NUMBER_MIX_RANGES_MAX];
    unsigned count;
    uint64_t low; /* of all ranges */
    uint64_t high;
};

/* false: not of that form, too many ranges, or a number outside low to high. */
MUST_USE bool number_mix_parse(const char *text, uint64_t low, uint64_t high,
                               struct number_mix *mix);

uint64_t number_mix_draw(const struct number_mix *mix, uint64_t *random);

#endif
