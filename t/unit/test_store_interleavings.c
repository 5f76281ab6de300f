/*
 * A model check: the steps that look-up, replacement, counting in place, gets with cas, moving and
 * reuse of memory take on the words that they share, in every order in which several threads can
 * take them. doc/ARCHITECTURE.md says in words why none of those orders is wrong; here each is
 * tried. Whatever the protocol asks for is also left out once, on purpose, and must be missed.
 *
 * The model: one key, its slot and its lock; six places for an entry, each a segment of its own; a
 * number in one word, a text in two that must agree. Place 1 holds the item at first. Three threads
 * run with buffers of stores, four (for time's sake) without.
 */

#include "config.h"

#include "interleavings.h"

/* --- what is left out ---------------------------------------------------------------------- */

enum mutation { /* mutation_names says what each is */
                NOTHING,
                PUBLISH_RELAXED,
                UNLOCK_RELAXED,
                EPOCH_STORED,
                NO_GRACE,
                STAMP_BEFORE_UNLINK,
                NO_SEAL_STAMP,
                MOVE_BLINDLY,
                MOVE_COPIES_UNLOCKED,
                MOVE_FORGETS_CAS,
                CHANGE_SINKS,
                CHANGE_FORGETS_CAS,
                COUNT_UNLOCKED,
                COUNT_OBSERVED,
                COUNT_IN_TWO_WORDS,
                OBSERVE_UNLOCKED,
                OBSERVE_AFTER,
                MUTATIONS,
};

enum role { ROLE_NONE, ROLE_READ, ROLE_REPLACE, ROLE_COUNT, ROLE_CAS, ROLE_MOVE };

static bool left_out(enum mutation mutation)
{
    return check.mutation == mutation;
}

/* --- what all of them do ------------------------------------------------------------------- */

static bool try_lock(struct world *world, struct actor *actor)
{
    if (has_pending(actor, CELL_LOCK) || world->cells[CELL_LOCK] != 0)
        return false;
    world->cells[CELL_LOCK] = 1;
    return true;
}

static void unlock(struct world *world, struct actor *actor)
{
    store(world, actor, CELL_LOCK, 0, left_out(UNLOCK_RELAXED) ? RELAXED : RELEASE);
}

static uint8_t seen_cell(const struct world *world, const struct actor *actor)
{
    return (uint8_t)(CELL_SEEN + (actor - world->actors));
}

static bool publish_epoch(struct world *world, struct actor *actor)
{
    if (left_out(EPOCH_STORED)) {
        store(world, actor, seen_cell(world, actor), actor->stamp, RELEASE);
        return true;
    }
    if (!is_drained(actor))
        return false;
    world->cells[seen_cell(world, actor)] = actor->stamp;
    return true;
}

/* Segments are not opened in the order of their places. */
static const uint8_t unique_of_place[PLACES + 1] = {0, 4, 3, 2, 5, 1, 6};
#define UNIQUE_RAISED 8 /* above all those */

static uint8_t unique_of(uint8_t place, uint8_t head)
{
    uint8_t own = head >> HEAD_CAS_SHIFT;
    return own != 0 ? own : unique_of_place[place];
}

/* The unique that the fresh entry has to carry, in place of what the slot and its entry's head were
 * read as; 0: its place's is larger. */
static uint8_t rising_unique(struct world *world, const struct actor *actor)
{
    uint8_t before = unique_of(actor->slot & SLOT_PLACE, actor->head);
    if (!(actor->slot & SLOT_OBSERVED) && actor->head >> HEAD_CAS_SHIFT == 0)
        return 0;
    if (unique_of_place[actor->fresh] > before || left_out(CHANGE_SINKS))
        return 0;
    return UNIQUE_RAISED + world->cells[CELL_RAISED]++;
}

/* The key changes, under its lock. `from`: what the change was made from, or 0. */
static void change(struct world *world, struct actor *actor, uint8_t from, uint8_t to)
{
    if (from != 0 && world->history[world->last] != from)
        find("an acknowledged change is lost");
    CHECK(world->last + 1 < HISTORY_MAX);
    world->history[++world->last] = to;
    actor->at = world->last;
}

