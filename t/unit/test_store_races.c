/*
 * Threads that change the same few items in every way but plain storing: counting in place, cas,
 * touch beside large appends, and invalidation with one winner. Meanwhile everything is moved, the
 * index grows, and memory shrinks and grows. STORE_TORTURE_SECONDS makes each part longer.
 */

#include "config.h"

#include "store_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS 4u
#define COUNTERS 16u
#define RECACHED 8u

struct race {
    struct store *store;
    _Atomic bool stopping;
    _Atomic uint64_t counted[COUNTERS]; /* all that were acknowledged */
    _Atomic uint64_t rounds;
    /* of each recached key */
    _Atomic uint32_t sequence[RECACHED];    /* of the last value that was stored */
    _Atomic uint32_t invalidated[RECACHED]; /* times that somebody was about to */
    _Atomic uint32_t wins[RECACHED];
};

struct racer {
    struct race *race;
    struct store_thread *thread;
    pthread_t native;
    unsigned number;
    uint64_t random;
    uint64_t seen[COUNTERS]; /* the last that this one has read */
    struct fixture_key name;
};

static uint32_t some(struct racer *racer, uint32_t below)
{
    return fixture_random(&racer->random, below);
}

static bool goes_on(struct racer *racer)
{
    store_turn_pass(racer->thread, FIXTURE_START);
    atomic_fetch_add_explicit(&racer->race->rounds, 1, memory_order_relaxed);
    return !atomic_load_explicit(&racer->race->stopping, memory_order_relaxed);
}

/* Keys of no interest, of which some stay: segments are emptied, and the index grows. */
static void churn(struct racer *racer)
{
    static const char value[2000];
    struct store_put put = {.mode = STORE_SET};
    struct store_result result;
    uint32_t scale = some(racer, 100) == 0 ? sizeof(value) : 100;
    fixture_number(&racer->name, 1000000 * (1 + racer->number) + some(racer, 4000));
    enum store_outcome outcome = store_put(racer->thread, &racer->name.key, &put,
                                           (struct slice){value, some(racer, scale)}, &result);
    CHECK(outcome == STORE_STORED || outcome == STORE_NO_MEMORY);
}

static void resize(struct racer *racer)
{
    CHECK(store_set_memory_size(racer->thread, (3 + some(racer, 3)) * MIB));
    store_set_other_bytes(racer->thread, some(racer, 300 * KIB));
}

/* --- running ------------------------------------------------------------------------------- */

/* At least until something was moved, which takes a sanitizer's build longer. */
static void sleep_until_done(struct race *race)
{
    const char *seconds = getenv("STORE_TORTURE_SECONDS");
    double length = seconds != NULL ? atof(seconds) : 1;
    struct timespec time = {(time_t)length, (long)((length - (double)(time_t)length) * 1e9)};
    struct store_stats stats = {0};
    while (stats.moved_items == 0) {
        nanosleep(&time, NULL);
        store_stats_read(race->store, &stats);
    }
}

static void run_race(struct race *race, void *(*run)(void *))
{
    static struct racer racers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.race = race, .number = i, .random = i + 1};
        racers[i].thread = store_thread_create(race->store);
        assert_non_null(racers[i].thread);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&racers[i].native, NULL, run, &racers[i]), 0);
    sleep_until_done(race);
    atomic_store(&race->stopping, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(racers[i].native, NULL);
        store_thread_destroy(racers[i].thread);
    }
}

static struct fixture open_small(void)
{
    return fixture_open((struct store_config){.memory_size = 4 * MIB,
                                              .item_size_max = 256 * KIB,
                                              .writer_count = THREADS,
                                              .evict = false,
                                              .cas = true});
}

static void report(const char *what, const struct fixture *fixture, const struct race *race)
{
    struct store_stats stats = fixture_stats(fixture);
    print_message("# %s: %lu rounds, %lu moved, %lu segments emptied\n", what,
                  (unsigned long)atomic_load(&((struct race *)race)->rounds),
                  (unsigned long)stats.moved_items, (unsigned long)stats.segments_reclaimed);
}

/* --- counters ------------------------------------------------------------------------------ */

/* The number as a client reads it: digits, then only spaces. */
static uint64_t number_in(const struct store_item *item)
{
    uint64_t number = 0;
    size_t at = 0;
    CHECK(item->value != NULL && item->value_size >= 1 && item->value_size <= 20);
    for (; at < item->value_size && item->value[at] != ' '; at++) {
        CHECK(item->value[at] >= '0' && item->value[at] <= '9');
        number = number * 10 + (uint64_t)(item->value[at] - '0');
    }
    CHECK(at > 0);
    for (; at < item->value_size; at++)
        CHECK(item->value[at] == ' ');
    return number;
}

static void note_counted(struct racer *racer, unsigned number, uint64_t value, uint64_t delta)
{
    atomic_fetch_add(&racer->race->counted[number], delta);
    CHECK(value >= racer->seen[number] + delta);
    racer->seen[number] = value;
}

