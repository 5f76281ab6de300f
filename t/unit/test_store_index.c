/* The index grows through many sizes and nothing is ever lost, doubled, or past the memory limit.
 */

#include "config.h"

#include "store_fixture.h"

#define MEMORY_SIZE (128 * MIB)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Keys are the numbers themselves, 4 bytes; values are empty: no item can be smaller. */
static struct store_key tiny_key(uint32_t *number)
{
    return store_key_of((const char *)number, sizeof(*number));
}

static enum store_outcome set_tiny(const struct fixture *fixture, uint32_t number)
{
    struct store_key key = tiny_key(&number);
    struct store_put put = {.mode = STORE_SET};
    struct store_result result;
    return store_put(fixture->thread, &key, &put, (struct slice){"", 0}, &result);
}

static bool has_tiny(const struct fixture *fixture, uint32_t number)
{
    struct store_key key = tiny_key(&number);
    return fixture_has(fixture, &key);
}

static bool delete_tiny(const struct fixture *fixture, uint32_t number)
{
    struct store_key key = tiny_key(&number);
    return store_delete(fixture->thread, &key, NULL) == STORE_DELETED;
}

/* Resident memory of this process now, bytes. */
static size_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * 4096;
}

struct walked {
    unsigned char *seen; /* of each number */
    uint32_t count;
    uint32_t doubled;
};

static void on_walked(void *context, struct slice key, const struct store_item *item)
{
    struct walked *walked = context;
    uint32_t number;
    assert_int_equal(key.size, sizeof(number));
    assert_int_equal(item->value_size, 0);
    memcpy(&number, key.at, sizeof(number));
    walked->count++;
    walked->doubled += walked->seen[number];
    walked->seen[number] = 1;
}

/* A walk visits what is there, each once. */
static uint32_t walk_all(const struct fixture *fixture, uint32_t numbers)
{
    struct walked walked = {.seen = calloc(numbers, 1)};
    size_t cursor = 0;
    assert_non_null(walked.seen);
    while (store_walk(fixture->thread, &cursor, 1000, on_walked, &walked))
        store_turn_pass(fixture->thread, fixture->now);
    assert_int_equal(walked.doubled, 0);
    free(walked.seen);
    return walked.count;
}

static void test_everything_is_found_at_every_size(void **state)
{
    struct fixture fixture = fixture_open(
        (struct store_config){.memory_size = MEMORY_SIZE / 2, .evict = true, .cas = true});
    struct store_report report;
    uint32_t count = SANITIZED ? 200000 : 1500000;
    unsigned looked_growing = 0;
    uint64_t random = 5, lines = 0, sizes = 0;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(set_tiny(&fixture, i), STORE_STORED);
        assert_true(has_tiny(&fixture, i));
        assert_true(has_tiny(&fixture, fixture_random(&random, i + 1)));
        assert_false(has_tiny(&fixture, i + 1));
        if (i % 4096 != 0)
            continue;
        store_turn_pass(fixture.thread, fixture.now);
        store_report_read(fixture.store, fixture.now, &report);
        sizes += report.index_lines > lines;
        lines = report.index_lines;
        if (report.index_growing && i > 100000 && looked_growing < 4) {
            looked_growing++;
            for (uint32_t j = 0; j <= i; j++)
                assert_true(has_tiny(&fixture, j));
            assert_int_equal(walk_all(&fixture, i + 1), i + 1);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        assert_true(has_tiny(&fixture, i));
    assert_int_equal(walk_all(&fixture, count), count);
    assert_int_equal(fixture_stats(&fixture).curr_items, count);
    assert_true(sizes >= 5);
    /* Between two growths the load is never below what a growth by an eighth leaves. */
    store_report_read(fixture.store, fixture.now, &report);
    assert_true(count * 100 > report.index_lines * 7 * 70);
    fixture_close(&fixture);
}

static void test_deletions_while_it_grows(void **state)
{
    struct fixture fixture = fixture_open(
        (struct store_config){.memory_size = MEMORY_SIZE / 2, .evict = true, .cas = true});
    uint32_t count = SANITIZED ? 200000 : 1500000, left = 0;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(set_tiny(&fixture, i), STORE_STORED);
        if (i % 3 == 2)
            assert_true(delete_tiny(&fixture, i / 2));
    }
    for (uint32_t i = 0; i < count; i++) {
        bool deleted = i * 2 + 1 < count && ((i * 2) % 3 == 2 || (i * 2 + 1) % 3 == 2);
        assert_int_equal(has_tiny(&fixture, i), !deleted);
        left += !deleted;
    }
    assert_int_equal(walk_all(&fixture, count), left);
    for (uint32_t i = 0; i < count; i++)
        (void)delete_tiny(&fixture, i);
    assert_int_equal(walk_all(&fixture, count), 0);
    assert_int_equal(fixture_stats(&fixture).curr_items, 0);
    assert_int_equal(fixture_stats(&fixture).bytes, 0);
    fixture_close(&fixture);
}