/* The reply goes out: whoever asks from now on must find this change or a later one. */
static bool acknowledge(struct world *world, struct actor *actor)
{
    if (!is_drained(actor))
        return false;
    if (actor->at > world->acknowledged)
        world->acknowledged = actor->at;
    return true;
}

/* A look-up that began when `since` was acknowledged has come out as what the actor has read. */
static void answer(const struct world *world, const struct actor *actor, uint8_t since)
{
    bool text = !(actor->head & HEAD_COUNTER);
    if (actor->head & HEAD_OTHER_KEY || actor->first == RECYCLED || actor->second == RECYCLED ||
        !(actor->head & HEAD_WRITTEN))
        find("a reader has what is not its item");
    else if (text && actor->first != actor->second)
        find("a reader has a mixture of two values");
    for (unsigned i = since; i <= world->last; i++)
        if (world->history[i] == actor->first)
            return;
    find("a reader has a value that was overwritten before it asked");
}

static void write_head(struct world *world, struct actor *actor, uint8_t place, uint8_t head)
{
    store(world, actor, cell_of(place, CELL_HEAD), head | HEAD_WRITTEN, RELAXED);
}

static void write_entry(struct world *world, struct actor *actor, uint8_t place, uint8_t head,
                        uint8_t value)
{
    write_head(world, actor, place, head);
    store(world, actor, cell_of(place, CELL_FIRST), value, RELAXED);
    if (!(head & HEAD_COUNTER))
        store(world, actor, cell_of(place, CELL_SECOND), value, RELAXED);
}

static void set_slot(struct world *world, struct actor *actor, uint8_t slot)
{
    store(world, actor, CELL_SLOT, slot, left_out(PUBLISH_RELAXED) ? RELAXED : RELEASE);
}

static void mark_dead(struct world *world, struct actor *actor, uint8_t place)
{
    uint8_t head = load(world, actor, cell_of(place, CELL_HEAD));
    store(world, actor, cell_of(place, CELL_HEAD), head | HEAD_DEAD, RELEASE);
}

static uint8_t place_in(uint8_t slot)
{
    return slot & SLOT_PLACE;
}

static uint8_t read_cell(const struct world *world, const struct actor *actor, uint8_t which)
{
    return load(world, actor, cell_of(place_in(actor->slot), which));
}

/* --- the programs: each step touches one shared word at most ------------------------------- */

#define TURN_STEPS 2

static enum taken begin_turn(struct world *world, struct actor *actor)
{
    if (actor->step == 0) {
        actor->stamp = load(world, actor, CELL_NOW);
        return NEXT;
    }
    return publish_epoch(world, actor) ? NEXT : WAIT;
}

static enum taken end_turn(struct world *world, struct actor *actor)
{
    store(world, actor, seen_cell(world, actor), 0, RELEASE);
    return DONE;
}

static enum taken step_read(struct world *world, struct actor *actor)
{
    switch (actor->step - TURN_STEPS) {
    case 0:
        actor->at = world->acknowledged;
        actor->slot = load(world, actor, CELL_SLOT);
        return NEXT;
    case 1:
        actor->head = read_cell(world, actor, CELL_HEAD);
        return NEXT;
    case 2:
        actor->first = read_cell(world, actor, CELL_FIRST);
        return NEXT;
    case 3:
        actor->second = read_cell(world, actor, CELL_SECOND);
        answer(world, actor, actor->at);
        return NEXT;
    case 4:
        if (world->cells[CELL_SLOT] == actor->slot)
            world->cells[CELL_SLOT] |= SLOT_HIT;
        return NEXT;
    }
    return end_turn(world, actor);
}

static uint8_t value_of_replacement(const struct actor *actor)
{
    return (uint8_t)(40 + 8 * actor->fresh);
}