static void count(struct racer *racer, unsigned number)
{
    struct store_arithmetic how = {
        .delta = 1 + some(racer, 3), .pad = some(racer, 4) > 0, .want_cas = some(racer, 16) == 0};
    struct store_number counted;
    enum store_outcome_arithmetic outcome =
        store_count(racer->thread, &racer->name.key, &how, &counted);
    CHECK(outcome == STORE_COUNTED || outcome == STORE_COUNT_NO_MEMORY);
    if (outcome == STORE_COUNTED)
        note_counted(racer, number, counted.value, how.delta);
}

static uint64_t read_counter(struct racer *racer, unsigned number, unsigned want, uint64_t *cas)
{
    struct store_item item;
    CHECK(store_get(racer->thread, &racer->name.key, want, &item) == STORE_HIT);
    uint64_t value = number_in(&item);
    CHECK(value >= racer->seen[number]);
    racer->seen[number] = value;
    *cas = item.cas;
    return value;
}

static void count_by_cas(struct racer *racer, unsigned number)
{
    struct store_put put = {.mode = STORE_SET, .compare_cas = true};
    struct store_result result;
    char text[24];
    uint64_t next = read_counter(racer, number, STORE_WANT_CAS, &put.compare) + 1;
    int size = snprintf(text, sizeof(text), "%lu", (unsigned long)next);
    enum store_outcome outcome = store_put(racer->thread, &racer->name.key, &put,
                                           (struct slice){text, (size_t)size}, &result);
    CHECK(outcome == STORE_STORED || outcome == STORE_EXISTS || outcome == STORE_NO_MEMORY);
    if (outcome == STORE_STORED)
        note_counted(racer, number, next, 1);
}

static void *run_counters(void *context)
{
    struct racer *racer = context;
    store_turn_start(racer->thread, FIXTURE_START);
    do {
        unsigned number = some(racer, COUNTERS);
        uint32_t kind = some(racer, 100);
        struct store_item item;
        uint64_t cas;
        fixture_number(&racer->name, number);
        if (kind < 50)
            count(racer, number);
        else if (kind < 85)
            (void)read_counter(racer, number, 0, &cas);
        else if (kind < 95)
            count_by_cas(racer, number);
        else
            CHECK(store_touch(racer->thread, &racer->name.key, FIXTURE_START + 9, 0, &item) <=
                  STORE_MISS);
        churn(racer);
        if (racer->number == 0 && some(racer, 2000) == 0)
            resize(racer);
    } while (goes_on(racer));
    store_turn_stop(racer->thread);
    return NULL;
}

static void test_every_count_counts_once(void **state)
{
    static struct race race;
    struct fixture fixture = open_small();
    struct fixture_key name;
    (void)state;
    race = (struct race){.store = fixture.store};
    for (unsigned i = 0; i < COUNTERS; i++)
        fixture_set_text(&fixture, fixture_number(&name, i), "0");
    store_turn_stop(fixture.thread);
    run_race(&race, run_counters);
    store_turn_start(fixture.thread, FIXTURE_START);
    for (unsigned i = 0; i < COUNTERS; i++) {
        struct store_item item;
        assert_int_equal(store_get(fixture.thread, fixture_number(&name, i), 0, &item), STORE_HIT);
        assert_true(number_in(&item) == atomic_load(&race.counted[i]));
    }
    report("counters", &fixture, &race);
    fixture_close(&fixture);
}

/* --- touch beside large appends ------------------------------------------------------------ */

static void append_large(struct racer *racer)
{
    static const char more[10000];
    struct store_put put = {.mode = STORE_APPEND};
    struct store_put anew = {.mode = STORE_SET, .exptime = FIXTURE_START + 1};
    struct store_result result;
    enum store_outcome outcome =
        store_put(racer->thread, &racer->name.key, &put,
                  (struct slice){more, store_inline_size_max(racer->race->store)}, &result);
    CHECK(outcome == STORE_STORED || outcome == STORE_TOO_LARGE || outcome == STORE_NO_MEMORY ||
          outcome == STORE_NOT_STORED);
    if (outcome != STORE_STORED && racer->number == 0)
        outcome = store_put(racer->thread, &racer->name.key, &anew, slice_of("x"), &result);
    CHECK(outcome != STORE_EXISTS);
}

/* The first thread touches and is the only one that sets the exptime. */
static void touch_and_look(struct racer *racer)
{
    struct store_item item;
    uint32_t exptime = FIXTURE_START + 1 + some(racer, 1000);
    if (store_touch(racer->thread, &racer->name.key, exptime, 0, &item) != STORE_HIT)
        return;
    for (unsigned times = some(racer, 20); times > 0; times--) {
        if (store_get(racer->thread, &racer->name.key, 0, &item) == STORE_HIT)
            CHECK(item.exptime == exptime);
        store_turn_pass(racer->thread, FIXTURE_START);
    }
}

static void *run_appends(void *context)
{
    struct racer *racer = context;
    store_turn_start(racer->thread, FIXTURE_START);
    do {
        fixture_number(&racer->name, 0);
        if (racer->number == 0)
            touch_and_look(racer);
        if (racer->number != 0 || some(racer, 100) == 0)
            append_large(racer);
        churn(racer);
    } while (goes_on(racer));
    store_turn_stop(racer->thread);
    return NULL;
}

