#ifndef LARDER_BUFFER_H
#define LARDER_BUFFER_H

/*
 * A connection's own buffer: input that is not complete yet, or output that the socket did not
 * take. Most connections own none. What all of them take together stays within a budget.
 *
 * Threads: a buffer belongs to one worker; the budget is shared by all.
 *
 * Ownership: a `struct buffer *` variable owns what it points to; NULL is an empty buffer.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer_budget {
    /* set once at creation */
    size_t bytes_max;

    /* any thread; relaxed: a plain sum that orders nothing else */
    _Atomic size_t bytes;
    _Atomic size_t room;          /* what memory had room for when a worker looked last */
    _Atomic size_t bytes_at_trim; /* the sum then, or when it was larger since */
};

/* So much always has room: the smallest budget, and what a process takes more or less. */
#define BUFFER_ROOM_MIN ((size_t)1 << 20)

struct buffer {
    uint32_t start; /* of the bytes held */
    uint32_t end;
    uint32_t capacity;
    char bytes[];
};

#define BUFFER_SIZE_MAX (64u << 20)

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    if (buffer == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){buffer->bytes + buffer->start, buffer->end - buffer->start};
}

/* Whether `at` points into the buffer. */
bool buffer_holds(const struct buffer *buffer, const char *at);

/*
 * Makes the buffer hold exactly `bytes`, which may lie inside it. No bytes: frees it. false: the
 * budget or the memory is used up, and the buffer is as it was.
 */
MUST_USE bool buffer_keep(struct buffer **buffer, struct buffer_budget *budget, struct slice bytes);

/*
 * Makes room behind the bytes held: twice as much in all, but no more than `wanted` when that tells
 * the size of what is to come (and is not just a byte more). false: as above.
 */
MUST_USE bool buffer_grow(struct buffer **buffer, struct buffer_budget *budget, size_t wanted);

void buffer_free(struct buffer **buffer, struct buffer_budget *budget);

/* For others whose memory counts with the buffers'. false: there is not as much left. */
MUST_USE bool buffer_budget_take(struct buffer_budget *budget, size_t bytes);
void buffer_budget_give_back(struct buffer_budget *budget, size_t bytes);

/*
 * What a client makes necessary, as its buffers do. The last quarter of the budget is for those
 * who send and read as usual when others hoard: the less is left, the less can be had at once.
 */
MUST_USE bool buffer_budget_take_for_client(struct buffer_budget *budget, size_t bytes);

/* Memory has room now for so many bytes in all. */
void buffer_budget_set_room(struct buffer_budget *budget, size_t room);

/* There is room for so many more, as far as is known. */
bool buffer_budget_has_room(struct buffer_budget *budget, size_t bytes);

/* Bytes that have to be had for buffer_keep, more than the buffer has. */
size_t buffer_growth(const struct buffer *buffer, struct slice bytes);

/* More than half of the budget is in use; more than all of it. */
bool buffer_budget_is_short(struct buffer_budget *budget);
bool buffer_budget_is_exceeded(struct buffer_budget *budget);

/* Gives the system back what malloc keeps of what was freed, if that is much. */
void buffer_budget_trim(struct buffer_budget *budget);

/* Counts memory that is no buffer, even beyond the budget; negative: that was freed. */
void buffer_budget_add(struct buffer_budget *budget, ptrdiff_t bytes);
size_t buffer_budget_bytes(struct buffer_budget *budget);

#endif
