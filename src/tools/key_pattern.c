#include "config.h"

#include "tools/key_pattern.h"

#include "tools/random_numbers.h"

#include <math.h>

/* The popularity of the place x, and its integral and that one's inverse; the names of the paper
 * are h, H and H^-1. The quotients near 0 are written so that an exponent of 1 works too. */

static double popularity(const struct key_pattern *pattern, double x)
{
    return exp(-pattern->exponent * log(x));
}

static double integral(const struct key_pattern *pattern, double x)
{
    double logarithm = log(x), scaled = (1 - pattern->exponent) * logarithm;
    return (fabs(scaled) > 1e-8 ? expm1(scaled) / scaled : 1 + scaled / 2) * logarithm;
}

static double integral_inverse(const struct key_pattern *pattern, double x)
{
    double scaled = fmax(x * (1 - pattern->exponent), -1);
    return exp((fabs(scaled) > 1e-8 ? log1p(scaled) / scaled : 1 - scaled / 2) * x);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void key_pattern_init(struct key_pattern *pattern, enum key_pattern_kind kind, uint64_t keys,
                      double exponent)
{
    *pattern = (struct key_pattern){.kind = kind, .keys = keys, .exponent = exponent};
    pattern->integral_first = integral(pattern, 1.5) - 1;
    pattern->integral_last = integral(pattern, (double)keys + 0.5);
    pattern->accept_below =
        2 - integral_inverse(pattern, integral(pattern, 2.5) - popularity(pattern, 2));
    pattern->spread = 2654435761u;
    while (common_divisor(pattern->spread, keys) != 1)
        pattern->spread++;
}

bool key_pattern_try_zipf(const struct key_pattern *pattern, double share, uint64_t *rank)
{
    double area =
        pattern->integral_last + share * (pattern->integral_first - pattern->integral_last);
    double x = integral_inverse(pattern, area);
    double place = fmin(fmax(floor(x + 0.5), 1), (double)pattern->keys);
    *rank = (uint64_t)place - 1;
    return place - x <= pattern->accept_below ||
           area >= integral(pattern, place + 0.5) - popularity(pattern, place);
}

static uint64_t draw_zipf(const struct key_pattern *pattern, uint64_t *random)
{
    uint64_t rank;
    while (!key_pattern_try_zipf(pattern, random_share(random), &rank))
        ;
    return rank;
}

uint64_t key_pattern_draw(const struct key_pattern *pattern, struct key_walk *walk,
                          uint64_t *random)
{
    uint64_t number;
    switch (pattern->kind) {
    case KEYS_UNIFORM:
        return random_below(random, pattern->keys);
    case KEYS_ZIPF:
        return draw_zipf(pattern, random) * pattern->spread % pattern->keys;
    case KEYS_SEQUENTIAL:
        number = walk->next;
        walk->next += walk->step;
        if (walk->next >= pattern->keys)
            walk->next = walk->first;
        return number;
    }
    return 0;
}
