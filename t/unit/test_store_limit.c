/* The memory limit changes while the store runs, and memory goes back to the system. */

#include "config.h"

#include "store_fixture.h"

#define VALUE_SIZE 1000

static size_t resident_of(const struct fixture *fixture)
{
    struct store_report report;
    store_report_read(fixture->store, fixture->now, &report);
    return (report.segments_used + report.segments_free) * report.segment_size;
}

static void fill(struct fixture *fixture, unsigned count)
{
    char value[VALUE_SIZE] = {0};
    struct fixture_key name;
    for (unsigned i = 0; i < count; i++) {
        store_turn_pass(fixture->thread, fixture->now);
        assert_int_equal(
            fixture_set(fixture, fixture_number(&name, i), (struct slice){value, sizeof(value)}),
            STORE_STORED);
    }
}

static void test_a_lower_limit_gives_memory_back(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 64 * MIB, .evict = true, .cas = true});
    (void)state;
    fill(&fixture, 100000);
    assert_true(resident_of(&fixture) > 55 * MIB);
    assert_true(store_set_memory_size(fixture.thread, 16 * MIB));
    assert_true(resident_of(&fixture) <= 16 * MIB);
    fill(&fixture, 100000);
    assert_true(resident_of(&fixture) <= 16 * MIB);
    assert_true(fixture_stats(&fixture).curr_items > 10000);
    fixture_close(&fixture);
}

static void test_a_higher_limit_holds_more(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 16 * MIB, .evict = true, .cas = true});
    (void)state;
    fill(&fixture, 60000);
    uint64_t before = fixture_stats(&fixture).curr_items;
    assert_true(store_set_memory_size(fixture.thread, 64 * MIB));
    fill(&fixture, 60000);
    assert_true(fixture_stats(&fixture).curr_items > 3 * before);
    fixture_close(&fixture);
}

static void test_limits_that_cannot_work_are_refused(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 16 * MIB, .evict = true, .cas = true});
    struct store_report report;
    (void)state;
    assert_false(store_set_memory_size(fixture.thread, 100 * KIB));
    assert_false(store_set_memory_size(fixture.thread, 1024 * MIB));
    store_report_read(fixture.store, fixture.now, &report);
    assert_int_equal(report.memory_limit, 16 * MIB);
    fixture_close(&fixture);
}

static void test_what_others_take_the_items_leave(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 64 * MIB, .evict = true, .cas = true});
    (void)state;
    fill(&fixture, 100000);
    store_set_other_bytes(fixture.thread, 20 * MIB);
    assert_true(resident_of(&fixture) <= 44 * MIB);
    store_set_other_bytes(fixture.thread, 0);
    fill(&fixture, 100000);
    assert_true(resident_of(&fixture) > 55 * MIB);
    fixture_close(&fixture);
}

static void test_without_eviction_nothing_is_lost(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 64 * MIB, .evict = false, .cas = true});
    (void)state;
    fill(&fixture, 20000);
    assert_true(store_set_memory_size(fixture.thread, 16 * MIB));
    assert_int_equal(fixture_stats(&fixture).curr_items, 20000);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lower_limit_gives_memory_back),
        cmocka_unit_test(test_a_higher_limit_holds_more),
        cmocka_unit_test(test_limits_that_cannot_work_are_refused),
        cmocka_unit_test(test_what_others_take_the_items_leave),
        cmocka_unit_test(test_without_eviction_nothing_is_lost),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
