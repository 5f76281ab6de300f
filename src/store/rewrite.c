/* Writing an item anew from what it was: touch, append and prepend, incr and decr. */

#include "config.h"

#include "store/store_state.h"

#include "base/number.h"

static bool find_live(struct store_thread *thread, const struct store_key *key,
                      struct index_entry *entry, struct item_view *view)
{
    struct store *store = thread->store;
    if (!index_find(&store->index, key, entry))
        return false;
    *view = item_read(segments_at(&store->segments, slot_place(entry->value)));
    return store_item_state(thread, view) == STORE_HIT;
}

static bool find_live_locked(struct store_thread *thread, uint32_t home,
                             const struct store_key *key, struct index_entry *entry,
                             struct item_view *view)
{
    struct store *store = thread->store;
    if (!index_find_locked(&store->index, home, key, entry))
        return false;
    *view = item_read(segments_at(&store->segments, slot_place(entry->value)));
    return store_item_state(thread, view) == STORE_HIT;
}

/* Gives the shape the cas unique that was found necessary, unless it has one. Whether it rises. */
static bool cas_rises_locked(struct store *store, const struct item_view *old, uint64_t slot,
                             const char *room, struct item_shape *shape, uint64_t *to_carry)
{
    uint64_t next = *to_carry;
    if (shape->cas != 0)
        return true; /* that of the old one, one above it, or one that was given */
    if (next == 0)
        next = segments_cas(&store->segments, segments_place(&store->segments, room));
    uint64_t rising = store_cas_rising(store, old, slot, next);
    shape->cas = *to_carry;
    if (rising != 0)
        *to_carry = rising;
    return rising == 0;
}

/* A try: where, and what comes of it. */
struct attempt {
    char *room;
    uint32_t room_size;
    uint64_t cas_to_carry; /* 0: none */
    struct item_view fresh;
    uint64_t slot;
};

/* true: *outcome is final. */
static bool rewrite_into(struct store_thread *thread, const struct store_key *key,
                         const struct store_rewrite *how, void *context, struct attempt *attempt,
                         enum store_rewritten *outcome)
{
    char *room = attempt->room;
    struct store *store = thread->store;
    struct index_entry entry;
    struct item_view old;
    struct item_shape shape;
    bool final = true;
    uint32_t home = index_lock(&store->index, key->hash);
    if (!find_live_locked(thread, home, key, &entry, &old)) {
        *outcome = REWRITE_MISS;
    } else if (!how->plan(context, &old, entry.value, &shape)) {
        *outcome = REWRITE_REFUSED;
    } else if (!cas_rises_locked(store, &old, entry.value, room, &shape, &attempt->cas_to_carry) ||
               item_entry_size(&shape) != attempt->room_size || store_is_passed_over(store, room)) {
        final = false; /* it changed since it was planned, or a flush came */
    } else {
        how->write(context, &old, item_write(room, &shape, key->at));
        item_set_state(room, ITEM_LIVE);
        index_replace_locked(&entry, segments_place(&store->segments, room));
        slot_mark_locked(&entry, shape.marks);
        if (how->want_cas)
            slot_observe_cas_locked(&entry);
        attempt->fresh = item_read(room);
        attempt->slot = entry.value;
        store_note_expiry(store, &attempt->fresh, 0, attempt->fresh.exptime);
        store_bury(thread, &old);
        *outcome = REWRITE_DONE;
    }
    index_unlock(&store->index, home);
    return final;
}

static uint64_t foresee_cas(struct store_thread *thread, enum segment_queue queue,
                            const struct item_view *old, uint64_t slot, struct attempt *attempt)
{
    if (attempt->cas_to_carry == 0 && thread->store->config.cas && store_cas_counts(slot))
        attempt->cas_to_carry =
            store_cas_foreseen(thread, queue, store_item_cas(thread->store, old));
    return attempt->cas_to_carry;
}

enum store_rewritten store_rewrite(struct store_thread *thread, const struct store_key *key,
                                   const struct store_rewrite *how, void *context,
                                   struct store_item *item)
{
    struct attempt attempt = {.cas_to_carry = 0};
    for (;;) {
        struct index_entry entry;
        struct item_view view;
        struct item_shape shape;
        enum store_rewritten outcome = REWRITE_DONE;
        if (!find_live(thread, key, &entry, &view))
            return REWRITE_MISS;
        if (!how->plan(context, &view, entry.value, &shape))
            return REWRITE_REFUSED;
        enum segment_queue queue =
            segments_of(&thread->store->segments, slot_place(entry.value))->queue;
        if (shape.cas == 0)
            shape.cas = foresee_cas(thread, queue, &view, entry.value, &attempt);
        attempt.room_size = item_entry_size(&shape);
        /* may pass: view is void now */
        attempt.room = store_allocate(thread, queue, attempt.room_size);
        if (attempt.room == NULL)
            return REWRITE_NO_MEMORY;
        bool final = rewrite_into(thread, key, how, context, &attempt, &outcome);
        if (final && outcome == REWRITE_DONE) {
            store_note_added(thread, &attempt.fresh);
            store_item_fill(thread, &attempt.fresh, attempt.slot,
                            how->want_cas ? STORE_WANT_CAS : 0, item);
            return REWRITE_DONE;
        }
        item_write_padding(attempt.room, attempt.room_size);
        store_discard(thread, attempt.room);
        if (final)
            return outcome;
    }
}

