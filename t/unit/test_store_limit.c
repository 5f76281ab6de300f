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

/* One who is awake may read in what has gone, so there is no room for others before it passes. */
static void test_room_for_others_comes_when_all_have_passed(void **state)
{
    struct fixture fixture = fixture_open(
        (struct store_config){.memory_size = 64 * MIB, .evict = true, .writer_count = 2});
    struct store_thread *slow = store_thread_create(fixture.store);
    (void)state;
    assert_non_null(slow);
    fill(&fixture, 100000);
    store_turn_start(slow, fixture.now);
    store_set_other_bytes(fixture.thread, 20 * MIB);
    assert_true(store_room_for_others(fixture.thread) < 5 * MIB);
    assert_true(store_room_is_coming(fixture.thread));
    store_turn_pass(slow, fixture.now);
    assert_true(store_room_for_others(fixture.thread) >= 20 * MIB);
    assert_true(resident_of(&fixture) + 20 * MIB <= 64 * MIB);
    store_turn_stop(slow);
    store_thread_destroy(slow);
    fixture_close(&fixture);
}

/* A value that is pinned stays: others go in its place, as far as that helps. */
static void test_what_is_pinned_gives_no_room(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 64 * MIB, .evict = true});
    struct fixture_key name;
    struct store_pin pins[20];
    struct store_item item;
    unsigned pinned = 0;
    (void)state;
    fill(&fixture, 60000);
    for (unsigned i = 0; i < 60000 && pinned < 20; i += 1000)
        if (store_get(fixture.thread, fixture_number(&name, i), STORE_PEEK, &item) == STORE_HIT)
            assert_true(store_pin(fixture.thread, &item, &pins[pinned++]));
    assert_int_equal(pinned, 20);
    store_set_other_bytes(fixture.thread, 40 * MIB);
    assert_true(store_room_for_others(fixture.thread) >= 40 * MIB);
    assert_true(resident_of(&fixture) + 40 * MIB <= 64 * MIB);
    for (unsigned i = 0; i < pinned; i++)
        store_unpin(&pins[i]);
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

/* How many small items find room, from that number on. */
static unsigned fill_until_refused(struct fixture *fixture, unsigned from, size_t value_size)
{
    char value[VALUE_SIZE] = {0};
    struct fixture_key name;
    unsigned count = 0;
    while (fixture_set(fixture, fixture_number(&name, from + count),
                       (struct slice){value, value_size}) == STORE_STORED) {
        store_turn_pass(fixture->thread, fixture->now);
        assert_true(count++ < 10000000);
    }
    return count;
}

/* Every second item goes, so no segment is empty: room comes by moving what is left, or not at all.
 */
static void expect_room_after_deletes(struct fixture *fixture, unsigned count, size_t value_size)
{
    struct fixture_key name;
    for (unsigned i = 0; i < count; i += 2)
        assert_int_equal(store_delete(fixture->thread, fixture_number(&name, i), NULL),
                         STORE_DELETED);
    assert_true(fill_until_refused(fixture, count, value_size) > count / 4);
    for (unsigned i = 1; i < count; i += 2)
        assert_true(fixture_has(fixture, fixture_number(&name, i)));
    assert_int_equal(fixture_stats(fixture).evictions, 0);
}

/* The segment that is kept for moving must not be lost to an index that grows late. */
static void test_without_eviction_the_index_leaves_room_to_move(void **state)
{
    (void)state;
    for (size_t value_size = 1; value_size < 128; value_size += 1 + value_size / 4) {
        struct fixture fixture =
            fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = false});
        unsigned count = fill_until_refused(&fixture, 0, value_size);
        expect_room_after_deletes(&fixture, count, value_size);
        fixture_close(&fixture);
    }
}

/* Nor to connections' buffers; and moving takes no more than that one segment. */
static void test_without_eviction_others_leave_room_to_move(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 16 * MIB, .evict = false});
    struct store_report report;
    (void)state;
    unsigned count = fill_until_refused(&fixture, 0, 100);
    store_set_other_bytes(fixture.thread, MIB);
    store_report_read(fixture.store, fixture.now, &report);
    size_t before = resident_of(&fixture);
    expect_room_after_deletes(&fixture, count, 100);
    assert_true(resident_of(&fixture) <= before + report.segment_size);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lower_limit_gives_memory_back),
        cmocka_unit_test(test_a_higher_limit_holds_more),
        cmocka_unit_test(test_limits_that_cannot_work_are_refused),
        cmocka_unit_test(test_what_others_take_the_items_leave),
        cmocka_unit_test(test_room_for_others_comes_when_all_have_passed),
        cmocka_unit_test(test_what_is_pinned_gives_no_room),
        cmocka_unit_test(test_without_eviction_nothing_is_lost),
        cmocka_unit_test(test_without_eviction_the_index_leaves_room_to_move),
        cmocka_unit_test(test_without_eviction_others_leave_room_to_move),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
