#include "config.h"

#include "store/worth.h"

/* s3fifo: of a main victim's bytes, what is to stay. */
#define KEEP_PERCENT 40

/* learned: the threshold at the start, and the least that it comes down to. */
#define LEAST_AT_START (WORTH_HIT / 4)
#define LEAST_FLOOR (WORTH_HIT / 6)

/* By how much it moves: down after a victim of the probationary queue, and towards what it was
 * worth after one of the main queue. */
#define SMALL_VICTIM_SHIFT 7
#define MAIN_VICTIM_SHIFT 4

#define LEARN_SHIFT 7 /* by which one sample moves what is expected of its class */
#define SAMPLED 8     /* one in so many that stay is looked for later */
#define LOT 128       /* one in so many that would go stays by lot */
#define ROUNDS_MAX 3  /* after which a sample is given up */

void worth_init(struct worth *worth, enum store_eviction rule, uint64_t memory_size)
{
    *worth = (struct worth){
        .rule = rule,
        .least = rule == STORE_EVICT_LEARNED ? LEAST_AT_START : 0,
        .lot = UINT64_C(88172645463325252),
        .memory_size = memory_size,
    };
    /* Before anything is learned, half as many as there were. */
    for (unsigned class = 0; class < WORTH_CLASSES; class ++)
        worth->expected[class] = class / WORTH_SIZES % WORTH_HITS * (WORTH_HIT / 2);
}

/* One in so many; a power of two. (Marsaglia, "Xorshift RNGs", 2003.) */
static bool draws(struct worth *worth, unsigned one_in)
{
    worth->lot ^= worth->lot << 13;
    worth->lot ^= worth->lot >> 7;
    worth->lot ^= worth->lot << 17;
    return (worth->lot >> 20 & (one_in - 1)) == 0;
}

static unsigned class_of(const struct worth *worth, const struct worth_item *item)
{
    uint64_t mean = worth->mean_size;
    unsigned size = item->size * 2 < mean   ? 0
                    : item->size < mean     ? 1
                    : item->size < mean * 2 ? 2
                                            : 3;
    return ((unsigned)item->queue * WORTH_HITS + item->hits) * WORTH_SIZES + size;
}

static uint64_t expected_of(const struct worth *worth, const struct worth_item *item)
{
    if (worth->rule == STORE_EVICT_S3FIFO)
        return (uint64_t)item->hits * WORTH_HIT;
    uint64_t expected = worth->expected[class_of(worth, item)];
    return item->seconds_left < worth->stay ? expected * item->seconds_left / worth->stay
                                            : expected;
}

/* --- learning ------------------------------------------------------------------------------ */

static struct worth_sample *sample_of(struct worth *worth, uint64_t hash)
{
    return &worth->samples[(hash >> 8) % WORTH_SAMPLES];
}

static uint32_t name_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static void look_for_later(struct worth *worth, const struct worth_item *item)
{
    struct worth_sample *sample = sample_of(worth, item->hash);
    if (sample->name != 0 && (uint8_t)(worth->round - sample->round) <= ROUNDS_MAX)
        return;
    *sample = (struct worth_sample){
        .name = name_of(item->hash),
        .class = (uint16_t)class_of(worth, item),
        .carried = (uint8_t)worth_carried(worth, item->hits),
        .round = worth->round,
    };
}

static bool learn(struct worth *worth, const struct worth_item *item)
{
    struct worth_sample *sample = sample_of(worth, item->hash);
    if (sample->name != name_of(item->hash))
        return false;
    int64_t hits = item->hits > sample->carried ? (int64_t)item->hits - sample->carried : 0;
    uint32_t *expected = &worth->expected[sample->class];
    *expected = (uint32_t)(*expected + (hits * WORTH_HIT - *expected) / (1 << LEARN_SHIFT));
    sample->name = 0;
    return true;
}

bool worth_see(struct worth *worth, const struct worth_item *item)
{
    if (worth->rule == STORE_EVICT_S3FIFO)
        return false;
    bool learned = learn(worth, item);
    if (item->queue == QUEUE_MAIN) {
        worth->main_worth += expected_of(worth, item);
        worth->main_size += item->size;
    }
    return learned;
}

/* --- judging ------------------------------------------------------------------------------- */

enum worth_verdict worth_judge(struct worth *worth, const struct worth_item *item)
{
    uint64_t expected = expected_of(worth, item);
    /* The first victim is judged before there is a mean. */
    uint64_t mean = worth->mean_size == 0 ? item->size : worth->mean_size;
    bool stays = expected > 0 && expected * mean / item->size >= worth->least;
    if (worth->rule == STORE_EVICT_S3FIFO)
        return stays ? WORTH_STAYS : WORTH_GOES;
    bool by_lot = draws(worth, LOT) && !stays;
    if (by_lot || (stays && draws(worth, SAMPLED)))
        look_for_later(worth, item);
    return by_lot ? WORTH_STAYS_BY_LOT : stays ? WORTH_STAYS : WORTH_GOES;
}

unsigned worth_carried(const struct worth *worth, unsigned hits)
{
    return worth->rule == STORE_EVICT_S3FIFO ? 0 : hits / 2;
}

/* --- the threshold ------------------------------------------------------------------------- */

static void adapt_s3fifo(struct worth *worth, const struct worth_victim *victim)
{
    if (victim->queue != QUEUE_MAIN)
        return;
    if (victim->kept_bytes * 100 > victim->segment_size * KEEP_PERCENT)
        worth->least += worth->least / 16 + WORTH_HIT / 256;
    else
        worth->least -= worth->least / 16;
}

static void adapt_learned(struct worth *worth, const struct worth_victim *victim)
{
    if (victim->queue == QUEUE_SMALL) {
        worth->least -= worth->least >> SMALL_VICTIM_SHIFT;
    } else if (worth->main_size > 0) {
        uint64_t mean = worth->main_worth * worth->mean_size / worth->main_size;
        worth->least += (mean - mean / 8) >> MAIN_VICTIM_SHIFT;
        worth->least -= worth->least >> MAIN_VICTIM_SHIFT;
        worth->stay = (worth->stay * 7 + victim->age) / 8;
    }
    if (worth->least < LEAST_FLOOR)
        worth->least = LEAST_FLOOR;
    worth->main_worth = worth->main_size = 0;
}

static void count_round(struct worth *worth, uint64_t bytes)
{
    worth->round_bytes += bytes;
    if (worth->round_bytes < worth->memory_size)
        return;
    worth->round_bytes = 0;
    worth->round++;
}

static void note_mean(struct worth *worth, uint64_t mean)
{
    worth->mean_size = worth->mean_size == 0 ? mean : (worth->mean_size * 7 + mean) / 8;
}

void worth_end_victim(struct worth *worth, const struct worth_victim *victim)
{
    if (worth->rule == STORE_EVICT_S3FIFO)
        adapt_s3fifo(worth, victim);
    else
        adapt_learned(worth, victim);
    if (victim->items > 0)
        note_mean(worth, victim->bytes / victim->items);
    count_round(worth, victim->segment_size);
}