/* The slot remembers whether a unique of the key was seen. */
static void link_fresh(struct world *world, struct actor *actor)
{
    uint8_t seen = left_out(CHANGE_FORGETS_CAS) ? 0 : actor->slot & SLOT_OBSERVED;
    set_slot(world, actor, actor->fresh | seen);
}

/* (The store lets go of the lock if a unique is needed, and writes a larger entry.) */
static void replace(struct world *world, struct actor *actor, uint8_t head, uint8_t value)
{
    uint8_t unique = rising_unique(world, actor);
    if (unique != 0)
        write_head(world, actor, actor->fresh, head | (uint8_t)(unique << HEAD_CAS_SHIFT));
    link_fresh(world, actor);
    change(world, actor, 0, value);
}

static enum taken step_replace(struct world *world, struct actor *actor)
{
    switch (actor->step - TURN_STEPS) {
    case 0:
        if (world->cells[CELL_SEALED] == actor->fresh)
            actor->fresh = PLACES;
        return NEXT;
    case 1:
        write_entry(world, actor, actor->fresh, 0, value_of_replacement(actor));
        return NEXT;
    case 2:
        return try_lock(world, actor) ? NEXT : WAIT;
    case 3:
        actor->slot = load(world, actor, CELL_SLOT);
        return NEXT;
    case 4:
        actor->head = read_cell(world, actor, CELL_HEAD);
        return NEXT;
    case 5:
        replace(world, actor, 0, value_of_replacement(actor));
        return NEXT;
    case 6:
        mark_dead(world, actor, place_in(actor->slot));
        return NEXT;
    case 7:
        unlock(world, actor);
        return NEXT;
    case 8:
        return acknowledge(world, actor) ? NEXT : WAIT;
    }
    return end_turn(world, actor);
}

static bool counts_in_place(const struct actor *actor)
{
    if (left_out(COUNT_IN_TWO_WORDS))
        return true;
    return actor->head & HEAD_COUNTER && actor->head >> HEAD_CAS_SHIFT == 0 &&
           (left_out(COUNT_OBSERVED) || actor->second == 0);
}

static enum taken step_count(struct world *world, struct actor *actor)
{
    bool locks = !left_out(COUNT_UNLOCKED);
    uint8_t place = place_in(actor->slot);
    switch (actor->step - TURN_STEPS) {
    case 0:
        return !locks || try_lock(world, actor) ? NEXT : WAIT;
    case 1:
        actor->slot = load(world, actor, CELL_SLOT);
        return NEXT;
    case 2:
        actor->head = read_cell(world, actor, CELL_HEAD);
        return NEXT;
    case 3:
        actor->first = read_cell(world, actor, CELL_FIRST);
        return NEXT;
    case 4:
        actor->second = read_cell(world, actor, CELL_COUNTER_SEEN);
        return NEXT;
    case 5:
        change(world, actor, actor->first, actor->first + 1);
        if (counts_in_place(actor)) {
            store(world, actor, cell_of(place, CELL_FIRST), actor->first + 1, RELAXED);
            if (!(actor->head & HEAD_COUNTER))
                store(world, actor, cell_of(place, CELL_SECOND), actor->first + 1, RELAXED);
        } else {
            uint8_t unique = rising_unique(world, actor);
            write_entry(world, actor, actor->fresh,
                        HEAD_COUNTER | (uint8_t)(unique << HEAD_CAS_SHIFT), actor->first + 1);
            link_fresh(world, actor);
            mark_dead(world, actor, place);
        }
        return NEXT;
    case 6:
        if (locks)
            unlock(world, actor);
        return NEXT;
    case 7:
        return acknowledge(world, actor) ? NEXT : WAIT;
    }
    return end_turn(world, actor);
}

