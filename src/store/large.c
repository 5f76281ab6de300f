/* Values in pieces: how they come in (fills), and how they are held while they go out (pins). */

#include "config.h"

#include "store/store_state.h"

#include <stdlib.h>

#define PIECE_SIZE_MIN                                                                             \
    1024u /* unless the value needs less: smaller rests of segments stay unused */

struct store_fill {
    struct store *store;
    struct store_put put;
    size_t size;
    size_t received;
    size_t allocated;
    uint64_t first_piece;
    uint64_t last_piece;
    char *room; /* what of the last piece is not filled yet */
    size_t room_size;
    size_t key_size;
    char key[STORE_KEY_SIZE_MAX];
};

static uint64_t memory_size_of(const struct store *store)
{
    return atomic_load_explicit(&((struct store *)store)->memory_size, memory_order_relaxed);
}

/*
 * The most that all fills may hold: a quarter of memory; more where items are large, so that one
 * can always be appended to (it comes in by one fill and is joined in another), up to a half.
 */
static uint64_t fill_bytes_max(const struct store *store)
{
    uint64_t memory = memory_size_of(store);
    uint64_t two_items = 2 * (uint64_t)store->config.item_size_max;
    if (two_items <= memory / 4)
        return memory / 4;
    return two_items < memory / 2 ? two_items : memory / 2;
}

static bool hold_fill_bytes(struct store *store, uint64_t size)
{
    if (atomic_fetch_add_explicit(&store->fill_bytes, size, memory_order_relaxed) + size <=
        fill_bytes_max(store))
        return true;
    atomic_fetch_sub_explicit(&store->fill_bytes, size, memory_order_relaxed);
    return false;
}

/* --- fills --------------------------------------------------------------------------------- */

struct store_fill *store_fill_start(struct store_thread *thread, const struct store_key *key,
                                    const struct store_put *put, size_t value_size)
{
    struct store *store = thread->store;
    if (!hold_fill_bytes(store, value_size))
        return NULL;
    struct store_fill *fill = malloc(sizeof(*fill));
    if (fill == NULL) {
        atomic_fetch_sub_explicit(&store->fill_bytes, value_size, memory_order_relaxed);
        return NULL;
    }
    *fill =
        (struct store_fill){.store = store, .put = *put, .size = value_size, .key_size = key->size};
    memcpy(fill->key, key->at, key->size);
    return fill;
}

size_t store_fill_missing(const struct store_fill *fill)
{
    return fill->size - fill->received;
}

static uint32_t piece_entry_size(size_t payload)
{
    /* 4 more, so that the header can be moved to 4 modulo 8 */
    return (uint32_t)((PIECE_HEADER_SIZE + payload + 3) & ~(size_t)3) + 4;
}

/* Lays a piece into `size` bytes at `room`, with padding before or behind it as alignment asks. */
static char *lay_piece(struct segments *segments, char *room, uint32_t size, uint32_t payload)
{
    uint32_t lead = ((uintptr_t)room & 7) == 4 ? 0 : 4;
    char *piece = room + lead;
    if (payload > size - lead - PIECE_HEADER_SIZE)
        payload = size - lead - PIECE_HEADER_SIZE;
    piece_write(piece, payload);
    uint32_t used = lead + item_entry_size_at(piece);
    if (lead > 0)
        item_write_padding(room, lead);
    if (size > used)
        item_write_padding(room + used, size - used);
    atomic_fetch_add_explicit(&segments_of(segments, segments_place(segments, piece))->dead,
                              lead + size - used, memory_order_relaxed);
    return piece;
}

char *store_append_piece(struct store_thread *thread, struct lane *lane, size_t payload)
{
    struct segments *segments = &thread->store->segments;
    size_t most = segments->size - SEGMENT_START - PIECE_HEADER_SIZE - 4;
    uint32_t take = (uint32_t)(payload < most ? payload : most);
    uint32_t size = piece_entry_size(take);
    uint32_t size_min = piece_entry_size(take < PIECE_SIZE_MIN ? take : PIECE_SIZE_MIN);
    char *room = lane_append_some(lane, segments, size_min, &size);
    return room == NULL ? NULL : lay_piece(segments, room, size, take);
}

