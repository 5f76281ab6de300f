#include "config.h"

#include "tools/number_mix.h"

#include "tools/random_numbers.h"

#include <stdlib.h>

/* *text goes on behind the number. */
static bool parse_number(const char **text, uint64_t *number)
{
    *number = 0;
    if (**text < '0' || **text > '9')
        return false;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        *number = *number * 10 + (uint64_t)(**text - '0');
        if (*number > UINT32_MAX)
            return false;
    }
    int shift = **text == 'k' ? 10 : **text == 'm' ? 20 : 0;
    *number <<= shift;
    *text += shift != 0;
    return true;
}

static bool parse_range(const char **text, struct number_range *range, uint64_t *weight)
{
    *weight = 1;
    if (!parse_number(text, &range->low))
        return false;
    range->high = range->low;
    if (**text == '-') {
        (*text)++;
        if (!parse_number(text, &range->high))
            return false;
    }
    if (**text != ':')
        return true;
    (*text)++;
    return parse_number(text, weight) && *weight > 0;
}

bool number_mix_parse(const char *text, uint64_t low, uint64_t high, struct number_mix *mix)
{
    uint64_t weight, sum = 0;
    *mix = (struct number_mix){.low = UINT64_MAX};
    for (;; text++) {
        struct number_range *range = &mix->ranges[mix->count];
        if (mix->count == NUMBER_MIX_RANGES_MAX || !parse_range(&text, range, &weight))
            return false;
        if (range->low < low || range->high > high || range->low > range->high)
            return false;
        sum += weight;
        range->weight_end = sum;
        mix->count++;
        if (range->low < mix->low)
            mix->low = range->low;
        if (range->high > mix->high)
            mix->high = range->high;
        if (*text != ',')
            return *text == '\0' && sum <= UINT32_MAX;
    }
}

uint64_t number_mix_draw(const struct number_mix *mix, uint64_t *random)
{
    const struct number_range *range = mix->ranges;
    if (mix->low == mix->high)
        return mix->low;
    if (mix->count > 1)
        for (uint64_t at = random_below(random, range[mix->count - 1].weight_end);
             at >= range->weight_end;)
            range++;
    return range->low + random_below(random, range->high - range->low + 1);
}
