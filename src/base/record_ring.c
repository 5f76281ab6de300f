#include "config.h"

#include "base/record_ring.h"

#include <stdlib.h>

struct record_head {
    uint32_t size; /* of what follows */
    uint32_t kind;
};

bool record_ring_start(struct record_ring *ring, size_t capacity)
{
    char *bytes = malloc(capacity);
    if (bytes == NULL)
        return false;
    ring->bytes = bytes;
    ring->capacity = capacity;
    return true;
}

void record_ring_end(struct record_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
    ring->capacity = 0;
}

static size_t bytes_to_end(const struct record_ring *ring, size_t offset, size_t size)
{
    return size < ring->capacity - offset ? size : ring->capacity - offset;
}

static void copy_in(struct record_ring *ring, uint64_t position, const void *from, size_t size)
{
    size_t offset = position % ring->capacity;
    size_t first = bytes_to_end(ring, offset, size);
    memcpy(ring->bytes + offset, from, first);
    memcpy(ring->bytes, (const char *)from + first, size - first);
}

static void copy_out(const struct record_ring *ring, uint64_t position, void *to, size_t size)
{
    size_t offset = position % ring->capacity;
    size_t first = bytes_to_end(ring, offset, size);
    memcpy(to, ring->bytes + offset, first);
    memcpy((char *)to + first, ring->bytes, size - first);
}

bool record_ring_add(struct record_ring *ring, uint32_t kind, struct slice record)
{
    struct record_head head = {(uint32_t)record.size, kind};
    uint64_t added = atomic_load_explicit(&ring->added, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    if (ring->capacity - (size_t)(added - taken) < sizeof(head) + record.size)
        return false;
    copy_in(ring, added, &head, sizeof(head));
    copy_in(ring, added + sizeof(head), record.at, record.size);
    atomic_store_explicit(&ring->added, added + sizeof(head) + record.size, memory_order_release);
    return true;
}

size_t record_ring_take(struct record_ring *ring, char *to, size_t room)
{
    uint64_t added = atomic_load_explicit(&ring->added, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint64_t position = taken;
    while (position < added) {
        struct record_head head;
        copy_out(ring, position, &head, sizeof(head));
        if (room - (size_t)(position - taken) < sizeof(head) + head.size)
            break;
        copy_out(ring, position, to + (position - taken), sizeof(head) + head.size);
        position += sizeof(head) + head.size;
    }
    atomic_store_explicit(&ring->taken, position, memory_order_release);
    return (size_t)(position - taken);
}

bool record_next(struct slice *records, uint32_t *kind, struct slice *record)
{
    struct record_head head;
    if (records->size < sizeof(head))
        return false;
    memcpy(&head, records->at, sizeof(head));
    *kind = head.kind;
    *record = (struct slice){records->at + sizeof(head), head.size};
    *records = (struct slice){record->at + head.size, records->size - sizeof(head) - head.size};
    return true;
}