static void test_an_append_keeps_what_a_touch_has_set(void **state)
{
    static struct race race;
    struct fixture fixture = open_small();
    struct fixture_key name;
    (void)state;
    race = (struct race){.store = fixture.store};
    fixture_set_text(&fixture, fixture_number(&name, 0), "x");
    store_turn_stop(fixture.thread);
    run_race(&race, run_appends);
    store_turn_start(fixture.thread, FIXTURE_START);
    report("appends", &fixture, &race);
    fixture_close(&fixture);
}

/* --- invalidation: one winner for each ----------------------------------------------------- */

/* A value is its sequence number; sometimes so much of it that it lies in pieces. */
static enum store_outcome store_sequence(struct racer *racer, const struct store_put *put,
                                         uint32_t sequence)
{
    uint32_t value[6000];
    struct store_result result;
    size_t size = some(racer, 4) == 0 ? sizeof(value) : sizeof(value[0]) * (1 + some(racer, 20));
    for (size_t i = 0; i < size / sizeof(value[0]); i++)
        value[i] = sequence;
    struct slice bytes = {(const char *)value, size};
    if (size > store_inline_size_max(racer->race->store))
        return fixture_fill(racer->thread, &racer->name.key, put, bytes, &result);
    return store_put(racer->thread, &racer->name.key, put, bytes, &result);
}

static uint32_t sequence_in(struct racer *racer, const struct store_item *item)
{
    uint32_t value[6000];
    struct store_pin pin;
    CHECK(item->value_size <= sizeof(value));
    if (item->value != NULL) {
        memcpy(value, item->value, item->value_size);
    } else if (store_pin(racer->thread, item, &pin)) {
        fixture_read_pin(&pin, (char *)value, item->value_size);
        store_unpin(&pin);
    } else {
        return 0;
    }
    for (size_t i = 1; i < item->value_size / sizeof(value[0]); i++)
        CHECK(value[i] == value[0]);
    return value[0];
}

static void invalidate(struct racer *racer, unsigned number, const struct store_item *item)
{
    struct store_invalidation how = {.compare = &item->cas,
                                     .stale = true,
                                     .set_exptime = some(racer, 2),
                                     .exptime = some(racer, 2) ? FIXTURE_START + 100 : 0};
    atomic_fetch_add(&racer->race->invalidated[number], 1);
    (void)store_invalidate(racer->thread, &racer->name.key, &how);
}

/* Whoever has won stores the next one; with a unique that is too old by then, as stale. */
static void store_next(struct racer *racer, unsigned number, const struct store_item *item)
{
    struct store_put put = {.mode = STORE_SET,
                            .compare_cas = true,
                            .compare = item->cas,
                            .accept_older = some(racer, 2)};
    uint32_t sequence = atomic_fetch_add(&racer->race->sequence[number], 1) + 1;
    enum store_outcome outcome = store_sequence(racer, &put, sequence);
    CHECK(outcome == STORE_STORED || outcome == STORE_EXISTS || outcome == STORE_NO_MEMORY ||
          outcome == STORE_NOT_FOUND);
}

static void recache(struct racer *racer, unsigned number)
{
    struct race *race = racer->race;
    struct store_item item;
    struct store_put add = {.mode = STORE_ADD};
    fixture_number(&racer->name, number);
    if (store_get(racer->thread, &racer->name.key, STORE_WANT_CAS, &item) != STORE_HIT) {
        (void)store_sequence(racer, &add, atomic_load(&race->sequence[number]));
        return;
    }
    CHECK(sequence_in(racer, &item) <= atomic_load(&race->sequence[number]));
    if (!(item.marks & STORE_STALE)) {
        if (some(racer, 4) == 0)
            invalidate(racer, number, &item);
        return;
    }
    if (store_win(racer->thread, &racer->name.key, &item) != STORE_WIN)
        return;
    CHECK(atomic_fetch_add(&race->wins[number], 1) < atomic_load(&race->invalidated[number]));
    store_next(racer, number, &item);
}

static void *run_recache(void *context)
{
    struct racer *racer = context;
    store_turn_start(racer->thread, FIXTURE_START);
    do {
        recache(racer, some(racer, RECACHED));
        churn(racer);
        if (racer->number == 0 && some(racer, 2000) == 0)
            resize(racer);
    } while (goes_on(racer));
    store_turn_stop(racer->thread);
    return NULL;
}

static void test_each_invalidation_has_one_winner(void **state)
{
    static struct race race;
    struct fixture fixture = open_small();
    uint32_t wins = 0;
    (void)state;
    race = (struct race){.store = fixture.store};
    store_turn_stop(fixture.thread);
    run_race(&race, run_recache);
    store_turn_start(fixture.thread, FIXTURE_START);
    for (unsigned i = 0; i < RECACHED; i++)
        wins += atomic_load(&race.wins[i]);
    assert_true(wins > 0);
    report("recaching", &fixture, &race);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_count_counts_once),
        cmocka_unit_test(test_an_append_keeps_what_a_touch_has_set),
        cmocka_unit_test(test_each_invalidation_has_one_winner),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
