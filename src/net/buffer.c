#include "config.h"

#include "net/buffer.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CAPACITY_STEP 64
#define CAPACITY_WASTE_MIN                                                                         \
    4096 /* a larger buffer that is mostly empty is exchanged for a smaller one */
#define RESERVE_PARTS 32
#define TRIM_STEP ((size_t)512 << 10) /* bytes freed that are worth a trim */
#define GROWTH_MIN 16384              /* where doubling starts */
#define ALLOCATION_OVERHEAD 16u       /* what malloc adds, roughly */

/* Larger ones are mapped one by one: malloc would keep the holes that they leave, as much again. */
#define MAPPED_FROM 8192
#define PAGE_SIZE_GUESS 4096

static size_t cost_of(size_t capacity)
{
    if (capacity >= MAPPED_FROM)
        return (sizeof(struct buffer) + capacity + PAGE_SIZE_GUESS - 1) / PAGE_SIZE_GUESS *
               PAGE_SIZE_GUESS;
    return sizeof(struct buffer) + capacity + ALLOCATION_OVERHEAD;
}

static struct buffer *allocate(size_t capacity)
{
    if (capacity < MAPPED_FROM)
        return malloc(sizeof(struct buffer) + capacity);
    void *memory =
        mmap(NULL, cost_of(capacity), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* What a client has sent may be a password. */
static void deallocate(struct buffer *buffer)
{
    if (buffer->capacity < MAPPED_FROM) {
        explicit_bzero(buffer->bytes, buffer->capacity);
        free(buffer);
    } else {
        munmap(buffer, cost_of(buffer->capacity));
    }
}

static bool take(struct buffer_budget *budget, size_t bytes, size_t bytes_max)
{
    size_t before = atomic_fetch_add_explicit(&budget->bytes, bytes, memory_order_relaxed);
    if (before + bytes <= bytes_max)
        return true;
    atomic_fetch_sub_explicit(&budget->bytes, bytes, memory_order_relaxed);
    return false;
}

bool buffer_budget_take(struct buffer_budget *budget, size_t bytes)
{
    return take(budget, bytes, budget->bytes_max);
}

bool buffer_budget_take_for_client(struct buffer_budget *budget, size_t bytes)
{
    size_t before = buffer_budget_bytes(budget);
    size_t left = before < budget->bytes_max ? budget->bytes_max - before : 0;
    bool is_small = bytes <= left / RESERVE_PARTS;
    return take(budget, bytes, budget->bytes_max - (is_small ? 0 : budget->bytes_max / 4));
}

void buffer_budget_give_back(struct buffer_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->bytes, bytes, memory_order_relaxed);
}

size_t buffer_budget_bytes(struct buffer_budget *budget)
{
    return atomic_load_explicit(&budget->bytes, memory_order_relaxed);
}

bool buffer_budget_is_short(struct buffer_budget *budget)
{
    return buffer_budget_bytes(budget) > budget->bytes_max / 2;
}

bool buffer_budget_is_exceeded(struct buffer_budget *budget)
{
    return buffer_budget_bytes(budget) > budget->bytes_max;
}

void buffer_budget_set_room(struct buffer_budget *budget, size_t room)
{
    atomic_store_explicit(&budget->room, room, memory_order_relaxed);
}

bool buffer_budget_has_room(struct buffer_budget *budget, size_t bytes)
{
    size_t room = atomic_load_explicit(&budget->room, memory_order_relaxed);
    return bytes == 0 ||
           buffer_budget_bytes(budget) + bytes <= (room > BUFFER_ROOM_MIN ? room : BUFFER_ROOM_MIN);
}

void buffer_budget_add(struct buffer_budget *budget, ptrdiff_t bytes)
{
    atomic_fetch_add_explicit(&budget->bytes, (size_t)bytes, memory_order_relaxed);
}

/*
 * Small pieces that were freed stay in malloc's heaps, one for each worker; only the ends of heaps
 * are given back unasked. A thousand connections that go leave some MiB behind, with TLS some 15.
 */
void buffer_budget_trim(struct buffer_budget *budget)
{
#ifdef HAVE_MALLOC_TRIM
    size_t now = buffer_budget_bytes(budget);
    size_t then = atomic_load_explicit(&budget->bytes_at_trim, memory_order_relaxed);
    bool much = then > now && then - now >= TRIM_STEP;
    if (!much && now <= then)
        return;
    if (atomic_compare_exchange_strong(&budget->bytes_at_trim, &then, now) && much)
        malloc_trim(0);
#else
    (void)budget;
#endif
}

static struct buffer *buffer_create(struct buffer_budget *budget, size_t capacity)
{
    if (capacity > BUFFER_SIZE_MAX || !buffer_budget_take_for_client(budget, cost_of(capacity)))
        return NULL;
    struct buffer *buffer = allocate(capacity);
    if (buffer == NULL) {
        buffer_budget_give_back(budget, cost_of(capacity));
        return NULL;
    }
    *buffer = (struct buffer){.capacity = (uint32_t)capacity};
    return buffer;
}

void buffer_free(struct buffer **buffer, struct buffer_budget *budget)
{
    if (*buffer == NULL)
        return;
    buffer_budget_give_back(budget, cost_of((*buffer)->capacity));
    deallocate(*buffer);
    *buffer = NULL;
}

bool buffer_holds(const struct buffer *buffer, const char *at)
{
    return buffer != NULL && (uintptr_t)at >= (uintptr_t)buffer->bytes &&
           (uintptr_t)at <= (uintptr_t)(buffer->bytes + buffer->capacity);
}

static bool is_mostly_empty(const struct buffer *buffer, size_t size)
{
    return buffer->capacity > CAPACITY_WASTE_MIN && size < buffer->capacity / 4;
}

/* Moves `bytes` into a new buffer and frees the old one. */
static bool exchange_buffer(struct buffer **buffer, struct buffer_budget *budget,
                            struct slice bytes, size_t capacity)
{
    struct buffer *fresh = buffer_create(budget, capacity);
    if (fresh == NULL)
        return false;
    if (bytes.size > 0)
        memcpy(fresh->bytes, bytes.at, bytes.size);
    fresh->end = (uint32_t)bytes.size;
    buffer_free(buffer, budget);
    *buffer = fresh;
    return true;
}

size_t buffer_growth(const struct buffer *buffer, struct slice bytes)
{
    size_t capacity = buffer == NULL ? 0 : buffer->capacity;
    return bytes.size > capacity ? cost_of(bytes.size) : 0;
}

bool buffer_keep(struct buffer **buffer, struct buffer_budget *budget, struct slice bytes)
{
    struct buffer *old = *buffer;
    if (bytes.size == 0) {
        buffer_free(buffer, budget);
        return true;
    }
    if (old == NULL || bytes.size > old->capacity || is_mostly_empty(old, bytes.size)) {
        size_t capacity = (bytes.size + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
        if (exchange_buffer(buffer, budget, bytes, capacity))
            return true;
        if (old == NULL || bytes.size > old->capacity)
            return false;
    }
    if (buffer_holds(old, bytes.at)) {
        old->start = (uint32_t)(bytes.at - old->bytes);
    } else {
        memcpy(old->bytes, bytes.at, bytes.size);
        old->start = 0;
    }
    old->end = old->start + (uint32_t)bytes.size;
    return true;
}

bool buffer_grow(struct buffer **buffer, struct buffer_budget *budget, size_t wanted)
{
    struct slice held = buffer_slice(*buffer);
    size_t target = held.size * 2 > GROWTH_MIN ? held.size * 2 : GROWTH_MIN;
    bool end_is_known = wanted >= held.size + GROWTH_MIN; /* or else just "some more" */
    if (end_is_known && target > wanted)
        target = wanted;
    if (*buffer == NULL || (*buffer)->capacity < target)
        return exchange_buffer(buffer, budget, held, target);
    if ((*buffer)->start > 0) {
        memmove((*buffer)->bytes, held.at, held.size);
        (*buffer)->start = 0;
        (*buffer)->end = (uint32_t)held.size;
    }
    return true;
}