static bool add_piece(struct store_thread *thread, struct store_fill *fill)
{
    struct segments *segments = &thread->store->segments;
    struct lane *lane = thread->lanes[QUEUE_SMALL];
    char *piece;
    reclaim_pace(thread);
    while ((piece = store_append_piece(thread, lane, fill->size - fill->allocated)) == NULL)
        if (!store_make_room(thread, QUEUE_SMALL))
            return false;
    uint64_t place = segments_place(segments, piece);
    atomic_fetch_add_explicit(&segments_of(segments, place)->fills, 1, memory_order_relaxed);
    counter_add(&thread->counters.appended_bytes, item_entry_size_at(piece));
    if (fill->first_piece == PLACE_NONE)
        fill->first_piece = place;
    else
        piece_set_next(segments_at(segments, fill->last_piece), place);
    fill->last_piece = place;
    fill->room = (char *)piece_bytes(piece).at;
    fill->room_size = piece_bytes(piece).size;
    fill->allocated += fill->room_size;
    return true;
}

struct store_room store_fill_room(struct store_thread *thread, struct store_fill *fill)
{
    if (fill->room_size == 0 && fill->received < fill->size && !add_piece(thread, fill))
        return (struct store_room){NULL, 0};
    return (struct store_room){fill->room, fill->room_size};
}

void store_fill_advance(struct store_fill *fill, size_t size)
{
    CHECK(size <= fill->room_size);
    fill->room += size;
    fill->room_size -= size;
    fill->received += size;
}

static void pieces_set(struct store_fill *fill, enum item_state state, uint64_t owner)
{
    struct segments *segments = &fill->store->segments;
    for (uint64_t place = fill->first_piece; place != PLACE_NONE;) {
        char *piece = segments_at(segments, place);
        piece_set_owner(piece, owner);
        item_set_state(piece, state);
        if (state == ITEM_DEAD)
            atomic_fetch_add_explicit(&segments_of(segments, place)->dead,
                                      item_entry_size_at(piece), memory_order_relaxed);
        place = piece_next(piece);
    }
}

/* From now on the pieces' segments may be emptied; the chain is not looked at again. */
static void fill_end(struct store_fill *fill)
{
    struct segments *segments = &fill->store->segments;
    for (uint64_t place = fill->first_piece; place != PLACE_NONE;) {
        uint64_t next = piece_next(segments_at(segments, place));
        atomic_fetch_sub_explicit(&segments_of(segments, place)->fills, 1, memory_order_release);
        place = next;
    }
    atomic_fetch_sub_explicit(&fill->store->fill_bytes, fill->size, memory_order_relaxed);
    free(fill);
}

void store_fill_abandon(struct store_thread *thread, struct store_fill *fill)
{
    (void)thread;
    pieces_set(fill, ITEM_DEAD, PLACE_NONE);
    fill_end(fill);
}

/* The item's own entry comes last: from its publication on, the whole is there. Consumes fill. */
static enum store_outcome fill_publish(struct store_thread *thread, struct store_fill *fill,
                                       struct store_result *result)
{
    struct segments *segments = &thread->store->segments;
    struct store_key key = store_key_of(fill->key, fill->key_size);
    struct store_put put = fill->put;
    enum store_outcome outcome = STORE_NO_MEMORY;
    bool published;
    if (put.accept_older && !store_put_as_stale(thread, &key, &fill->put, &put))
        put = fill->put;
    struct item_shape shape = {
        .key_size = key.size,
        .value_size = fill->size,
        .client_flags = put.client_flags,
        .exptime = put.exptime,
        .cas = put.set_cas ? put.cas : 0,
        .first_piece = fill->first_piece,
        .marks = put.marks,
        .exptime_word = true, /* so that a touch never has to write it anew */
    };
    result->cas_to_carry = 0;
    do {
        if (result->cas_to_carry != 0)
            shape.cas = result->cas_to_carry;
        char *entry = store_allocate(thread, QUEUE_SMALL, item_entry_size(&shape));
        if (entry == NULL) {
            store_fill_abandon(thread, fill);
            return STORE_NO_MEMORY;
        }
        item_write(entry, &shape, key.at);
        pieces_set(fill, ITEM_LIVE, segments_place(segments, entry));
        published = store_publish(thread, &key, &put, entry, &outcome, result);
        if (outcome != STORE_STORED)
            store_discard(thread, entry);
    } while (!published);
    if (outcome != STORE_STORED)
        pieces_set(fill, ITEM_DEAD, PLACE_NONE);
    fill_end(fill);
    return outcome;
}

