/* Items go when their time has come or flush_all passes over them, to the second, and not before.
 */

#include "config.h"

#include "store_fixture.h"

static const struct store_config config = {.memory_size = 4 * MIB, .evict = true, .cas = true};

static void set_until(const struct fixture *fixture, const struct store_key *key, uint32_t exptime)
{
    struct store_put put = {.mode = STORE_SET, .exptime = exptime};
    struct store_result result;
    assert_int_equal(store_put(fixture->thread, key, &put, slice_of("1"), &result), STORE_STORED);
}

static void expect(const struct fixture *fixture, const struct store_key *key,
                   enum store_find expected)
{
    struct store_item item;
    assert_int_equal(store_get(fixture->thread, key, 0, &item), expected);
}

static void test_an_item_is_there_until_its_second(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    (void)state;
    set_until(&fixture, key, fixture.now + 2);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_MISS_EXPIRED);
    expect(&fixture, key, STORE_MISS);
    assert_int_equal(fixture_stats(&fixture).curr_items, 0);
    assert_int_equal(fixture_stats(&fixture).bytes, 0);
    set_until(&fixture, key, fixture.now);
    expect(&fixture, key, STORE_MISS_EXPIRED);
    fixture_close(&fixture);
}

static void test_an_expired_item_counts_as_none(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put add = {.mode = STORE_ADD}, replace = {.mode = STORE_REPLACE};
    struct store_put compare = {.mode = STORE_SET, .compare_cas = true};
    struct store_put append = {.mode = STORE_APPEND};
    struct store_arithmetic up = {.delta = 1};
    struct store_number number;
    struct store_result result;
    struct store_item item;
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        set_until(&fixture, key, fixture.now + 1);
        compare.compare = fixture_cas(&fixture, key);
        fixture_advance(&fixture, 1);
        if (i == 0)
            assert_int_equal(store_put(fixture.thread, key, &replace, slice_of("2"), &result),
                             STORE_NOT_STORED);
        else if (i == 1)
            assert_int_equal(store_put(fixture.thread, key, &append, slice_of("2"), &result),
                             STORE_NOT_STORED);
        else if (i == 2)
            assert_int_equal(store_put(fixture.thread, key, &compare, slice_of("2"), &result),
                             STORE_NOT_FOUND);
        else if (i == 3)
            assert_int_equal(store_count(fixture.thread, key, &up, &number), STORE_COUNT_MISS);
        else if (i == 4)
            assert_int_equal(store_delete(fixture.thread, key, NULL), STORE_DELETE_MISS);
        else if (i == 5)
            assert_int_not_equal(store_touch(fixture.thread, key, 0, 0, &item), STORE_HIT);
        else
            assert_int_equal(store_put(fixture.thread, key, &add, slice_of("2"), &result),
                             STORE_STORED);
    }
    fixture_expect_text(&fixture, key, "2");
    assert_int_equal(fixture_stats(&fixture).curr_items, 1);
    fixture_close(&fixture);
}

static void test_touch_gives_and_takes_time(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET, .client_flags = 5};
    struct store_result result;
    struct store_item item;
    (void)state;
    assert_int_equal(store_touch(fixture.thread, key, 0, 0, &item), STORE_MISS);
    assert_int_equal(store_put(fixture.thread, key, &put, slice_of("value"), &result),
                     STORE_STORED);
    const uint32_t exptimes[] = {0, 5, 9, 0, 7, 3};
    for (unsigned i = 0; i < sizeof(exptimes) / sizeof(exptimes[0]); i++) {
        uint32_t exptime = exptimes[i] == 0 ? 0 : fixture.now + exptimes[i];
        assert_int_equal(store_touch(fixture.thread, key, exptime, 0, &item), STORE_HIT);
        assert_int_equal(item.exptime, exptime);
        assert_int_equal(item.client_flags, 5);
        assert_int_equal(item.value_size, 5);
        assert_memory_equal(item.value, "value", 5);
    }
    fixture_advance(&fixture, 2);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_MISS_EXPIRED);
    fixture_close(&fixture);
}

static void test_flush_takes_what_was_there(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        fixture_set_text(&fixture, fixture_number(&name, i), "old");
    store_flush(fixture.thread, 0);
    for (unsigned i = 0; i < 1000; i += 2)
        fixture_set_text(&fixture, fixture_number(&name, i), "new");
    for (unsigned i = 0; i < 1000; i++)
        expect(&fixture, fixture_number(&name, i), i % 2 == 0 ? STORE_HIT : STORE_MISS_FLUSHED);
    for (unsigned i = 1; i < 1000; i += 2)
        expect(&fixture, fixture_number(&name, i), STORE_MISS);
    assert_int_equal(fixture_stats(&fixture).curr_items, 500);
    fixture_close(&fixture);
}

static void test_a_delayed_flush_waits_for_its_second(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name, later;
    const struct store_key *key = fixture_name(&name, "k");
    (void)state;
    set_until(&fixture, key, 0);
    store_flush(fixture.thread, fixture.now + 2);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_MISS_FLUSHED);
    set_until(&fixture, fixture_name(&later, "later"), 0);
    fixture_advance(&fixture, 5);
    expect(&fixture, &later.key, STORE_HIT);
    fixture_close(&fixture);
}

static void test_the_last_flush_decides(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    (void)state;
    store_flush(fixture.thread, fixture.now + 2);
    store_flush(fixture.thread, 0);
    set_until(&fixture, key, 0);
    fixture_advance(&fixture, 5);
    expect(&fixture, key, STORE_HIT);
    store_flush(fixture.thread, fixture.now + 2);
    store_flush(fixture.thread, fixture.now + 4);
    fixture_advance(&fixture, 3);
    expect(&fixture, key, STORE_HIT);
    fixture_advance(&fixture, 1);
    expect(&fixture, key, STORE_MISS_FLUSHED);
    fixture_close(&fixture);
}

static void test_expired_items_make_room_before_live_ones(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    struct store_put soon = {.mode = STORE_SET, .exptime = fixture.now + 1};
    struct store_result result;
    char value[400] = {0};
    (void)state;
    for (unsigned i = 0; i < 6000; i++)
        assert_int_equal(store_put(fixture.thread, fixture_number(&name, i), &soon,
                                   (struct slice){value, sizeof(value)}, &result),
                         STORE_STORED);
    fixture_advance(&fixture, 1);
    for (unsigned i = 6000; i < 12000; i++)
        assert_int_equal(
            fixture_set(&fixture, fixture_number(&name, i), (struct slice){value, sizeof(value)}),
            STORE_STORED);
    struct store_stats stats = fixture_stats(&fixture);
    assert_int_equal(stats.evictions, 0);
    assert_true(stats.reclaimed > 0);
    for (unsigned i = 6000; i < 12000; i++)
        expect(&fixture, fixture_number(&name, i), STORE_HIT);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_item_is_there_until_its_second),
        cmocka_unit_test(test_an_expired_item_counts_as_none),
        cmocka_unit_test(test_touch_gives_and_takes_time),
        cmocka_unit_test(test_flush_takes_what_was_there),
        cmocka_unit_test(test_a_delayed_flush_waits_for_its_second),
        cmocka_unit_test(test_the_last_flush_decides),
        cmocka_unit_test(test_expired_items_make_room_before_live_ones),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
