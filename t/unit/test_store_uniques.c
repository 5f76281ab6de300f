/* Cas uniques of a key rise with each change, whichever thread makes it and wherever the item was
 * moved: so that clients can tell by them which of two is older. */

#include "config.h"

#include "store_fixture.h"

#define WRITERS 3u
#define KEYS 40u

struct writers {
    struct fixture fixture;
    struct store_thread *threads[WRITERS];
    uint64_t random;
};

static struct writers writers_open(size_t memory_size)
{
    struct writers writers = {.random = 88172645463325252u};
    writers.fixture = fixture_open((struct store_config){
        .memory_size = memory_size, .writer_count = WRITERS, .evict = true, .cas = true});
    writers.threads[0] = writers.fixture.thread;
    for (unsigned i = 1; i < WRITERS; i++) {
        writers.threads[i] = store_thread_create(writers.fixture.store);
        assert_non_null(writers.threads[i]);
        store_turn_start(writers.threads[i], FIXTURE_START);
    }
    return writers;
}

static void writers_close(struct writers *writers)
{
    for (unsigned i = 1; i < WRITERS; i++) {
        store_turn_stop(writers->threads[i]);
        store_thread_destroy(writers->threads[i]);
    }
    fixture_close(&writers->fixture);
}

static void pass_all(struct writers *writers)
{
    for (unsigned i = 0; i < WRITERS; i++)
        store_turn_pass(writers->threads[i], FIXTURE_START);
}

/* As the i-th thread from now on. */
static struct fixture as(const struct writers *writers, unsigned i)
{
    struct fixture fixture = writers->fixture;
    fixture.thread = writers->threads[i];
    return fixture;
}

static void set(const struct fixture *fixture, const struct store_key *key, size_t size)
{
    static char value[200 * KIB];
    memset(value, '7', size);
    assert_int_equal(fixture_set(fixture, key, (struct slice){value, size}), STORE_STORED);
}

static enum store_outcome put(const struct fixture *fixture, const struct store_key *key,
                              struct store_put put, const char *text)
{
    struct store_result result;
    return fixture_put(fixture, key, &put, slice_of(text), &result);
}

static void test_a_set_through_an_older_segment_rises(void **state)
{
    struct writers writers = writers_open(64 * MIB);
    struct fixture older = as(&writers, 1), younger = as(&writers, 2);
    struct fixture_key name;
    (void)state;
    set(&older, fixture_name(&name, "opens a segment"), 1);
    set(&younger, fixture_name(&name, "opens another"), 1);
    const struct store_key *key = fixture_name(&name, "key");
    set(&younger, key, 1);
    uint64_t seen = fixture_cas(&younger, key);
    set(&older, key, 2); /* nobody sees it */
    set(&older, key, 3);
    uint64_t after = fixture_cas(&older, key);
    assert_true(after > seen);
    struct store_put stale = {
        .mode = STORE_SET, .compare_cas = true, .compare = seen, .accept_older = true};
    assert_int_equal(put(&older, key, stale, "stale"), STORE_STORED);
    assert_true(fixture_cas(&older, key) > after);
    struct store_put newer = {.mode = STORE_SET, .compare_cas = true, .compare = after + 1000000};
    newer.accept_older = true;
    assert_int_equal(put(&older, key, newer, "newer"), STORE_EXISTS);
    fixture_expect_text(&older, key, "stale");
    writers_close(&writers);
}

static void test_one_that_a_client_gave_is_no_measure(void **state)
{
    struct writers writers = writers_open(64 * MIB);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "key");
    const struct fixture *fixture = &writers.fixture;
    struct store_put given = {.mode = STORE_SET, .set_cas = true, .cas = UINT64_C(1) << 60};
    (void)state;
    assert_int_equal(put(fixture, key, given, "given"), STORE_STORED);
    assert_true(fixture_cas(fixture, key) == UINT64_C(1) << 60);
    set(fixture, key, 1);
    assert_true(fixture_cas(fixture, key) < UINT64_C(1) << 60);
    writers_close(&writers);
}

static void test_invalidation_is_one_more(void **state)
{
    struct writers writers = writers_open(64 * MIB);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "key");
    const struct fixture *fixture = &writers.fixture;
    struct store_invalidation stale = {.stale = true};
    struct store_item item;
    (void)state;
    set(fixture, key, 1);
    uint64_t seen = fixture_cas(fixture, key);
    assert_int_equal(store_touch(fixture->thread, key, FIXTURE_START + 100, 0, &item), STORE_HIT);
    assert_true(fixture_cas(fixture, key) == seen);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(store_invalidate(fixture->thread, key, &stale), STORE_DELETED);
        assert_true(fixture_cas(fixture, key) == seen + i);
    }
    struct store_put given = {.mode = STORE_SET, .set_cas = true, .cas = 1000};
    assert_int_equal(put(fixture, key, given, "given"), STORE_STORED);
    assert_int_equal(store_invalidate(fixture->thread, key, &stale), STORE_DELETED);
    assert_int_equal(fixture_cas(fixture, key), 1001);
    writers_close(&writers);
}

