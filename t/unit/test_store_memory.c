/* Eviction, compaction and their absence (-M): what is kept, what is counted, what a move keeps. */

#include "config.h"

#include "store_fixture.h"

#define VALUE_SIZE 200u

static bool set_number(const struct fixture *fixture, unsigned number, uint32_t seed)
{
    struct fixture_key name;
    char value[VALUE_SIZE];
    fixture_make_value(value, sizeof(value), seed);
    return fixture_set(fixture, fixture_number(&name, number),
                       (struct slice){value, sizeof(value)}) == STORE_STORED;
}

static bool has_number(const struct fixture *fixture, unsigned number, uint32_t seed)
{
    struct fixture_key name;
    return fixture_finds_value(fixture, fixture_number(&name, number), VALUE_SIZE, seed);
}

/* A touch that has to write the item anew may find no room. */
static void touch_if_room(const struct fixture *fixture, const struct store_key *key,
                          uint32_t exptime)
{
    struct store_item item;
    enum store_find found = store_touch(fixture->thread, key, exptime, 0, &item);
    assert_true(found == STORE_HIT || found == STORE_MISS);
}

static void test_eviction_drops_the_old_and_counts_it(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = true, .cas = true});
    unsigned found = 0, last = 100000;
    (void)state;
    for (unsigned i = 0; i < last; i++)
        assert_true(set_number(&fixture, i, i));
    for (unsigned i = 0; i < last; i++)
        found += has_number(&fixture, i, i);
    for (unsigned i = last - 1000; i < last; i++)
        assert_true(has_number(&fixture, i, i));
    struct store_stats stats = fixture_stats(&fixture);
    assert_int_equal(stats.curr_items, found);
    assert_int_equal(stats.total_items, last);
    assert_int_equal(stats.evictions, last - found);
    assert_true(found * (VALUE_SIZE + 10) > 3 * MIB);
    assert_int_equal(stats.outofmemory, 0);
    fixture_close(&fixture);
}

static void test_what_is_read_stays(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = true, .cas = true});
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        assert_true(set_number(&fixture, i, i));
    for (unsigned i = 500; i < 100000; i++) {
        assert_true(set_number(&fixture, i, i));
        assert_true(has_number(&fixture, i % 500, i % 500));
    }
    assert_true(fixture_stats(&fixture).moved_items >= 500);
    fixture_close(&fixture);
}

/* A unique that was seen stays good, however often the item is moved, until the item is changed. */
static void test_a_move_keeps_the_cas_unique(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = false, .cas = true});
    struct fixture_key name;
    static uint64_t uniques[1000];
    uint64_t random = 1;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned filler = 0; filler < 5; filler++)
            assert_true(set_number(&fixture, 5000 + i * 5 + filler, 1));
        assert_true(set_number(&fixture, i, i));
        if (i % 2 == 0)
            uniques[i] = fixture_cas(&fixture, fixture_number(&name, i));
    }
    for (unsigned i = 0; i < 100000; i++)
        assert_true(set_number(&fixture, 5000 + fixture_random(&random, 5000), 2));
    assert_true(fixture_stats(&fixture).moved_items >= 500);
    for (unsigned i = 0; i < 1000; i += 2) {
        struct store_put put = {.mode = STORE_SET, .compare_cas = true, .compare = uniques[i]};
        struct store_result result;
        const struct store_key *key = fixture_number(&name, i);
        assert_true(fixture_cas(&fixture, key) == uniques[i]);
        assert_int_equal(store_put(fixture.thread, key, &put, slice_of("new"), &result),
                         STORE_STORED);
        assert_int_equal(store_put(fixture.thread, key, &put, slice_of("new"), &result),
                         STORE_EXISTS);
    }
    for (unsigned i = 1; i < 1000; i += 2)
        assert_true(has_number(&fixture, i, i));
    assert_int_equal(fixture_stats(&fixture).evictions, 0);
    fixture_close(&fixture);
}

/* Fills the store until it refuses; returns how many were taken. */
static unsigned fill_up(const struct fixture *fixture, unsigned from)
{
    unsigned number = from;
    while (set_number(fixture, number, number)) {
        number++;
        assert_true(number < from + 1000000);
    }
    return number;
}

static void expect_range(const struct fixture *fixture, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        assert_true(has_number(fixture, i, i));
}

static void test_without_eviction_everything_is_kept(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = false, .cas = true});
    struct fixture_key name;
    (void)state;
    unsigned first = fill_up(&fixture, 0);
    assert_true(first * (VALUE_SIZE + 10) > 3 * MIB);
    expect_range(&fixture, 0, first);
    for (unsigned i = 0; i < 100; i++)
        assert_false(set_number(&fixture, first + 1 + i, 0));
    expect_range(&fixture, 0, first);
    assert_int_equal(fixture_stats(&fixture).evictions, 0);
    assert_true(fixture_stats(&fixture).outofmemory >= 100);

    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = round; i < first; i += 5)
            assert_int_equal(store_delete(fixture.thread, fixture_number(&name, i), NULL),
                             STORE_DELETED);
        unsigned from = first + round * 1000000;
        unsigned to = fill_up(&fixture, from);
        assert_true(to - from > first / 10);
        for (unsigned i = round + 1; i < first; i++)
            assert_true(has_number(&fixture, i, i) == (i % 5 > round));
        expect_range(&fixture, from, to);
        for (unsigned i = from; i < to; i++)
            assert_int_equal(store_delete(fixture.thread, fixture_number(&name, i), NULL),
                             STORE_DELETED);
    }
    assert_int_equal(fixture_stats(&fixture).curr_items, 0);
    assert_int_equal(fixture_stats(&fixture).evictions, 0);
    fixture_close(&fixture);
}

