/* Items that are to be stored anew: marks stay with an item while it is moved, one caller wins it,
 * and invalidation keeps large values where they are. */

#include "config.h"

#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define LARGE_SIZE (150 * KIB)
#define KEPT_KEYS 300u
#define WINNERS_MAX 4u

static uint8_t marks_of(const struct fixture *fixture, const struct store_key *key)
{
    struct store_item item;
    assert_int_equal(store_get(fixture->thread, key, STORE_PEEK, &item), STORE_HIT);
    return item.marks;
}

static enum store_win win(struct store_thread *thread, const struct store_key *key)
{
    struct store_item item;
    CHECK(store_get(thread, key, STORE_PEEK, &item) == STORE_HIT);
    return store_win(thread, key, &item);
}

static enum store_outcome_delete invalidate(const struct fixture *fixture,
                                            const struct store_key *key)
{
    struct store_invalidation how = {.stale = true};
    return store_invalidate(fixture->thread, key, &how);
}

/* Stores keys that nobody reads, until some of the others were moved: to be read saves from being
 * evicted. */
static void churn(const struct fixture *fixture)
{
    static const char value[4000];
    struct fixture_key name;
    uint64_t moved = fixture_stats(fixture).moved_items;
    for (unsigned i = 0; i < 5000 && fixture_stats(fixture).moved_items < moved + KEPT_KEYS; i++) {
        assert_int_equal(fixture_set(fixture, fixture_number(&name, 100000 + i),
                                     (struct slice){value, sizeof(value)}),
                         STORE_STORED);
        store_turn_pass(fixture->thread, fixture->now);
    }
}

static void test_reading_marks_and_storing_unmarks(void **state)
{
    struct fixture fixture = fixture_open((struct store_config){.memory_size = 8 * MIB});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "key");
    (void)state;
    fixture_set_text(&fixture, key, "one");
    assert_int_equal(marks_of(&fixture, key), 0);
    fixture_expect_text(&fixture, key, "one");
    assert_int_equal(marks_of(&fixture, key), STORE_FETCHED);
    for (int i = 0; i < 20; i++) /* the count of hits is at its cap then */
        fixture_expect_text(&fixture, key, "one");
    assert_int_equal(win(fixture.thread, key), STORE_WIN);
    assert_int_equal(win(fixture.thread, key), STORE_WIN_LOST);
    fixture_set_text(&fixture, key, "two");
    assert_int_equal(marks_of(&fixture, key), 0);
    fixture_expect_text(&fixture, key, "two");
    assert_int_equal(marks_of(&fixture, key), STORE_FETCHED);
    fixture_close(&fixture);
}

static void test_another_item_cannot_be_won(void **state)
{
    struct fixture fixture = fixture_open((struct store_config){.memory_size = 8 * MIB});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "key");
    struct store_item item;
    (void)state;
    fixture_set_text(&fixture, key, "one");
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    fixture_set_text(&fixture, key, "two");
    assert_int_equal(store_win(fixture.thread, key, &item), STORE_WIN_CHANGED);
    assert_int_equal(marks_of(&fixture, key), 0);
    fixture_close(&fixture);
}

static void test_invalidation_makes_a_larger_unique(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 8 * MIB, .cas = true});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "key");
    uint64_t before, after;
    (void)state;
    assert_int_equal(invalidate(&fixture, key), STORE_DELETE_MISS);
    fixture_set_text(&fixture, key, "one");
    before = fixture_cas(&fixture, key);
    assert_int_equal(win(fixture.thread, key), STORE_WIN);
    assert_int_equal(invalidate(&fixture, key), STORE_DELETED);
    after = fixture_cas(&fixture, key);
    assert_true(after > before);
    assert_int_equal(marks_of(&fixture, key), STORE_STALE);
    assert_int_equal(
        store_invalidate(fixture.thread, key, &(struct store_invalidation){.compare = &before}),
        STORE_DELETE_EXISTS);
    struct store_put put = {
        .mode = STORE_SET, .compare_cas = true, .compare = before, .accept_older = true};
    struct store_result result;
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("two"), &result), STORE_STORED);
    assert_int_equal(marks_of(&fixture, key), STORE_STALE);
    fixture_expect_text(&fixture, key, "two");
    fixture_close(&fixture);
}

