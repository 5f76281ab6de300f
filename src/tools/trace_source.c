#include "config.h"

#include "tools/trace_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RECENT_MAX (1u << 17) /* requests that count as the recent past */
#define RECENT_MIN 16         /* there must be some */
#define VALUE_SIZE_MAX 400000
#define SCANNED_FROM (UINT64_C(1) << 61) /* numbers of the keys that only scans read */
#define WRITTEN_FIRST 0.5 /* a family with as many sets stores new keys as well as reading them */

#define HOUR 3600
#define DAY (24 * HOUR)

const struct trace_family trace_families[] = {
    {
        .name = "c52",
        .text = "general: steep popularity, mixed times-to-live",
        .skew = 1.21,
        .keys = 2000000,
        .key_size = 20,
        .value_mean = 273,
        .value_spread = 0.9,
        .fresh = 0.0307,
        .never_again = 0.19,
        .recent = 0.15,
        .adds = 0.01,
        .cas = 0.02,
        .resized = 0.1,
        .rate = 40,
        .times = {{0.65, DAY}, {0.27, 14 * DAY}, {0.08, 12 * HOUR}},
        .clock_step = 120,
    },
    {
        .name = "c45",
        .text = "flat popularity, many keys that are asked for once",
        .skew = 0.637,
        .keys = 2500000,
        .key_size = 10,
        .value_mean = 120,
        .value_spread = 0.8,
        .fresh = 0.25,
        .never_again = 0.49,
        .recent = 0.15,
        .adds = 0.02,
        .rate = 100,
        .times = {{1, 15 * DAY}},
        .clock_step = 300,
    },
    {
        .name = "c12",
        .text = "written more than read, five minutes to live",
        .skew = 0.3048,
        .keys = 400000,
        .key_size = 44,
        .value_mean = 1030,
        .value_spread = 0.8,
        .fresh = 0.6,
        .never_again = 0.81,
        .recent = 0.10,
        .sets = 0.60,
        .resized = 0.3,
        .rate = 700,
        .times = {{1, 299}},
        .clock_step = 5,
    },
    {
        .name = "c40",
        .text = "half of all requests overwrite",
        .skew = 0.8551,
        .keys = 1800000,
        .key_size = 44,
        .value_mean = 155,
        .value_spread = 0.7,
        .fresh = 0.06,
        .never_again = 0.01,
        .recent = 0.10,
        .sets = 0.50,
        .resized = 0.3,
        .rate = 100,
        .times = {{0.95, 8 * HOUR}, {0.05, DAY}},
        .clock_step = 120,
    },
    {
        .name = "scan",
        .text = "as c52, without its times-to-live, and a long row of cold keys now and then",
        .skew = 1.21,
        .keys = 2000000,
        .key_size = 20,
        .value_mean = 273,
        .value_spread = 0.9,
        .fresh = 0.02,
        .never_again = 0.19,
        .recent = 0.15,
        .adds = 0.01,
        .cas = 0.02,
        .resized = 0.1,
        .rate = 40,
        .scan_every = 400000,
        .scan_length = 100000,
        .times = {{1, 30 * DAY}},
        .clock_step = 600,
    },
    {
        .name = "c44",
        .text = "tiny values, very steep popularity",
        .skew = 1.4084,
        .keys = 6000000,
        .key_size = 25,
        .value_mean = 22,
        .value_spread = 0.5,
        .fresh = 0.0165,
        .never_again = 0.20,
        .recent = 0.15,
        .adds = 0.01,
        .rate = 30,
        .times = {{1, 30 * DAY}},
        .clock_step = 600,
    },
};

const unsigned trace_family_count = sizeof(trace_families) / sizeof(trace_families[0]);

const struct trace_family *trace_family_find(const char *name)
{
    for (unsigned i = 0; i < trace_family_count; i++)
        if (strcmp(trace_families[i].name, name) == 0)
            return &trace_families[i];
    return NULL;
}

struct trace_source {
    const struct trace_family *family;
    struct key_pattern popularity;
    uint64_t random[4];
    uint64_t requests; /* that were given */
    uint64_t next_key; /* number of the next new key */
    uint64_t next_scanned;
    uint32_t scan_left;
    uint64_t *ranked; /* [family->keys]: the key of each rank */
    uint64_t *recent; /* [RECENT_MAX]: a ring of the keys that were asked for */
};

/* --- random numbers ------------------------------------------------------------------------ */