/* The smallest items there are fill all of memory; each set is taken, the youngest are found. */
static void test_tiny_items_in_all_of_memory(void **state)
{
    size_t memory = SANITIZED ? 8 * MIB : MEMORY_SIZE;
    uint32_t count = (uint32_t)(memory / 12), found = 0;
    size_t before = resident();
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = memory, .evict = true, .cas = true});
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(set_tiny(&fixture, i), STORE_STORED);
        if (i % 65536 != 0)
            continue;
        store_turn_pass(fixture.thread, fixture.now);
        if (!SANITIZED)
            assert_true(resident() <= before + memory + 2 * MIB);
    }
    for (uint32_t i = 0; i < count; i++)
        found += has_tiny(&fixture, i);
    for (uint32_t i = count - count / 40; i < count; i++)
        assert_true(has_tiny(&fixture, i));
    struct store_stats stats = fixture_stats(&fixture);
    assert_true(stats.evictions > 0);
    assert_int_equal(found, stats.curr_items);
    assert_int_equal(found + stats.evictions, count);
    assert_true(found > memory / 32);
    fixture_close(&fixture);
}

/* Memory goes from tiny items to large ones and back and stays within its limit. */
static void test_memory_stays_within_its_limit(void **state)
{
    size_t memory = 64 * MIB, before = resident();
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = memory, .evict = true, .cas = true});
    struct fixture_key name;
    char *value = calloc(1, 700 * KIB);
    (void)state;
    assert_non_null(value);
    if (SANITIZED)
        memory = 10000 * MIB; /* the sanitizer's own memory counts */
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 1500000; i++)
            assert_int_equal(set_tiny(&fixture, i + round), STORE_STORED);
        assert_true(resident() <= before + memory + 3 * MIB);
        for (unsigned i = 0; i < 400; i++) {
            store_turn_pass(fixture.thread, fixture.now);
            assert_int_equal(
                fixture_set(&fixture, fixture_number(&name, i), (struct slice){value, 700 * KIB}),
                STORE_STORED);
            assert_true(resident() <= before + memory + 3 * MIB);
        }
    }
    free(value);
    fixture_close(&fixture);
}

static void test_a_walk_goes_on_in_steps_of_any_size(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = MIB, .evict = true, .cas = true});
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(set_tiny(&fixture, i), STORE_STORED);
    for (size_t step = 1; step < 2000; step += step) {
        struct walked walked = {.seen = calloc(1000, 1)};
        size_t cursor = 0;
        unsigned steps = 0;
        assert_non_null(walked.seen);
        while (store_walk(fixture.thread, &cursor, step, on_walked, &walked))
            assert_true(++steps < 100000);
        assert_int_equal(walked.count, 1000);
        assert_int_equal(walked.doubled, 0);
        free(walked.seen);
    }
    fixture_close(&fixture);
}

/* What is there from before a walk until after it is visited, though the index grows meanwhile. */
static void test_a_walk_misses_nothing_while_the_index_grows(void **state)
{
    uint32_t first = SANITIZED ? 20000 : 60000;
    (void)state;
    for (unsigned pace = 1; pace < 40; pace += 3) {
        struct fixture fixture = fixture_open(
            (struct store_config){.memory_size = 4 * MIB, .evict = false, .cas = true});
        uint32_t added = first;
        struct walked walked = {.seen = calloc(first * 8, 1)};
        size_t cursor = 0;
        assert_non_null(walked.seen);
        for (uint32_t i = 0; i < first; i++)
            assert_int_equal(set_tiny(&fixture, i), STORE_STORED);
        while (store_walk(fixture.thread, &cursor, 50, on_walked, &walked))
            for (unsigned i = 0; i < pace && added < first * 2; i++)
                assert_int_equal(set_tiny(&fixture, added++), STORE_STORED);
        for (uint32_t i = 0; i < first; i++)
            assert_true(walked.seen[i]);
        free(walked.seen);
        fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_found_at_every_size),
        cmocka_unit_test(test_deletions_while_it_grows),
        cmocka_unit_test(test_tiny_items_in_all_of_memory),
        cmocka_unit_test(test_memory_stays_within_its_limit),
        cmocka_unit_test(test_a_walk_goes_on_in_steps_of_any_size),
        cmocka_unit_test(test_a_walk_misses_nothing_while_the_index_grows),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
