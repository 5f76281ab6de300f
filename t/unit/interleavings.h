#ifndef LARDER_INTERLEAVINGS_H
#define LARDER_INTERLEAVINGS_H

/*
 * Runs a few small programs that share some words in every order in which their steps can be taken,
 * on memory that is weaker than sequential consistency: each thread has a buffer of stores, which
 * come to memory in any order, but that those to one word stay in theirs, and a store with release
 * comes after all before it. A fence or a read-modify-write with release waits until the buffer is
 * empty. Loads happen in the order of the program.
 *
 * The words are those of test_store_interleavings.c, which defines take_step and check_end, and
 * calls find for whatever must not be. Without buffers the stores of one step come to memory as
 * one.
 */

#include "store_fixture.h"

enum {
    PLACES = 6,
    THREADS_MAX = 5,
    BUFFER_MAX = 8,
    HISTORY_MAX = 8,
};

/* --- words --------------------------------------------------------------------------------- */

enum {
    CELL_LOCK,
    CELL_SLOT,
    CELL_SEALED, /* the segment to which nobody may append any more */
    CELL_NOW,
    CELL_RAISED, /* how many uniques were raised */
    CELL_SEEN,
    CELL_ENTRIES = CELL_SEEN + THREADS_MAX,
};
enum { CELL_HEAD, CELL_FIRST, CELL_SECOND, CELL_COUNTER_SEEN, ENTRY_CELLS };
#define CELLS (CELL_ENTRIES + (PLACES + 1) * ENTRY_CELLS)

static uint8_t cell_of(uint8_t place, uint8_t which)
{
    return (uint8_t)(CELL_ENTRIES + place * ENTRY_CELLS + which);
}

/* the slot */
#define SLOT_PLACE 7
#define SLOT_OBSERVED 8
#define SLOT_HIT 16

/* an entry's header */
#define HEAD_OTHER_KEY 1
#define HEAD_COUNTER 2
#define HEAD_DEAD 4
#define HEAD_WRITTEN 8
#define HEAD_CAS_SHIFT 4 /* its own cas unique, or 0: its place is it */

#define RECYCLED 99

/* --- a state ------------------------------------------------------------------------------- */

struct pending {
    uint8_t cell;
    uint8_t value;
    uint8_t release;
};

struct actor {
    uint8_t role;
    uint8_t step;
    uint8_t fresh;  /* the place that it allocates */
    uint8_t victim; /* of a mover */
    uint8_t slot;   /* as read; and so on */
    uint8_t head;
    uint8_t first;
    uint8_t second;
    uint8_t unique;
    uint8_t at; /* in the history */
    uint8_t stamp;
    uint8_t other;
    uint8_t pending_count;
    struct pending pending[BUFFER_MAX];
};

struct world {
    uint8_t cells[CELLS];
    uint8_t history[HISTORY_MAX]; /* what the key was, in the order of the changes */
    uint8_t last;                 /* in the history */
    uint8_t acknowledged;         /* the last change that somebody may know of */
    struct actor actors[THREADS_MAX];
};

struct check {
    unsigned mutation; /* of the test: which rule is left out */
    bool weak;         /* stores wait in their buffers */
    const char *finding;
    uint64_t states;
    uint64_t *visited; /* a table of hashes; 0: empty */
    size_t visited_size;
};

static struct check check;

static void find(const char *finding)
{
    if (check.finding == NULL)
        check.finding = finding;
}

/* What a step comes to: the actor goes on, takes the same one again (if it has changed anything),
 * or has come to its end. */
enum taken { WAIT, NEXT, DONE };

#define STEP_DONE 255

/* Takes the actor's next step, of one access to a shared word. */
static enum taken take_step(struct world *world, struct actor *actor);

/* When all have come to their end. */
static void check_end(const struct world *world);

/* --- access to memory ---------------------------------------------------------------------- */

enum order { RELAXED, RELEASE };

static uint8_t load(const struct world *world, const struct actor *actor, uint8_t cell)
{
    for (unsigned i = actor->pending_count; i > 0; i--)
        if (actor->pending[i - 1].cell == cell)
            return actor->pending[i - 1].value;
    return world->cells[cell];
}

static void store(struct world *world, struct actor *actor, uint8_t cell, uint8_t value,
                  enum order order)
{
    if (!check.weak) {
        world->cells[cell] = value;
        return;
    }
    CHECK(actor->pending_count < BUFFER_MAX);
    actor->pending[actor->pending_count++] = (struct pending){cell, value, order == RELEASE};
}

static bool may_commit(const struct actor *actor, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (actor->pending[i].cell == actor->pending[index].cell)
            return false;
    return index == 0 || !actor->pending[index].release;
}

static void commit(struct world *world, struct actor *actor, unsigned index)
{
    world->cells[actor->pending[index].cell] = actor->pending[index].value;
    actor->pending_count--;
    memmove(&actor->pending[index], &actor->pending[index + 1],
            (actor->pending_count - index) * sizeof(actor->pending[0]));
    actor->pending[actor->pending_count] = (struct pending){0};
}

static bool is_drained(const struct actor *actor)
{
    return actor->pending_count == 0;
}

static bool has_pending(const struct actor *actor, uint8_t cell)
{
    for (unsigned i = 0; i < actor->pending_count; i++)
        if (actor->pending[i].cell == cell)
            return true;
    return false;
}

/* --- every order --------------------------------------------------------------------------- */

static bool add_visited(uint64_t hash)
{
    size_t at = hash >> 8 & (check.visited_size - 1);
    while (check.visited[at] != 0) {
        if (check.visited[at] == hash)
            return false;
        at = (at + 1) & (check.visited_size - 1);
    }
    check.visited[at] = hash;
    return true;
}

static void resize_visited(size_t size)
{
    uint64_t *before = check.visited;
    size_t size_before = check.visited_size;
    check.visited = calloc(size, sizeof(*check.visited));
    check.visited_size = size;
    assert_non_null(check.visited);
    for (size_t i = 0; i < size_before; i++)
        if (before[i] != 0)
            add_visited(before[i]);
    free(before);
}

/* Of a state only its hash is kept: two with the same would hide one, once in 10^6 runs. */
static bool visit_first(const struct world *world)
{
    if (!add_visited(hash_key((const char *)world, sizeof(*world)) | 1))
        return false;
    if (++check.states > check.visited_size / 2)
        resize_visited(check.visited_size * 2);
    return true;
}

static void explore(const struct world *world);

static bool explore_step(const struct world *world, unsigned number)
{
    struct world after = *world;
    struct actor *actor = &after.actors[number];
    if (actor->step == STEP_DONE)
        return false;
    switch (take_step(&after, actor)) {
    case NEXT:
        actor->step++;
        break;
    case DONE:
        actor->step = STEP_DONE;
        break;
    case WAIT:
        break;
    }
    if (memcmp(&after, world, sizeof(after)) == 0)
        return false;
    explore(&after);
    return true;
}

static void explore(const struct world *world)
{
    bool moved = false, done = true;
    if (check.finding != NULL || !visit_first(world))
        return;
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        const struct actor *actor = &world->actors[i];
        done &= actor->step == STEP_DONE;
        moved |= explore_step(world, i);
        for (unsigned index = 0; index < actor->pending_count; index++)
            if (may_commit(actor, index)) {
                struct world after = *world;
                commit(&after, &after.actors[i], index);
                explore(&after);
                moved = true;
            }
    }
    if (!moved && !done)
        find("nobody can go on");
    if (!moved && done)
        check_end(world);
}

#endif