/* --- pins ---------------------------------------------------------------------------------- */

/* false: no memory. *room: how many `places` has room for. */
static bool pin_place(struct store_pin *pin, uint64_t place, size_t *room)
{
    struct segment *segment = segments_of(&pin->store->segments, place);
    if (pin->count == *room) {
        size_t more = *room == 0 ? 8 : *room * 2;
        uint64_t *places = realloc(pin->places, more * sizeof(places[0]));
        if (places == NULL)
            return false;
        pin->places = places;
        *room = more;
    }
    if (atomic_fetch_add_explicit(&segment->pins, 1, memory_order_relaxed) == 0) {
        atomic_fetch_add_explicit(&pin->store->pinned_segments, 1, memory_order_relaxed);
        pin->segments++;
    }
    pin->places[pin->count++] = place;
    return true;
}

static bool pin_copy(struct store_pin *pin, const struct store_item *item)
{
    pin->copy = malloc(item->value_size);
    pin->copy_size = item->value_size;
    if (pin->copy != NULL)
        memcpy(pin->copy, item->value, item->value_size);
    return pin->copy != NULL;
}

/* Walks the chain once only: a move can make two pieces of one meanwhile. */
static bool pin_pieces(struct store_pin *pin, uint64_t first_piece)
{
    size_t room = 0;
    bool pinned = true;
    for (uint64_t place = first_piece; pinned && place != PLACE_NONE;
         place = piece_next(segments_at(&pin->store->segments, place)))
        pinned = pin_place(pin, place, &room);
    return pinned;
}

/*
 * Segments that are pinned can't be emptied, so half of them must not be; one value may be, however
 * large. What lies in a segment that is pinned already costs nothing more.
 */
static bool pin_is_allowed(const struct store_pin *pin)
{
    uint64_t all = atomic_load_explicit(&pin->store->pinned_segments, memory_order_relaxed);
    return pin->segments == 0 || pin->segments == all ||
           all * pin->store->segments.size <= memory_size_of(pin->store) / 2;
}

bool store_pin(struct store_thread *thread, const struct store_item *item, struct store_pin *pin)
{
    struct item_view view = item_read(segments_at(&thread->store->segments, item->place));
    size_t room = 0;
    bool pinned;
    *pin = (struct store_pin){.store = thread->store};
    if (view.counter)
        pinned = pin_copy(pin, item);
    else if (view.first_piece != PLACE_NONE)
        pinned = pin_pieces(pin, view.first_piece);
    else
        pinned = pin_place(pin, item->place, &room);
    pinned = pinned && pin_is_allowed(pin);
    if (!pinned)
        store_unpin(pin);
    return pinned;
}

bool store_pin_next(struct store_pin *pin, struct slice *piece)
{
    if (UNLIKELY(pin->copy != NULL) && pin->next == 0) {
        *piece = (struct slice){pin->copy, pin->copy_size};
        pin->next = 1;
        return true;
    }
    if (pin->next >= pin->count)
        return false;
    char *entry = segments_at(&pin->store->segments, pin->places[pin->next++]);
    if (item_header_is_piece(item_header(entry))) {
        *piece = piece_bytes(entry);
    } else {
        struct item_view view = item_read(entry);
        *piece = (struct slice){view.value, view.value_size};
    }
    return true;
}