/* gets, and a cas with what it gave. */
static enum taken step_observe(struct world *world, struct actor *actor)
{
    bool locks = !left_out(OBSERVE_UNLOCKED);
    switch (actor->step - TURN_STEPS) {
    case 0:
        actor->at = world->acknowledged;
        actor->slot = load(world, actor, CELL_SLOT);
        return NEXT;
    case 1:
        if (left_out(OBSERVE_AFTER))
            actor->first = read_cell(world, actor, CELL_FIRST);
        return NEXT;
    case 2:
        return !locks || try_lock(world, actor) ? NEXT : WAIT;
    case 3:
        actor->slot = world->cells[CELL_SLOT] |= SLOT_OBSERVED;
        return NEXT;
    case 4:
        store(world, actor, cell_of(place_in(actor->slot), CELL_COUNTER_SEEN), 1, RELAXED);
        return NEXT;
    case 5:
        if (locks)
            unlock(world, actor);
        return NEXT;
    case 6:
        actor->head = read_cell(world, actor, CELL_HEAD);
        return NEXT;
    case 7:
        if (!left_out(OBSERVE_AFTER))
            actor->first = read_cell(world, actor, CELL_FIRST);
        return NEXT;
    case 8:
        actor->second = read_cell(world, actor, CELL_SECOND);
        answer(world, actor, actor->at);
        actor->unique = unique_of(place_in(actor->slot), actor->head);
        return NEXT;
    }
    store(world, actor, seen_cell(world, actor), 0, RELEASE);
    return NEXT;
}

#define OBSERVE_STEPS (TURN_STEPS + 10)

static void compare_and_set(struct world *world, struct actor *actor)
{
    uint8_t unique = unique_of(place_in(actor->slot), actor->head);
    bool unchanged = unique == actor->unique;
    if (unchanged && world->history[world->last] != actor->first)
        find("a cas unique stood for two values");
    if (!unchanged && world->history[world->last] == actor->first)
        find("a cas found another unique though nothing had changed");
    if (unique < actor->unique)
        find("a later value has a smaller cas unique");
    if (!unchanged)
        return;
    replace(world, actor, 0, 60);
    mark_dead(world, actor, place_in(actor->slot));
}

static enum taken step_cas(struct world *world, struct actor *actor)
{
    if (actor->step < OBSERVE_STEPS)
        return step_observe(world, actor);
    switch (actor->step - OBSERVE_STEPS) {
    case 0:
        actor->stamp = load(world, actor, CELL_NOW);
        return NEXT;
    case 1:
        return publish_epoch(world, actor) ? NEXT : WAIT;
    case 2:
        write_entry(world, actor, actor->fresh, 0, 60);
        return NEXT;
    case 3:
        return try_lock(world, actor) ? NEXT : WAIT;
    case 4:
        actor->slot = load(world, actor, CELL_SLOT);
        return NEXT;
    case 5:
        actor->head = read_cell(world, actor, CELL_HEAD);
        return NEXT;
    case 6:
        compare_and_set(world, actor);
        return NEXT;
    case 7:
        unlock(world, actor);
        return NEXT;
    case 8:
        return acknowledge(world, actor) ? NEXT : WAIT;
    }
    return end_turn(world, actor);
}

/* --- moving and reuse ---------------------------------------------------------------------- */

/* What is unlinked until now. */
static bool stamp(struct world *world, struct actor *actor)
{
    if (!is_drained(actor))
        return false;
    actor->stamp = ++world->cells[CELL_NOW];
    actor->other = 0;
    return true;
}

/* One look at one other thread's epoch. true: all have passed the stamp. The mover itself has
 * begun a new turn by then. */
static bool look_passed(const struct world *world, struct actor *actor)
{
    if (&world->actors[actor->other] != actor) {
        uint8_t seen = world->cells[CELL_SEEN + actor->other];
        if (seen != 0 && seen < actor->stamp)
            return false;
    }
    return ++actor->other == THREADS_MAX;
}