struct item_shape store_shape_of(const struct item_view *view)
{
    return (struct item_shape){
        .key_size = view->key_size,
        .value_size = view->value_size,
        .client_flags = view->client_flags,
        .exptime = view->exptime,
        .cas = view->cas,
        .first_piece = view->first_piece,
        .exptime_word = view->first_piece != PLACE_NONE,
        .marks = view->marks,
    };
}

/* --- touch --------------------------------------------------------------------------------- */

struct touching {
    const struct store *store;
    uint32_t exptime;
    unsigned want;
};

/* The cas unique stays: one that somebody may have seen must be carried along. */
static bool plan_touch(void *context, const struct item_view *old, uint64_t slot,
                       struct item_shape *shape)
{
    const struct touching *touching = context;
    if (old->exptime_word != NULL)
        return false; /* no need; and a large item's pieces must not get a second head */
    *shape = store_shape_of(old);
    shape->marks |= slot_marks(slot);
    shape->exptime = touching->exptime;
    if (slot_cas_observed(slot))
        shape->cas = store_item_cas(touching->store, old);
    return true;
}

static void write_touch(void *context, const struct item_view *old, char *value)
{
    (void)context;
    item_copy_value(value, old);
}

/* Where there is a word for it, the exptime changes in place. false: there is none. */
static bool touch_in_place(struct store_thread *thread, const struct store_key *key,
                           const struct touching *touching, struct item_view *view, uint64_t *slot,
                           bool *found)
{
    uint32_t exptime = touching->exptime;
    struct store *store = thread->store;
    struct index_entry entry;
    uint32_t home = index_lock(&store->index, key->hash);
    *found = find_live_locked(thread, home, key, &entry, view);
    bool word = *found && view->exptime_word != NULL;
    if (word) {
        atomic_store_explicit(view->exptime_word, exptime, memory_order_relaxed);
        store_note_expiry(store, view, view->exptime, exptime);
        view->exptime = exptime;
    }
    if (*found && touching->want & STORE_WANT_CAS)
        store_observe_cas_locked(&entry, view);
    *slot = entry.value;
    index_unlock(&store->index, home);
    return word;
}

static void count_touch_as_use(struct store_thread *thread, const struct store_key *key)
{
    struct index_entry entry;
    if (index_find(&thread->store->index, key, &entry))
        slot_count_hit(&entry);
}

/* One try. REWRITE_REFUSED: the item was given a word for its exptime meanwhile. */
static enum store_rewritten touch_once(struct store_thread *thread, const struct store_key *key,
                                       struct touching *touching, struct store_item *item)
{
    const struct store_rewrite how = {
        .plan = plan_touch, .write = write_touch, .want_cas = touching->want & STORE_WANT_CAS};
    struct item_view view;
    bool found;
    uint64_t slot;
    bool changed = touch_in_place(thread, key, touching, &view, &slot, &found);
    if (!found)
        return REWRITE_MISS;
    if (!changed && touching->exptime != 0)
        return store_rewrite(thread, key, &how, touching, item);
    /* In place, or it has none and keeps none. */
    store_item_fill(thread, &view, slot, touching->want, item);
    return REWRITE_DONE;
}

enum store_find store_touch(struct store_thread *thread, const struct store_key *key,
                            uint32_t exptime, unsigned want, struct store_item *item)
{
    struct touching touching = {.store = thread->store, .exptime = exptime, .want = want};
    enum store_rewritten rewritten;
    /* Also takes what is gone out of the index. */
    enum store_find state = store_get(thread, key, STORE_PEEK, item);
    if (state != STORE_HIT)
        return state;
    do
        rewritten = touch_once(thread, key, &touching, item);
    while (rewritten == REWRITE_REFUSED);
    if (rewritten != REWRITE_DONE)
        return STORE_MISS;
    store_note_for_curve(thread, key->hash, MINIATURE_TOUCHED,
                         &(struct item_view){.exptime = exptime});
    if (!(want & STORE_PEEK))
        count_touch_as_use(thread, key);
    return STORE_HIT;
}

/* --- incr and decr ------------------------------------------------------------------------- */