void store_unpin(struct store_pin *pin)
{
    struct store *store = pin->store;
    for (size_t i = 0; i < pin->count; i++) {
        struct segment *segment = segments_of(&store->segments, pin->places[i]);
        if (atomic_fetch_sub_explicit(&segment->pins, 1, memory_order_acq_rel) == 1)
            atomic_fetch_sub_explicit(&store->pinned_segments, 1, memory_order_relaxed);
    }
    free(pin->places);
    free(pin->copy);
    *pin = (struct store_pin){0};
}

/* --- append and prepend -------------------------------------------------------------------- */

struct joining {
    const struct store *store;
    const struct store_put *put;
    struct slice value;
    enum store_outcome refusal;
    bool in_pieces;
};

static bool may_join(struct joining *joining, const struct item_view *old, uint64_t added)
{
    const struct store_put *put = joining->put;
    if (put->compare_cas && !store_cas_is(joining->store, old, put->compare))
        joining->refusal = STORE_EXISTS;
    else if (!store_size_allowed(joining->store, old->key_size, old->value_size + added))
        joining->refusal = STORE_TOO_LARGE;
    else
        return true;
    return false;
}

static bool plan_join(void *context, const struct item_view *old, uint64_t slot,
                      struct item_shape *shape)
{
    struct joining *joining = context;
    (void)slot;
    if (!may_join(joining, old, joining->value.size))
        return false;
    uint64_t size = old->value_size + joining->value.size;
    joining->in_pieces = old->first_piece != PLACE_NONE || size > joining->store->inline_size_max;
    *shape = (struct item_shape){
        .key_size = old->key_size,
        .value_size = size,
        .client_flags = old->client_flags,
        .exptime = old->exptime,
        .cas = joining->put->set_cas ? joining->put->cas : 0,
        .marks = joining->put->marks,
    };
    return !joining->in_pieces;
}

static void write_join(void *context, const struct item_view *old, char *to)
{
    const struct joining *joining = context;
    bool append = joining->put->mode == STORE_APPEND;
    item_copy_value(to + (append ? 0 : joining->value.size), old);
    memcpy(to + (append ? old->value_size : 0), joining->value.at, joining->value.size);
}

static bool fill_with(struct store_thread *thread, struct store_fill *fill, struct slice bytes)
{
    while (bytes.size > 0) {
        struct store_room room = store_fill_room(thread, fill);
        if (room.at == NULL)
            return false;
        size_t size = room.size < bytes.size ? room.size : bytes.size;
        memcpy(room.at, bytes.at, size);
        store_fill_advance(fill, size);
        bytes = (struct slice){bytes.at + size, bytes.size - size};
    }
    return true;
}

static bool fill_with_pin(struct store_thread *thread, struct store_fill *fill,
                          struct store_pin *pin)
{
    struct slice piece;
    while (store_pin_next(pin, &piece))
        if (!fill_with(thread, fill, piece))
            return false;
    return true;
}

/* What is added: a slice, or the pieces of a fill (whose segments can't be emptied meanwhile). */
struct addition {
    struct slice value;
    const struct store_fill *fill;
};

static bool fill_with_addition(struct store_thread *thread, struct store_fill *fill,
                               const struct addition *addition)
{
    struct segments *segments = &thread->store->segments;
    if (addition->fill == NULL)
        return fill_with(thread, fill, addition->value);
    for (uint64_t place = addition->fill->first_piece; place != PLACE_NONE;
         place = piece_next(segments_at(segments, place)))
        if (!fill_with(thread, fill, piece_bytes(segments_at(segments, place))))
            return false;
    return true;
}

/* One try. STORE_EXISTS: the item changed meanwhile (the caller's compare was looked at before).
 * `old` was looked up with its cas unique, so that it is not counted in place any more. */
