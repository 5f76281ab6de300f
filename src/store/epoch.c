#include "config.h"

#include "store/epoch.h"

void epoch_init(struct epoch *epoch)
{
    atomic_init(&epoch->now, EPOCH_ASLEEP + 1);
    atomic_init(&epoch->slots, NULL);
}

void epoch_add(struct epoch *epoch, struct epoch_slot *slot)
{
    atomic_init(&slot->seen, EPOCH_ASLEEP);
    slot->next = atomic_load_explicit(&epoch->slots, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&epoch->slots, &slot->next, slot,
                                                  memory_order_seq_cst, memory_order_relaxed))
        continue;
}

uint64_t epoch_stamp(struct epoch *epoch)
{
    uint64_t stamp = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_seq_cst) + 1;
#ifndef __SANITIZE_THREAD__
    atomic_thread_fence(memory_order_seq_cst);
#endif
    return stamp;
}

bool epoch_passed(struct epoch *epoch, uint64_t stamp)
{
    struct epoch_slot *slot = atomic_load_explicit(&epoch->slots, memory_order_seq_cst);
    for (; slot != NULL; slot = slot->next) {
        uint64_t seen = atomic_load_explicit(&slot->seen, memory_order_seq_cst);
        if (seen != EPOCH_ASLEEP && seen < stamp)
            return false;
    }
    return true;
}