struct counting {
    const struct store *store;
    struct store_arithmetic how;
    enum store_outcome_arithmetic refusal;
    uint64_t result;
    char digits[NUMBER_U64_SIZE_MAX];
    size_t digits_size;
    bool in_word; /* the new item is a counter */
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * A number as memcached reads one out of a value: space before it and anything behind a space after
 * it are passed over; a sign is read as C's strtoull does, but the result must not be negative.
 */
static bool number_in(struct slice value, uint64_t *number)
{
    size_t at = 0;
    while (at < value.size && is_space(value.at[at]))
        at++;
    bool negative = at < value.size && value.at[at] == '-';
    if (at < value.size && (negative || value.at[at] == '+'))
        at++;
    size_t end = at;
    while (end < value.size && value.at[end] >= '0' && value.at[end] <= '9')
        end++;
    if (end < value.size && !is_space(value.at[end]))
        return false;
    if (!number_parse_u64((struct slice){value.at + at, end - at}, number))
        return false;
    if (negative)
        *number = 0 - *number;
    return !negative || (int64_t)*number >= 0;
}

static bool number_of(const struct item_view *item, uint64_t *number)
{
    if (item->counter)
        *number = atomic_load_explicit(item_counter(item), memory_order_relaxed);
    return item->counter || (item->first_piece == PLACE_NONE &&
                             number_in((struct slice){item->value, item->value_size}, number));
}

static uint64_t counted(const struct store_arithmetic *how, uint64_t number)
{
    if (!how->decrement)
        return number + how->delta;
    return number < how->delta ? 0 : number - how->delta;
}

/*
 * The number changes in place, and readers take the word as a whole. That gives no new cas unique,
 * so nobody may have seen the old one: whoever asks for it marks the item under the lock, and reads
 * the number after that. false: it has to be written anew, if it is a number at all.
 */
static bool count_in_place(struct store_thread *thread, const struct store_key *key,
                           const struct store_arithmetic *how, struct store_number *number)
{
    struct store *store = thread->store;
    struct index_entry entry;
    struct item_view view;
    uint64_t result = 0;
    uint32_t home = index_lock(&store->index, key->hash);
    bool fits = find_live_locked(thread, home, key, &entry, &view) && view.counter &&
                view.cas == 0 && view.state != ITEM_SEEN;
    if (fits) {
        char digits[NUMBER_U64_SIZE_MAX];
        result = counted(how, atomic_load_explicit(item_counter(&view), memory_order_relaxed));
        size_t size = number_format_u64(digits, result);
        fits = size == view.value_size || (how->pad && size < view.value_size);
    }
    if (fits) {
        atomic_store_explicit(item_counter(&view), result, memory_order_relaxed);
        slot_count_use_locked(&entry);
        if (how->want_cas)
            store_observe_cas_locked(&entry, &view);
        number->value = result;
        number->cas = how->want_cas ? store_item_cas(store, &view) : 0;
    }
    index_unlock(&store->index, home);
    return fits;
}

/* Written anew each time while somebody looks at its cas unique, it is better off as text. */
static bool becomes_counter(const struct store_arithmetic *how, const struct item_shape *shape,
                            const struct item_view *old)
{
    return shape->value_size <= STORE_NUMBER_SIZE_MAX && shape->cas == 0 && !how->want_cas &&
           old->state != ITEM_SEEN;
}

static bool plan_count(void *context, const struct item_view *old, uint64_t slot,
                       struct item_shape *shape)
{
    struct counting *counting = context;
    const struct store_arithmetic *how = &counting->how;
    uint64_t number;
    counting->refusal = STORE_COUNT_EXISTS;
    if (how->compare_cas && !store_cas_is(counting->store, old, how->compare))
        return false;
    counting->refusal = STORE_NOT_A_NUMBER;
    if (!number_of(old, &number))
        return false;
    counting->result = counted(how, number);
    counting->digits_size = number_format_u64(counting->digits, counting->result);
    *shape = store_shape_of(old);
    shape->cas = how->cas;
    if (!how->pad || shape->value_size < counting->digits_size)
        shape->value_size = counting->digits_size;
    /* memcached writes a number of the same length over the old one: the item stays what it was. */
    if (shape->value_size == old->value_size)
        shape->marks |= slot_marks(slot);
    else
        shape->marks &= STORE_KEY_BINARY;
    counting->in_word = shape->counter = becomes_counter(how, shape, old);
    return true;
}

static void write_count(void *context, const struct item_view *old, char *value)
{
    const struct counting *counting = context;
    if (counting->in_word) {
        atomic_init((_Atomic uint64_t *)(uintptr_t)value, counting->result);
        return;
    }
    memcpy(value, counting->digits, counting->digits_size);
    if (counting->how.pad && old->value_size > counting->digits_size)
        memset(value + counting->digits_size, ' ', old->value_size - counting->digits_size);
}

enum store_outcome_arithmetic store_count(struct store_thread *thread, const struct store_key *key,
                                          const struct store_arithmetic *how,
                                          struct store_number *number)
{
    struct store_rewrite rewrite = {
        .plan = plan_count, .write = write_count, .want_cas = how->want_cas};
    struct counting counting = {.store = thread->store, .how = *how};
    struct store_item item;
    if (!how->compare_cas && how->cas == 0 && count_in_place(thread, key, how, number))
        return STORE_COUNTED;
    switch (store_rewrite(thread, key, &rewrite, &counting, &item)) {
    case REWRITE_DONE:
        number->value = counting.result;
        number->cas = item.cas;
        return STORE_COUNTED;
    case REWRITE_MISS:
        return STORE_COUNT_MISS;
    case REWRITE_REFUSED:
        return counting.refusal;
    case REWRITE_NO_MEMORY:
        break;
    }
    return STORE_COUNT_NO_MEMORY;
}