/* The end of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014). */
uint64_t trace_mix(uint64_t number)
{
    number += 0x9e3779b97f4a7c15;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

static uint64_t rotate(uint64_t number, unsigned bits)
{
    return number << bits | number >> (64 - bits);
}

/* xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018). */
static uint64_t draw(struct trace_source *source)
{
    uint64_t *state = source->random;
    uint64_t drawn = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return drawn;
}

static double share_of(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

static double draw_share(struct trace_source *source)
{
    return share_of(draw(source));
}

/* What a key has of its own, so that it is the same each time. */
enum key_trait { TRAIT_SIZE = 1, TRAIT_SIZE_ANGLE = 2, TRAIT_TIME = 3 };

static double trait_of(uint64_t key, enum key_trait trait)
{
    return share_of(trace_mix(key * 31 + trait));
}

/* --- what a key has ------------------------------------------------------------------------ */

static uint64_t key_of_number(uint64_t number)
{
    return trace_mix(number) >> 4;
}

/* Log-normal, by Box and Muller's method. */
static uint32_t value_size_of(const struct trace_family *family, uint64_t key)
{
    double radius = sqrt(-2 * log(trait_of(key, TRAIT_SIZE) + 1e-18));
    double normal = radius * cos(2 * M_PI * trait_of(key, TRAIT_SIZE_ANGLE));
    double spread = family->value_spread;
    double size = family->value_mean * exp(spread * normal - spread * spread / 2);
    return (uint32_t)fmin(fmax(size, 1), VALUE_SIZE_MAX);
}

static uint32_t time_to_live_of(const struct trace_family *family, uint64_t key)
{
    double share = trait_of(key, TRAIT_TIME);
    unsigned i = 0;
    for (; i < TRACE_TIMES - 1 && family->times[i + 1].share > 0; i++) {
        if (share < family->times[i].share)
            break;
        share -= family->times[i].share;
    }
    return family->times[i].seconds;
}

void trace_key_write(char *to, const struct trace_request *request)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    const uint32_t digits_max = 11; /* 6 bits each: all of 64 */
    uint64_t rest = request->key;
    memset(to, 'k', request->key_size);
    for (uint32_t i = 0; i < request->key_size && i < digits_max; i++, rest >>= 6)
        to[i] = digits[rest & 63];
}

/* --- requests ------------------------------------------------------------------------------ */

struct trace_source *trace_source_create(const struct trace_family *family, uint64_t seed)
{
    struct trace_source *source = calloc(1, sizeof(*source));
    CHECK(source != NULL);
    source->family = family;
    source->next_key = 1;
    source->next_scanned = SCANNED_FROM;
    source->ranked = calloc(family->keys, sizeof(*source->ranked));
    source->recent = calloc(RECENT_MAX, sizeof(*source->recent));
    CHECK(source->ranked != NULL && source->recent != NULL);
    for (unsigned i = 0; i < 4; i++)
        source->random[i] = trace_mix(seed * 7919 + i);
    for (uint32_t rank = 0; rank < family->keys; rank++)
        source->ranked[rank] = key_of_number(source->next_key++);
    key_pattern_init(&source->popularity, KEYS_ZIPF, family->keys, family->skew);
    return source;
}

void trace_source_destroy(struct trace_source *source)
{
    free(source->ranked);
    free(source->recent);
    free(source);
}

static void draw_new_key(struct trace_source *source, struct trace_request *request)
{
    const struct trace_family *family = source->family;
    request->key = key_of_number(source->next_key++);
    if (draw_share(source) >= family->never_again)
        source->ranked[draw(source) % family->keys] = request->key;
    if (family->sets >= WRITTEN_FIRST && draw_share(source) < family->sets)
        request->operation = TRACE_SET;
}

/* Its age in requests is log-uniform. */
static uint64_t draw_recent_key(struct trace_source *source)
{
    double oldest = fmin((double)source->requests, RECENT_MAX);
    uint64_t age = (uint64_t)fmax(exp(draw_share(source) * log(oldest)), 1);
    return source->recent[(source->requests - age) % RECENT_MAX];
}

static uint64_t draw_ranked_key(struct trace_source *source)
{
    uint64_t rank;
    while (!key_pattern_try_zipf(&source->popularity, draw_share(source), &rank))
        ;
    return source->ranked[rank];
}

static enum trace_operation draw_operation(struct trace_source *source)
{
    const struct trace_family *family = source->family;
    double share = draw_share(source);
    if (share < family->sets)
        return TRACE_SET;
    if (share - family->sets < family->adds)
        return TRACE_ADD;
    return share - family->sets - family->adds < family->cas ? TRACE_CAS : TRACE_READ;
}

static void draw_known_key(struct trace_source *source, struct trace_request *request)
{
    bool recent = draw_share(source) < source->family->recent && source->requests > RECENT_MIN;
    request->key = recent ? draw_recent_key(source) : draw_ranked_key(source);
    request->operation = draw_operation(source);
}

void trace_source_next(struct trace_source *source, struct trace_request *request)
{
    const struct trace_family *family = source->family;
    uint64_t number = source->requests;
    *request = (struct trace_request){
        .second = (uint32_t)((double)number / family->rate),
        .key_size = family->key_size,
        .operation = TRACE_READ,
    };
    if (family->scan_every != 0 && number > 0 && number % family->scan_every == 0)
        source->scan_left = family->scan_length;
    double share = draw_share(source);
    if (source->scan_left > 0) {
        source->scan_left--;
        request->key = key_of_number(source->next_scanned++);
    } else if (share < family->fresh) {
        draw_new_key(source, request);
    } else {
        draw_known_key(source, request);
    }
    source->recent[number % RECENT_MAX] = request->key;
    source->requests++;
    request->value_size = value_size_of(family, request->key);
    request->exptime = time_to_live_of(family, request->key);
    if ((request->operation == TRACE_SET || request->operation == TRACE_CAS) &&
        draw_share(source) < family->resized)
        request->value_size =
            (uint32_t)fmax(request->value_size * (0.75 + 0.5 * draw_share(source)), 1);
}