/* --- every way to change a key ------------------------------------------------------------- */

static void append(const struct fixture *fixture, const struct store_key *key)
{
    enum store_outcome outcome = put(fixture, key, (struct store_put){.mode = STORE_APPEND}, "1");
    assert_true(outcome == STORE_STORED || outcome == STORE_NOT_STORED);
}

static void count(const struct fixture *fixture, const struct store_key *key)
{
    struct store_arithmetic how = {.delta = 1};
    struct store_number number;
    assert_int_not_equal(store_count(fixture->thread, key, &how, &number), STORE_COUNT_NO_MEMORY);
}

static void touch(const struct fixture *fixture, const struct store_key *key)
{
    struct store_item item;
    assert_in_range(store_touch(fixture->thread, key, FIXTURE_START + 1000, 0, &item), STORE_HIT,
                    STORE_MISS);
}

static void invalidate(const struct fixture *fixture, const struct store_key *key, bool empty)
{
    struct store_invalidation how = {.stale = true, .empty = empty};
    (void)store_invalidate(fixture->thread, key, &how);
}

static void compare_and_set(const struct fixture *fixture, const struct store_key *key)
{
    struct store_item item;
    if (store_get(fixture->thread, key, STORE_WANT_CAS, &item) == STORE_HIT) {
        struct store_put how = {.mode = STORE_SET, .compare_cas = true, .compare = item.cas};
        assert_int_equal(put(fixture, key, how, "12"), STORE_STORED);
    }
}

static void change(struct writers *writers, const struct store_key *key)
{
    struct fixture fixture = as(writers, fixture_random(&writers->random, WRITERS));
    switch (fixture_random(&writers->random, 9)) {
    case 0:
        set(&fixture, key, 1);
        break;
    case 1:
        set(&fixture, key, fixture_random(&writers->random, 20) == 0 ? 200 * KIB : 2);
        break;
    case 2:
        compare_and_set(&fixture, key);
        break;
    case 3:
        append(&fixture, key);
        break;
    case 4:
    case 5:
        count(&fixture, key);
        break;
    case 6:
        invalidate(&fixture, key, false);
        break;
    case 7:
        invalidate(&fixture, key, true);
        break;
    case 8:
        touch(&fixture, key);
        append(&fixture, key);
        break;
    }
}

/* How many had a cas unique that rose. memory_size small: items are moved, and some evicted. */
static unsigned change_and_look(size_t memory_size, unsigned rounds, unsigned filling,
                                uint64_t *moved)
{
    static uint64_t seen[KEYS];
    struct writers writers = writers_open(memory_size);
    struct fixture_key name;
    struct store_item item;
    unsigned risen = 0;
    memset(seen, 0, sizeof(seen));
    for (unsigned round = 0; round < rounds; round++) {
        unsigned i = fixture_random(&writers.random, KEYS);
        for (unsigned j = 0; j < filling; j++) {
            struct fixture fixture = as(&writers, fixture_random(&writers.random, WRITERS));
            set(&fixture, fixture_number(&name, 1000 + fixture_random(&writers.random, 500)), 3000);
        }
        const struct store_key *key = fixture_number(&name, i);
        bool was_there = fixture_has(&writers.fixture, key);
        if (!was_there)
            seen[i] = 0;
        change(&writers, key);
        if (fixture_random(&writers.random, 2) == 0 &&
            store_get(writers.fixture.thread, key, STORE_WANT_CAS, &item) == STORE_HIT) {
            if (item.cas < seen[i])
                fail_msg("round %u: %lu after %lu", round, (unsigned long)item.cas,
                         (unsigned long)seen[i]);
            risen += item.cas > seen[i];
            seen[i] = item.cas;
        }
        pass_all(&writers);
    }
    *moved = fixture_stats(&writers.fixture).moved_items;
    assert_int_equal(fixture_stats(&writers.fixture).evictions, 0);
    writers_close(&writers);
    return risen;
}

static void test_every_change_rises(void **state)
{
    uint64_t moved;
    (void)state;
    assert_true(change_and_look(64 * MIB, 30000, 0, &moved) > 10000);
}

static void test_changes_rise_while_items_move(void **state)
{
    uint64_t moved;
    (void)state;
    assert_true(change_and_look(8 * MIB, 20000, 3, &moved) > 1000);
    assert_true(moved > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_through_an_older_segment_rises),
        cmocka_unit_test(test_one_that_a_client_gave_is_no_measure),
        cmocka_unit_test(test_invalidation_is_one_more),
        cmocka_unit_test(test_every_change_rises),
        cmocka_unit_test(test_changes_rise_while_items_move),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
