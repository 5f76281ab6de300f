#include "config.h"

#include "store/miniature.h"

#include <stdlib.h>
#include <sys/mman.h>

#define NONE 0
#define CAPACITY_MIN 1024 /* items in all; fewer say nothing */
#define EVICTED_MAX 8     /* items that one reference may push out of one miniature */
#define LOOKED_MAX 32     /* and look at meanwhile */
#define SWEPT 4           /* items that each reference looks at whether they are gone ... */
#define SWEPT_FULL 32     /* ... and after half of the keys were given up */
#define HITS_MAX 7
#define SMALL_PERCENT 10 /* as in store/reclaim.c */
#define KEEP_PERCENT 40
#define WORTH_UNIT 256
#define PARTS 64       /* of a miniature's bytes: after each the threshold adapts */
#define GHOST_ITEMS 45 /* in the lines of the index that share a bucket of ghosts, about */
#define QUEUES 2

const unsigned miniature_quarters[MINIATURES] = {1, 2, 4, 8, 16};

enum { SMALL, MAIN };

struct miniature_item {
    uint64_t hash;
    uint32_t exptime;
    uint32_t bytes;
    uint32_t chain; /* the next with the same place in the table; of free ones: the next */
    uint32_t older, newer;
    uint8_t which; /* of the miniatures; MINIATURES: it is free */
    uint8_t generation;
    uint8_t hits;
    uint8_t queue : 1;
    uint8_t fills : 1; /* the store lacks it: a set will follow that is none here */
};

struct fifo {
    uint32_t oldest, newest;
    uint64_t bytes;
};

struct miniature {
    struct fifo fifo[QUEUES];
    struct ghosts ghosts;
    uint64_t memory; /* of the store that it stands for */
    uint64_t items;
    uint64_t misses;
    uint64_t worth_min;
    uint64_t seen_bytes, kept_bytes; /* at the old end of the main queue, of this part */
};

/* --- memory -------------------------------------------------------------------------------- */

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, size, MADV_NOHUGEPAGE);
    return memory;
}

/* Lines of an index for so many items: a power of two, since ghosts are lost when it changes. */
static size_t ghost_lines(uint64_t items)
{
    uint64_t buckets = 1;
    while (buckets * GHOST_ITEMS < items)
        buckets *= 2;
    return buckets * GHOST_LINES;
}

static size_t bytes_for(uint32_t capacity, uint32_t chains)
{
    return ((size_t)capacity + 1) * sizeof(struct miniature_item) + chains * sizeof(uint32_t);
}

static bool ghosts_init_all(struct miniatures *all)
{
    for (unsigned i = 0; i < MINIATURES; i++)
        if (!ghosts_init(&all->of[i].ghosts, ghost_lines(all->capacity)))
            return false;
    return true;
}

bool miniatures_init(struct miniatures *all, size_t bytes)
{
    uint32_t chains = CAPACITY_MIN;
    *all = (struct miniatures){.shift = MINIATURE_SHIFT_MIN, .reached = 1, .mean_bytes = 64 << 8};
    /* A tenth is for ghosts, which take 64 bytes for each 45 items. */
    bytes -= bytes / 10;
    if (bytes < bytes_for(CAPACITY_MIN, chains))
        return false;
    while (bytes_for(chains * 2, chains * 2) <= bytes && chains < UINT32_MAX / 4)
        chains *= 2;
    all->capacity =
        (uint32_t)((bytes - chains * sizeof(uint32_t)) / sizeof(struct miniature_item)) - 1;
    all->chain_mask = chains - 1;
    all->reserved_size = bytes_for(all->capacity, chains);
    all->of = calloc(MINIATURES, sizeof(*all->of));
    all->items = reserve(all->reserved_size);
    if (all->of == NULL || all->items == NULL || !ghosts_init_all(all)) {
        miniatures_end(all);
        return false;
    }
    all->chains = (uint32_t *)(all->items + all->capacity + 1);
    return true;
}

void miniatures_end(struct miniatures *all)
{
    for (unsigned i = 0; all->of != NULL && i < MINIATURES; i++)
        if (all->of[i].ghosts.buckets != NULL && all->of[i].ghosts.buckets != MAP_FAILED)
            ghosts_end(&all->of[i].ghosts);
    if (all->items != NULL)
        munmap(all->items, all->reserved_size);
    free(all->of);
    *all = (struct miniatures){0};
}

void miniatures_set_memory(struct miniatures *all, unsigned which, uint64_t bytes)
{
    all->of[which].memory = bytes;
}

uint64_t miniatures_misses(const struct miniatures *all, unsigned which)
{
    return all->of[which].misses;
}