static void copy_entry(struct world *world, struct actor *actor)
{
    uint8_t place = actor->victim;
    bool keeps = actor->slot & SLOT_OBSERVED && !left_out(MOVE_FORGETS_CAS);
    uint8_t cas = keeps ? unique_of(place, actor->head) : actor->head >> HEAD_CAS_SHIFT;
    uint8_t second = actor->head & HEAD_COUNTER ? actor->first : actor->second;
    store(world, actor, cell_of(actor->fresh, CELL_HEAD),
          (uint8_t)(cas << HEAD_CAS_SHIFT) | HEAD_WRITTEN, RELAXED);
    store(world, actor, cell_of(actor->fresh, CELL_FIRST), actor->first, RELAXED);
    store(world, actor, cell_of(actor->fresh, CELL_SECOND), second, RELAXED);
    set_slot(world, actor, (load(world, actor, CELL_SLOT) & ~SLOT_PLACE) | actor->fresh);
    mark_dead(world, actor, place);
}

enum {
    MOVE_CLOSE,
    MOVE_SEAL,
    MOVE_SEALED,
    MOVE_LOOK,
    MOVE_READ_UNLOCKED,
    MOVE_LOCK,
    MOVE_READ_SLOT,
    MOVE_READ_FIRST,
    MOVE_READ_SECOND,
    MOVE_COPY,
    MOVE_UNLOCK,
    MOVE_STAMP,
    MOVE_WAIT,
    MOVE_REUSE,
};

static enum taken go_to(struct actor *actor, uint8_t step)
{
    actor->step = step;
    return WAIT; /* stays there */
}

static void read_victim(const struct world *world, struct actor *actor)
{
    actor->first = load(world, actor, cell_of(actor->victim, CELL_FIRST));
    actor->second = load(world, actor, cell_of(actor->victim, CELL_SECOND));
}

/* The item, if it is still there, is copied and its slot changed, all under the lock. */
static enum taken step_copying(struct world *world, struct actor *actor)
{
    switch (actor->step) {
    case MOVE_LOCK:
        return try_lock(world, actor) ? NEXT : WAIT;
    case MOVE_READ_SLOT:
        actor->slot = load(world, actor, CELL_SLOT);
        if (place_in(actor->slot) != actor->victim && !left_out(MOVE_BLINDLY))
            return go_to(actor, MOVE_UNLOCK);
        return left_out(MOVE_COPIES_UNLOCKED) ? go_to(actor, MOVE_COPY) : NEXT;
    case MOVE_READ_FIRST:
        actor->first = load(world, actor, cell_of(actor->victim, CELL_FIRST));
        return NEXT;
    case MOVE_READ_SECOND:
        actor->second = load(world, actor, cell_of(actor->victim, CELL_SECOND));
        return NEXT;
    case MOVE_COPY:
        copy_entry(world, actor);
        return NEXT;
    }
    unlock(world, actor);
    return NEXT;
}

static enum taken step_move(struct world *world, struct actor *actor)
{
    switch (actor->step) {
    case MOVE_CLOSE:
        world->cells[CELL_SEALED] = actor->victim;
        return NEXT;
    case MOVE_SEAL:
        return stamp(world, actor) ? NEXT : WAIT;
    case MOVE_SEALED:
        return left_out(NO_SEAL_STAMP) || look_passed(world, actor) ? NEXT : WAIT;
    case MOVE_LOOK:
        actor->head = load(world, actor, cell_of(actor->victim, CELL_HEAD));
        if (left_out(STAMP_BEFORE_UNLINK))
            actor->unique = ++world->cells[CELL_NOW];
        if (!(actor->head & HEAD_WRITTEN) || actor->head & HEAD_DEAD)
            return go_to(actor, MOVE_STAMP);
        return left_out(MOVE_COPIES_UNLOCKED) ? NEXT : go_to(actor, MOVE_LOCK);
    case MOVE_READ_UNLOCKED:
        read_victim(world, actor);
        return NEXT;
    case MOVE_STAMP:
        if (!stamp(world, actor))
            return WAIT;
        if (left_out(STAMP_BEFORE_UNLINK))
            actor->stamp = actor->unique;
        return left_out(NO_GRACE) ? go_to(actor, MOVE_REUSE) : NEXT;
    case MOVE_WAIT:
        return look_passed(world, actor) ? NEXT : WAIT;
    case MOVE_REUSE:
        store(world, actor, cell_of(actor->victim, CELL_HEAD), HEAD_OTHER_KEY | HEAD_WRITTEN,
              RELAXED);
        store(world, actor, cell_of(actor->victim, CELL_FIRST), RECYCLED, RELAXED);
        store(world, actor, cell_of(actor->victim, CELL_SECOND), RECYCLED, RELAXED);
        return DONE;
    }
    return step_copying(world, actor);
}