static void test_moves_keep_marks_and_uniques(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .cas = true, .evict = true});
    static uint64_t cas[KEPT_KEYS];
    static uint8_t marks[KEPT_KEYS];
    struct fixture_key name;
    (void)state;
    for (unsigned i = 0; i < KEPT_KEYS; i++) {
        const struct store_key *key = fixture_number(&name, 1000 + i);
        fixture_set_text(&fixture, key, "kept");
        if (i % 2 == 0)
            assert_int_equal(invalidate(&fixture, key), STORE_DELETED);
        if (i % 3 == 0)
            assert_int_equal(win(fixture.thread, key), STORE_WIN);
        fixture_expect_text(&fixture, key, "kept");
        cas[i] = fixture_cas(&fixture, key);
        marks[i] = marks_of(&fixture, key);
        assert_int_equal(marks[i], STORE_FETCHED | (i % 2 == 0 ? STORE_STALE : 0) |
                                       (i % 3 == 0 ? STORE_WON : 0));
    }
    churn(&fixture);
    unsigned there = 0;
    for (unsigned i = 0; i < KEPT_KEYS; i++) {
        const struct store_key *key = fixture_number(&name, 1000 + i);
        if (!fixture_has(&fixture, key))
            continue;
        there++;
        assert_int_equal(marks_of(&fixture, key), marks[i]);
        assert_int_equal(fixture_cas(&fixture, key), cas[i]);
    }
    assert_true(there > KEPT_KEYS / 2);
    assert_true(fixture_stats(&fixture).moved_items > 0);
    fixture_close(&fixture);
}

static void test_a_large_value_changes_only_its_head(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 8 * MIB, .cas = true, .evict = true});
    struct store_invalidation empty = {.empty = true};
    static char value[LARGE_SIZE];
    struct fixture_key name;
    (void)state;
    fixture_make_value(value, sizeof(value), 7);
    const struct store_key *key = fixture_name(&name, "large");
    assert_int_equal(fixture_set(&fixture, key, (struct slice){value, sizeof(value)}),
                     STORE_STORED);
    for (int round = 0; round < 5; round++) {
        uint64_t appended = fixture_stats(&fixture).appended_bytes;
        uint64_t before = fixture_cas(&fixture, key);
        store_turn_pass(fixture.thread, fixture.now);
        struct store_invalidation how = {
            .stale = true, .set_exptime = true, .exptime = fixture.now + 100 + (unsigned)round};
        assert_int_equal(store_invalidate(fixture.thread, key, &how), STORE_DELETED);
        assert_true(fixture_stats(&fixture).appended_bytes - appended < 1000);
        assert_true(fixture_cas(&fixture, key) != before);
        assert_int_equal(marks_of(&fixture, key) & STORE_STALE, STORE_STALE);
        churn(&fixture);
        if (!fixture_finds_value(&fixture, key, sizeof(value), 7))
            assert_int_equal(fixture_set(&fixture, key, (struct slice){value, sizeof(value)}),
                             STORE_STORED);
    }
    assert_int_equal(store_invalidate(fixture.thread, key, &empty), STORE_DELETED);
    fixture_expect_text(&fixture, key, "");
    fixture_close(&fixture);
}

/* --- many callers -------------------------------------------------------------------------- */

struct contest {
    struct store *store;
    pthread_barrier_t *start;
    _Atomic unsigned *wins;
    unsigned rounds;
};

static void *compete(void *argument)
{
    struct contest *contest = argument;
    struct store_thread *thread = store_thread_create(contest->store);
    struct fixture_key name;
    CHECK(thread != NULL);
    for (unsigned round = 0; round < contest->rounds; round++) {
        const struct store_key *key = fixture_number(&name, round);
        pthread_barrier_wait(contest->start);
        store_turn_start(thread, FIXTURE_START);
        if (win(thread, key) == STORE_WIN)
            atomic_fetch_add(&contest->wins[round], 1);
        store_turn_stop(thread);
    }
    store_thread_destroy(thread);
    return NULL;
}

static void test_one_of_many_wins(void **state)
{
    enum { ROUNDS = 200 };
    static _Atomic unsigned wins[ROUNDS];
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 8 * MIB, .writer_count = WINNERS_MAX});
    struct fixture_key name;
    pthread_t threads[WINNERS_MAX];
    pthread_barrier_t start;
    (void)state;
    pthread_barrier_init(&start, NULL, WINNERS_MAX);
    struct contest contest = {fixture.store, &start, wins, ROUNDS};
    for (unsigned i = 0; i < ROUNDS; i++)
        fixture_set_text(&fixture, fixture_number(&name, i), "x");
    for (unsigned i = 0; i < WINNERS_MAX; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &contest), 0);
    for (unsigned i = 0; i < WINNERS_MAX; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (unsigned i = 0; i < ROUNDS; i++)
        assert_int_equal(wins[i], 1);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_marks_and_storing_unmarks),
        cmocka_unit_test(test_another_item_cannot_be_won),
        cmocka_unit_test(test_invalidation_makes_a_larger_unique),
        cmocka_unit_test(test_moves_keep_marks_and_uniques),
        cmocka_unit_test(test_a_large_value_changes_only_its_head),
        cmocka_unit_test(test_one_of_many_wins),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