/* --- the table and the queues -------------------------------------------------------------- */

/* The upper half of the hash: the lower has chosen the key. */
static uint32_t *chain_of(const struct miniatures *all, uint64_t hash)
{
    return &all->chains[hash >> 40 & all->chain_mask];
}

static uint32_t find(const struct miniatures *all, unsigned which, uint64_t hash)
{
    uint32_t number = *chain_of(all, hash);
    while (number != NONE && (all->items[number].hash != hash || all->items[number].which != which))
        number = all->items[number].chain;
    return number;
}

static void push(struct miniatures *all, uint32_t number, unsigned queue)
{
    struct miniature_item *item = &all->items[number];
    struct fifo *fifo = &all->of[item->which].fifo[queue];
    item->queue = queue == MAIN;
    item->older = fifo->newest;
    item->newer = NONE;
    if (fifo->newest != NONE)
        all->items[fifo->newest].newer = number;
    else
        fifo->oldest = number;
    fifo->newest = number;
    fifo->bytes += item->bytes;
}

static void pull(struct miniatures *all, uint32_t number)
{
    struct miniature_item *item = &all->items[number];
    struct fifo *fifo = &all->of[item->which].fifo[item->queue];
    if (item->older != NONE)
        all->items[item->older].newer = item->newer;
    else
        fifo->oldest = item->newer;
    if (item->newer != NONE)
        all->items[item->newer].older = item->older;
    else
        fifo->newest = item->older;
    fifo->bytes -= item->bytes;
}

static void drop(struct miniatures *all, uint32_t number)
{
    struct miniature_item *item = &all->items[number];
    uint32_t *link = chain_of(all, item->hash);
    while (*link != number)
        link = &all->items[*link].chain;
    *link = item->chain;
    pull(all, number);
    all->of[item->which].items--;
    item->which = MINIATURES;
    item->chain = all->free;
    all->free = number;
}

/* NONE: the table is full. */
static uint32_t take_free(struct miniatures *all)
{
    uint32_t number = all->free;
    if (number != NONE)
        all->free = all->items[number].chain;
    else if (all->reached <= all->capacity)
        number = all->reached++;
    return number;
}

static bool is_looked_at(const struct miniatures *all, uint64_t hash)
{
    return (hash & miniature_mask(all->shift)) == 0;
}

static bool is_gone(const struct miniatures *all, const struct miniature_item *item, uint32_t now)
{
    return (item->exptime != 0 && item->exptime <= now) || item->generation != all->generation ||
           !is_looked_at(all, item->hash);
}

static void sweep(struct miniatures *all, uint32_t now)
{
    unsigned most = all->unswept > 0 ? SWEPT_FULL : SWEPT;
    all->unswept -= all->unswept < most ? all->unswept : most;
    for (unsigned i = 0; i < most && all->reached > 1; i++) {
        if (++all->cursor >= all->reached)
            all->cursor = 1;
        const struct miniature_item *item = &all->items[all->cursor];
        if (item->which != MINIATURES && is_gone(all, item, now))
            drop(all, all->cursor);
    }
}

/* --- eviction ------------------------------------------------------------------------------ */

static uint64_t bytes_allowed(const struct miniatures *all, const struct miniature *one)
{
    return one->memory >> all->shift;
}

/* Hits for each byte, against the mean size. */
static uint64_t worth_of(const struct miniatures *all, const struct miniature_item *item)
{
    return item->hits * (uint64_t)WORTH_UNIT * (all->mean_bytes >> 8) / item->bytes;
}

static void adapt(const struct miniatures *all, struct miniature *one)
{
    if (one->seen_bytes < bytes_allowed(all, one) / PARTS)
        return;
    if (one->kept_bytes * 100 > one->seen_bytes * KEEP_PERCENT)
        one->worth_min += one->worth_min / 16 + 1;
    else
        one->worth_min -= one->worth_min / 16;
    one->seen_bytes = one->kept_bytes = 0;
}

/* Looks at the oldest item of the queue whose turn it is: it stays, or it goes. */
static bool evict_oldest(struct miniatures *all, struct miniature *one, uint32_t now)
{
    uint64_t both = one->fifo[SMALL].bytes + one->fifo[MAIN].bytes;
    unsigned queue = one->fifo[SMALL].bytes * 100 > both * SMALL_PERCENT ? SMALL : MAIN;
    if (one->fifo[queue].oldest == NONE)
        queue = queue == SMALL ? MAIN : SMALL;
    uint32_t number = one->fifo[queue].oldest;
    struct miniature_item *item = &all->items[number];
    bool stays =
        item->hits > 0 && !is_gone(all, item, now) && worth_of(all, item) >= one->worth_min;
    if (queue == MAIN) {
        one->seen_bytes += item->bytes;
        one->kept_bytes += stays ? item->bytes : 0;
        adapt(all, one);
    }
    if (stays) {
        pull(all, number);
        item->hits = 0;
        push(all, number, MAIN);
        return false;
    }
    if (item->hits == 0 && !is_gone(all, item, now))
        ghosts_add(&one->ghosts, ghost_lines(one->items), item->hash);
    drop(all, number);
    return true;
}