static enum store_outcome join_once(struct store_thread *thread, const struct store_key *key,
                                    const struct store_item *old, const struct store_put *put,
                                    const struct addition *addition, struct store_result *result)
{
    size_t added = addition->fill != NULL ? addition->fill->size : addition->value.size;
    struct store_put whole = {.mode = STORE_SET,
                              .client_flags = old->client_flags,
                              .exptime = old->exptime,
                              .cas = put->cas,
                              .set_cas = put->set_cas,
                              .want_cas = put->want_cas,
                              .marks = put->marks,
                              .expected = segments_cas(&thread->store->segments, old->place)};
    struct store_pin pin;
    if (!store_pin(thread, old, &pin))
        return STORE_NO_MEMORY;
    struct store_fill *fill = store_fill_start(thread, key, &whole, old->value_size + added);
    bool filled = fill != NULL;
    if (filled && put->mode == STORE_PREPEND)
        filled = fill_with_addition(thread, fill, addition) && fill_with_pin(thread, fill, &pin);
    else if (filled)
        filled = fill_with_pin(thread, fill, &pin) && fill_with_addition(thread, fill, addition);
    store_unpin(&pin);
    if (filled)
        return fill_publish(thread, fill, result);
    if (fill != NULL)
        store_fill_abandon(thread, fill);
    return STORE_NO_MEMORY;
}

static enum store_outcome join_in_pieces(struct store_thread *thread, const struct store_key *key,
                                         const struct store_put *put,
                                         const struct addition *addition,
                                         struct store_result *result)
{
    struct joining joining = {.store = thread->store, .put = put};
    size_t added = addition->fill != NULL ? addition->fill->size : addition->value.size;
    for (;;) {
        struct store_item old;
        if (store_get(thread, key, STORE_PEEK | STORE_WANT_CAS, &old) != STORE_HIT)
            return STORE_NOT_STORED;
        struct item_view view = item_read(segments_at(&thread->store->segments, old.place));
        if (!may_join(&joining, &view, added))
            return joining.refusal;
        enum store_outcome outcome = join_once(thread, key, &old, put, addition, result);
        if (outcome != STORE_EXISTS)
            return outcome;
    }
}

enum store_outcome store_join(struct store_thread *thread, const struct store_key *key,
                              const struct store_put *put, struct slice value,
                              struct store_result *result)
{
    struct store_rewrite how = {.plan = plan_join, .write = write_join, .want_cas = put->want_cas};
    struct joining joining = {.store = thread->store, .put = put, .value = value};
    struct store_item item;
    switch (store_rewrite(thread, key, &how, &joining, &item)) {
    case REWRITE_DONE:
        counter_add(&thread->counters.total_items, 1);
        *result = (struct store_result){.cas = item.cas, .value_size = item.value_size};
        return STORE_STORED;
    case REWRITE_MISS:
        return STORE_NOT_STORED;
    case REWRITE_NO_MEMORY:
        return STORE_NO_MEMORY;
    case REWRITE_REFUSED:
        break;
    }
    if (!joining.in_pieces)
        return joining.refusal;
    return join_in_pieces(thread, key, put, &(struct addition){.value = value}, result);
}

enum store_outcome store_fill_commit(struct store_thread *thread, struct store_fill *fill,
                                     struct store_result *result)
{
    CHECK(fill->received == fill->size);
    if (fill->put.mode != STORE_APPEND && fill->put.mode != STORE_PREPEND)
        return fill_publish(thread, fill, result);
    struct store_key key = store_key_of(fill->key, fill->key_size);
    enum store_outcome outcome =
        join_in_pieces(thread, &key, &fill->put, &(struct addition){.fill = fill}, result);
    if (outcome == STORE_NOT_STORED && fill->put.adds) {
        fill->put.mode = STORE_ADD; /* one that has come just now is as if it had been there last */
        fill->put.compare_cas = false;
        return fill_publish(thread, fill, result);
    }
    store_fill_abandon(thread, fill);
    return outcome;
}