static enum taken take_step(struct world *world, struct actor *actor)
{
    if (actor->role != ROLE_MOVE && actor->step < TURN_STEPS)
        return begin_turn(world, actor);
    switch ((enum role)actor->role) {
    case ROLE_READ:
        return step_read(world, actor);
    case ROLE_REPLACE:
        return step_replace(world, actor);
    case ROLE_COUNT:
        return step_count(world, actor);
    case ROLE_CAS:
        return step_cas(world, actor);
    case ROLE_MOVE:
        return step_move(world, actor);
    case ROLE_NONE:
        break;
    }
    return DONE;
}

/* When all is done: the key is what the last change made of it. */
static void check_end(const struct world *world)
{
    uint8_t place = place_in(world->cells[CELL_SLOT]);
    if (world->cells[cell_of(place, CELL_FIRST)] != world->history[world->last] ||
        world->cells[cell_of(place, CELL_HEAD)] & (HEAD_OTHER_KEY | HEAD_DEAD))
        find("the last change is lost");
}

/* --- scenarios ----------------------------------------------------------------------------- */

struct scenario {
    const char *name;
    bool weak;
    bool counter;   /* the item at first: a counter, or text */
    uint8_t victim; /* the segment that the mover empties: of the item, or of the first to write */
    enum role roles[THREADS_MAX];
};