static void make_room(struct miniatures *all, struct miniature *one, uint32_t now)
{
    unsigned evicted = 0;
    for (unsigned looked = 0; looked < LOOKED_MAX && evicted < EVICTED_MAX; looked++) {
        if (one->fifo[SMALL].bytes + one->fifo[MAIN].bytes <= bytes_allowed(all, one))
            return;
        evicted += evict_oldest(all, one, now);
    }
}

/* --- references ---------------------------------------------------------------------------- */

static void count_use(struct miniature_item *item)
{
    if (item->hits < HITS_MAX)
        item->hits++;
}

/* The table is full: half of the keys will do. */
static void halve(struct miniatures *all)
{
    if (all->unswept > 0 || all->shift == MINIATURE_SHIFT_MAX)
        return;
    all->shift++;
    all->unswept = all->capacity;
}

static void add(struct miniatures *all, unsigned which, const struct miniature_reference *reference)
{
    struct miniature *one = &all->of[which];
    if (reference->bytes > bytes_allowed(all, one))
        return;
    uint32_t number = take_free(all);
    if (number == NONE) {
        halve(all);
        return;
    }
    struct miniature_item *item = &all->items[number];
    uint32_t *chain = chain_of(all, reference->hash);
    *item = (struct miniature_item){
        .hash = reference->hash,
        .exptime = reference->exptime,
        .bytes = reference->bytes,
        .chain = *chain,
        .which = (uint8_t)which,
        .generation = all->generation,
    };
    *chain = number;
    bool ghost = ghosts_have(&one->ghosts, ghost_lines(one->items), reference->hash);
    one->items++;
    push(all, number, ghost ? MAIN : SMALL);
    make_room(all, one, reference->now);
}

/* In the place of an item that is there: it stays in its queue and keeps its hits. */
static void replace(struct miniatures *all, uint32_t number,
                    const struct miniature_reference *reference)
{
    struct miniature_item *item = &all->items[number];
    if (item->fills) {
        item->fills = false;
        return;
    }
    unsigned queue = item->queue;
    pull(all, number);
    item->bytes = reference->bytes;
    item->exptime = reference->exptime;
    push(all, number, queue);
    make_room(all, &all->of[item->which], reference->now);
}

static void refer(struct miniatures *all, unsigned which,
                  const struct miniature_reference *reference)
{
    uint32_t number = find(all, which, reference->hash);
    if (number != NONE && is_gone(all, &all->items[number], reference->now)) {
        drop(all, number);
        number = NONE;
    }
    bool asked = reference->event == MINIATURE_HIT || reference->event == MINIATURE_MISS;
    if (asked && number == NONE)
        all->of[which].misses += UINT64_C(1) << all->shift;
    switch (reference->event) {
    case MINIATURE_HIT:
    case MINIATURE_MISS:
        if (number != NONE) {
            count_use(&all->items[number]);
            all->items[number].fills = reference->event == MINIATURE_MISS;
        } else if (reference->event == MINIATURE_HIT) {
            add(all, which, reference);
        }
        return;
    case MINIATURE_STORED:
        if (number != NONE)
            replace(all, number, reference);
        else
            add(all, which, reference);
        return;
    case MINIATURE_TOUCHED:
        if (number != NONE) {
            all->items[number].exptime = reference->exptime;
            count_use(&all->items[number]);
        }
        return;
    case MINIATURE_DELETED:
        if (number != NONE)
            drop(all, number);
        return;
    }
}

void miniatures_refer(struct miniatures *all, const struct miniature_reference *reference)
{
    if (!is_looked_at(all, reference->hash))
        return;
    if (reference->bytes > 0)
        all->mean_bytes +=
            ((int64_t)((uint64_t)reference->bytes << 8) - (int64_t)all->mean_bytes) / 256;
    sweep(all, reference->now);
    for (unsigned which = 0; which < MINIATURES; which++)
        refer(all, which, reference);
}

void miniatures_flush(struct miniatures *all)
{
    all->generation++;
}