static void test_a_full_store_without_eviction_still_deletes_touches_and_reads(void **state)
{
    struct fixture fixture = fixture_open((struct store_config){
        .memory_size = 1 * MIB, .evict = false, .cas = true, .item_size_max = 256 * KIB});
    struct fixture_key name;
    (void)state;
    unsigned count = fill_up(&fixture, 0);
    for (unsigned i = 0; i < count; i++)
        touch_if_room(&fixture, fixture_number(&name, i), fixture.now + 50);
    expect_range(&fixture, 0, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(store_delete(fixture.thread, fixture_number(&name, i), NULL),
                         STORE_DELETED);
    assert_int_equal(fixture_stats(&fixture).bytes, 0);
    assert_true(fill_up(&fixture, 0) * 10 > count * 9);
    fixture_close(&fixture);
}

/* Sums stay true through moves, which change an entry's size when it must carry its cas unique. */
static void test_sums_go_back_to_nothing(void **state)
{
    (void)state;
    for (int evict = 0; evict < 2; evict++) {
        struct fixture fixture = fixture_open(
            (struct store_config){.memory_size = 4 * MIB, .evict = evict, .cas = true});
        struct fixture_key name;
        uint64_t random = 1;
        for (unsigned i = 0; i < 100000; i++) {
            unsigned number = fixture_random(&random, 6000);
            const struct store_key *key = fixture_number(&name, number);
            assert_true(set_number(&fixture, number, number));
            if (number % 3 == 0)
                (void)fixture_cas(&fixture, key);
            if (number % 5 == 0)
                touch_if_room(&fixture, key, number % 2 ? fixture.now + 50 : 0);
        }
        struct store_stats stats = fixture_stats(&fixture);
        assert_true(stats.moved_items > 0);
        for (unsigned i = 0; i < 6000; i++)
            (void)store_delete(fixture.thread, fixture_number(&name, i), NULL);
        stats = fixture_stats(&fixture);
        assert_int_equal(stats.curr_items, 0);
        assert_int_equal(stats.bytes, 0);
        fixture_close(&fixture);
    }
}

static void test_counters_can_be_reset(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 4 * MIB, .evict = true, .cas = true});
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_true(set_number(&fixture, i, i));
    struct store_stats before = fixture_stats(&fixture);
    store_stats_reset(fixture.store);
    struct store_stats after = fixture_stats(&fixture);
    assert_int_equal(after.curr_items, 100);
    assert_int_equal(after.bytes, before.bytes);
    assert_int_equal(after.total_items, 0);
    assert_int_equal(after.appended_bytes, 0);
    fixture_close(&fixture);
}

static void test_all_memory_sizes_work_or_are_refused(void **state)
{
    (void)state;
    for (size_t memory = 64 * KIB; memory <= 8 * MIB; memory += memory / 3) {
        for (unsigned writers = 1; writers <= 32; writers += 31) {
            const char *why = NULL;
            struct store_config config = {.memory_size = memory,
                                          .item_size_max = memory / 2,
                                          .writer_count = writers,
                                          .evict = true,
                                          .cas = true};
            struct store *store = store_create(&config, &why);
            if (store == NULL) {
                assert_non_null(why);
                assert_true(memory < MIB);
                continue;
            }
            store_destroy(store);
            struct fixture fixture = fixture_open(config);
            for (unsigned i = 0; i < 3 * memory / VALUE_SIZE; i++) {
                assert_true(set_number(&fixture, i, i));
                assert_true(has_number(&fixture, i, i));
            }
            fixture_close(&fixture);
        }
    }
}

/* Memory that was never touched is not used while segments are about empty. */
static void test_spent_segments_come_before_new_ones(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 64 * MIB, .evict = true, .cas = true});
    struct store_report report;
    uint64_t random = 7;
    const unsigned keys = 10000;
    (void)state;
    for (unsigned i = 0; i < 40 * keys; i++) {
        unsigned number = i < keys ? i : fixture_random(&random, keys);
        assert_true(set_number(&fixture, number, number));
        if (i % 100 == 0)
            fixture_advance(&fixture, 0);
    }
    for (unsigned i = 0; i < keys; i++)
        assert_true(has_number(&fixture, i, i));
    store_report_read(fixture.store, fixture.now, &report);
    assert_true((report.segments_used + report.segments_free) * report.segment_size < 10 * MIB);
    assert_true(fixture_stats(&fixture).moved_bytes < 20 * keys * VALUE_SIZE);
    assert_int_equal(fixture_stats(&fixture).evictions, 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eviction_drops_the_old_and_counts_it),
        cmocka_unit_test(test_what_is_read_stays),
        cmocka_unit_test(test_a_move_keeps_the_cas_unique),
        cmocka_unit_test(test_without_eviction_everything_is_kept),
        cmocka_unit_test(test_a_full_store_without_eviction_still_deletes_touches_and_reads),
        cmocka_unit_test(test_sums_go_back_to_nothing),
        cmocka_unit_test(test_counters_can_be_reset),
        cmocka_unit_test(test_spent_segments_come_before_new_ones),
        cmocka_unit_test(test_all_memory_sizes_work_or_are_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
