#include "config.h"

#include "proto/session_work.h"
#include "proto/stats.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * stats sizes: how many items there are of each size, from a walk over all of them. Other
 * connections have their turns between its steps.
 */

#define ITEMS_PER_STEP 1000 /* then what the walk was lent is given back */

/* Sizes are told apart by 32 bytes up to a mebibyte, by mebibytes above. */
#define FINE_STEP 32
#define COARSE_STEP (1u << 20)
#define FINE_COUNT (COARSE_STEP / FINE_STEP + 1)
#define COARSE_COUNT 2048
#define STEP_COUNT (FINE_COUNT + COARSE_COUNT)

static size_t step_of(uint64_t size)
{
    if (size <= COARSE_STEP)
        return (size_t)(size + FINE_STEP - 1) / FINE_STEP;
    uint64_t coarse = FINE_COUNT + (size - 1) / COARSE_STEP;
    return coarse < STEP_COUNT ? (size_t)coarse : STEP_COUNT - 1;
}

static uint64_t size_of_step(size_t step)
{
    if (step < FINE_COUNT)
        return (uint64_t)step * FINE_STEP;
    return (uint64_t)(step - FINE_COUNT + 1) * COARSE_STEP;
}

static void count_item(void *context, struct slice key, const struct store_item *item)
{
    uint32_t *counts = context;
    counts[step_of(stats_item_size(key.size, item))]++;
}

static struct session_work *walk_create(void)
{
    struct session_work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return NULL;
    work->kind = WORK_WALK;
    work->walk.counts = calloc(STEP_COUNT, sizeof(work->walk.counts[0]));
    if (work->walk.counts != NULL)
        return work;
    free(work);
    return NULL;
}

bool exchange_reply_sizes(struct exchange *x)
{
    if (!x->thread->protocol->config.track_sizes) {
        struct slice disabled = SLICE_LITERAL("STAT sizes_status disabled\r\n");
        output_extend_to(x->buffers, put_slice(output_end(x->buffers), disabled));
        return exchange_reply(x, REPLY_END);
    }
    x->session->work = walk_create();
    if (x->session->work == NULL)
        return exchange_reply(x, REPLY_NO_MEMORY_STATS);
    session_enter(x->session, PHASE_SIZES);
    return true;
}

bool phase_sizes(struct exchange *x)
{
    struct session_work *work = x->session->work;
    struct store_thread *store = x->thread->store;
    struct text text;
    bool more =
        store_walk(store, &work->walk.cursor, ITEMS_PER_STEP, count_item, work->walk.counts);
    store_turn_pass(store, x->thread->now);
    if (more)
        return exchange_sleep(x, SESSION_YIELDING);
    text_init(&text);
    for (size_t step = 0; step < STEP_COUNT; step++)
        if (work->walk.counts[step] > 0)
            text_format(&text, "STAT %" PRIu64 " %" PRIu32 "\r\n", size_of_step(step),
                        work->walk.counts[step]);
    text_add(&text, SLICE_LITERAL("END\r\n"));
    session_work_end(x->session, x->thread);
    session_enter(x->session, PHASE_LINE);
    return exchange_reply_text(x, &text);
}