static const struct scenario scenarios[] = {
    {"a text replaced and moved", true, false, 1, {ROLE_READ, ROLE_REPLACE, ROLE_MOVE}},
    {"a text counted and moved", true, false, 1, {ROLE_READ, ROLE_COUNT, ROLE_MOVE}},
    {"a counter counted and moved", true, true, 1, {ROLE_READ, ROLE_COUNT, ROLE_MOVE}},
    {"a counter replaced and moved", true, true, 1, {ROLE_REPLACE, ROLE_COUNT, ROLE_MOVE}},
    {"a counter counted twice", true, true, 1, {ROLE_COUNT, ROLE_COUNT, ROLE_MOVE}},
    {"gets and cas of a text", true, false, 1, {ROLE_CAS, ROLE_REPLACE, ROLE_MOVE}},
    {"gets and cas of a counter", true, true, 1, {ROLE_CAS, ROLE_COUNT, ROLE_MOVE}},
    {"gets and cas, two counts", true, true, 1, {ROLE_CAS, ROLE_COUNT, ROLE_COUNT}},
    {"gets and cas, two replacements", true, false, 1, {ROLE_CAS, ROLE_REPLACE, ROLE_REPLACE}},
    {"gets and cas, the new one moved", true, false, 4, {ROLE_CAS, ROLE_REPLACE, ROLE_MOVE}},
    {"emptying an open segment", true, false, 3, {ROLE_READ, ROLE_REPLACE, ROLE_MOVE}},
    {"counting in an open segment", true, true, 3, {ROLE_REPLACE, ROLE_COUNT, ROLE_MOVE}},
    {"four with a text", false, false, 1, {ROLE_READ, ROLE_REPLACE, ROLE_COUNT, ROLE_MOVE}},
    {"four with a counter", false, true, 1, {ROLE_READ, ROLE_REPLACE, ROLE_COUNT, ROLE_MOVE}},
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static const char *const mutation_names[MUTATIONS] = {
    [PUBLISH_RELAXED] = "the slot is stored without release",
    [UNLOCK_RELAXED] = "the lock is let go without release",
    [EPOCH_STORED] = "the epoch is published without a fence",
    [NO_GRACE] = "memory is reused at once",
    [STAMP_BEFORE_UNLINK] = "the stamp is taken before the slot has changed",
    [NO_SEAL_STAMP] = "emptying does not wait for appends",
    [MOVE_BLINDLY] = "a move does not look whether the slot still leads there",
    [MOVE_COPIES_UNLOCKED] = "a move copies before it locks",
    [MOVE_FORGETS_CAS] = "a move does not carry a seen unique",
    [CHANGE_SINKS] = "a change does not carry a unique where its place's is no larger",
    [CHANGE_FORGETS_CAS] = "a change forgets that a unique was seen",
    [COUNT_UNLOCKED] = "a count takes no lock",
    [COUNT_OBSERVED] = "a count in place does not look at the mark",
    [COUNT_IN_TWO_WORDS] = "a text is counted in place",
    [OBSERVE_UNLOCKED] = "gets marks the slot without the lock",
    [OBSERVE_AFTER] = "gets reads the value before it marks the slot",
};

/* Place 1 is the item's; the mover copies to 2; the others allocate 3, 4 and so on. */
static struct world world_of(const struct scenario *scenario)
{
    struct world world = {0};
    uint8_t fresh = 3;
    world.cells[CELL_SLOT] = 1;
    world.cells[CELL_NOW] = 1;
    world.cells[cell_of(1, CELL_HEAD)] = HEAD_WRITTEN | (scenario->counter ? HEAD_COUNTER : 0);
    world.cells[cell_of(1, CELL_FIRST)] = 20;
    world.cells[cell_of(1, CELL_SECOND)] = 20;
    world.history[0] = 20;
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        struct actor *actor = &world.actors[i];
        actor->role = (uint8_t)scenario->roles[i];
        actor->step = actor->role == ROLE_NONE ? STEP_DONE : 0;
        actor->victim = scenario->victim;
        if (actor->role == ROLE_MOVE)
            actor->fresh = 2;
        else if (actor->role != ROLE_NONE && actor->role != ROLE_READ)
            actor->fresh = fresh++;
        CHECK(actor->fresh < PLACES);
    }
    return world;
}

/* What is wrong, or NULL. */
static const char *explore_all(const struct scenario *scenario, bool weak, enum mutation mutation)
{
    struct world world = world_of(scenario);
    if (check.visited != NULL)
        memset(check.visited, 0, check.visited_size * sizeof(check.visited[0]));
    else
        resize_visited((size_t)1 << 21);
    check.mutation = mutation;
    check.weak = weak;
    check.finding = NULL;
    check.states = 0;
    explore(&world);
    return check.finding;
}

/* STORE_INTERLEAVINGS=all: four threads with buffers too, 11 million states each. */
static void test_no_order_is_wrong(void **state)
{
    const char *which = getenv("STORE_INTERLEAVINGS");
    bool all = which != NULL && strcmp(which, "all") == 0;
    (void)state;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        bool weak = scenarios[i].weak || all;
        const char *finding = explore_all(&scenarios[i], weak, NOTHING);
        print_message("# %s: %lu states\n", scenarios[i].name, (unsigned long)check.states);
        if (finding != NULL)
            fail_msg("%s: %s", scenarios[i].name, finding);
    }
}

static void test_every_rule_is_needed(void **state)
{
    (void)state;
    for (unsigned mutation = NOTHING + 1; mutation < MUTATIONS; mutation++) {
        const char *finding = NULL;
        unsigned i = 0;
        for (; finding == NULL && i < SCENARIOS; i++)
            finding = explore_all(&scenarios[i], scenarios[i].weak, (enum mutation)mutation);
        if (finding == NULL)
            fail_msg("%s, and nothing goes wrong", mutation_names[mutation]);
        print_message("# %s: %s (%s)\n", mutation_names[mutation], finding, scenarios[i - 1].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_order_is_wrong),
        cmocka_unit_test(test_every_rule_is_needed),
    };
    hash_start(1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
