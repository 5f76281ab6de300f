/* Numbers that are counted in place: no new bytes, the text that clients know, exact cas uniques.
 */

#include "config.h"

#include "store_fixture.h"

static const struct store_config config = {.memory_size = 8 * MIB, .evict = true, .cas = true};
static const struct store_arithmetic up = {.delta = 1, .pad = true};

static uint64_t count(const struct fixture *fixture, const struct store_key *key,
                      struct store_arithmetic how)
{
    struct store_number number;
    assert_int_equal(store_count(fixture->thread, key, &how, &number), STORE_COUNTED);
    assert_int_equal(number.cas != 0, how.want_cas && fixture_cas(fixture, key) != 0);
    return number.value;
}

/* A number that has been counted often enough to be counted in place from now on. */
static void set_counter(const struct fixture *fixture, const struct store_key *key,
                        const char *text)
{
    struct store_arithmetic by_0 = {.delta = 0, .pad = true};
    fixture_set_text(fixture, key, text);
    count(fixture, key, by_0);
    uint64_t before = fixture_stats(fixture).appended_bytes;
    count(fixture, key, by_0);
    assert_int_equal(fixture_stats(fixture).appended_bytes, before);
}

static enum store_outcome set_if_unchanged(const struct fixture *fixture,
                                           const struct store_key *key, uint64_t compare)
{
    struct store_put put = {.mode = STORE_SET, .compare_cas = true, .compare = compare};
    struct store_result result;
    return store_put(fixture->thread, key, &put, slice_of("1000"), &result);
}

static void test_counting_in_place_writes_nothing_new(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    (void)state;
    for (unsigned size = 1; size <= STORE_KEY_SIZE_MAX; size++) { /* the word is aligned for all */
        struct store_put put = {.mode = STORE_SET,
                                .client_flags = size % 3,
                                .exptime = size % 2 ? FIXTURE_START + size : 0};
        struct store_result result;
        char text[16];
        memset(name.text, 'k', size);
        name.key = store_key_of(name.text, size);
        assert_int_equal(fixture_put(&fixture, &name.key, &put, slice_of("100"), &result),
                         STORE_STORED);
        assert_int_equal(count(&fixture, &name.key, up), 101);
        uint64_t before = fixture_stats(&fixture).appended_bytes;
        for (unsigned i = 102; i < 200; i++) {
            struct store_item item;
            assert_int_equal(count(&fixture, &name.key, up), i);
            snprintf(text, sizeof(text), "%u", i);
            fixture_expect_text(&fixture, &name.key, text);
            assert_int_equal(store_get(fixture.thread, &name.key, 0, &item), STORE_HIT);
            assert_int_equal(item.client_flags, put.client_flags);
            assert_int_equal(item.exptime, put.exptime);
        }
        assert_int_equal(fixture_stats(&fixture).appended_bytes, before);
    }
    fixture_close(&fixture);
}

static void test_the_text_keeps_its_width(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_arithmetic down = {.delta = 95, .decrement = true, .pad = true};
    struct store_arithmetic down_short = {.delta = 1, .decrement = true};
    (void)state;
    set_counter(&fixture, key, "100");
    assert_int_equal(count(&fixture, key, down), 5);
    fixture_expect_text(&fixture, key, "5  ");
    assert_int_equal(count(&fixture, key, down), 0);
    fixture_expect_text(&fixture, key, "0  ");
    assert_int_equal(count(&fixture, key, (struct store_arithmetic){.delta = 999, .pad = true}),
                     999);
    fixture_expect_text(&fixture, key, "999");
    assert_int_equal(count(&fixture, key, up), 1000);
    fixture_expect_text(&fixture, key, "1000");
    assert_int_equal(count(&fixture, key, down_short), 999);
    fixture_expect_text(&fixture, key, "999");
    set_counter(&fixture, key, " 7  ");
    fixture_expect_text(&fixture, key, "7   ");
    set_counter(&fixture, key, "18446744073709551615");
    assert_int_equal(count(&fixture, key, up), 0);
    fixture_expect_text(&fixture, key, "0                   ");
    fixture_close(&fixture);
}

static void test_a_unique_that_was_seen_is_never_kept(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    (void)state;
    for (unsigned between = 0; between < 4; between++) {
        set_counter(&fixture, key, "100");
        uint64_t seen = fixture_cas(&fixture, key);
        assert_true(fixture_cas(&fixture, key) == seen);
        for (unsigned i = 0; i <= between; i++)
            count(&fixture, key, up);
        assert_int_equal(set_if_unchanged(&fixture, key, seen), STORE_EXISTS);
        uint64_t after = fixture_cas(&fixture, key);
        assert_true(after != seen);
        assert_int_equal(set_if_unchanged(&fixture, key, after), STORE_STORED);
    }
    fixture_close(&fixture);
}

static void test_a_unique_that_counting_gives_is_the_items(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_arithmetic how = {.delta = 1, .pad = true, .want_cas = true};
    struct store_arithmetic compared = {.delta = 1, .pad = true, .compare_cas = true};
    struct store_arithmetic given = {.delta = 1, .pad = true, .cas = 77};
    struct store_number first, second;
    (void)state;
    set_counter(&fixture, key, "100");
    assert_int_equal(store_count(fixture.thread, key, &how, &first), STORE_COUNTED);
    count(&fixture, key, up);
    assert_int_equal(store_count(fixture.thread, key, &how, &second), STORE_COUNTED);
    assert_true(second.cas != first.cas);
    assert_true(fixture_cas(&fixture, key) == second.cas);
    compared.compare = first.cas;
    assert_int_equal(store_count(fixture.thread, key, &compared, &first), STORE_COUNT_EXISTS);
    fixture_expect_text(&fixture, key, "103");
    compared.compare = second.cas;
    assert_int_equal(store_count(fixture.thread, key, &compared, &first), STORE_COUNTED);
    assert_int_equal(first.value, 104);
    set_counter(&fixture, key, "100");
    count(&fixture, key, given);
    assert_int_equal(fixture_cas(&fixture, key), 77);
    count(&fixture, key, up);
    assert_true(fixture_cas(&fixture, key) != 77);
    fixture_close(&fixture);
}

static void on_walked(void *context, struct slice key, const struct store_item *item)
{
    assert_int_equal(key.size, 1);
    assert_int_equal(item->value_size, 3);
    *(uint64_t *)context = item->cas;
}

static void test_a_unique_that_a_walk_shows_counts_as_seen(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    uint64_t seen = 0;
    size_t cursor = 0;
    (void)state;
    set_counter(&fixture, key, "100");
    while (store_walk(fixture.thread, &cursor, 1000, on_walked, &seen))
        continue;
    assert_true(seen != 0);
    count(&fixture, key, up);
    assert_int_equal(set_if_unchanged(&fixture, key, seen), STORE_EXISTS);
    fixture_close(&fixture);
}

static void test_every_other_change_starts_from_the_number(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put append = {.mode = STORE_APPEND}, prepend = {.mode = STORE_PREPEND};
    struct store_invalidation stale = {.stale = true};
    struct store_result result;
    struct store_item item;
    (void)state;
    set_counter(&fixture, key, "100");
    assert_int_equal(store_touch(fixture.thread, key, FIXTURE_START + 9, 0, &item), STORE_HIT);
    assert_int_equal(item.exptime, FIXTURE_START + 9);
    fixture_expect_text(&fixture, key, "100");
    assert_int_equal(count(&fixture, key, up), 101);
    assert_int_equal(fixture_put(&fixture, key, &append, slice_of("2"), &result), STORE_STORED);
    fixture_expect_text(&fixture, key, "1012");
    set_counter(&fixture, key, "3");
    assert_int_equal(fixture_put(&fixture, key, &prepend, slice_of("4"), &result), STORE_STORED);
    fixture_expect_text(&fixture, key, "43");
    set_counter(&fixture, key, "55");
    assert_int_equal(store_invalidate(fixture.thread, key, &stale), STORE_DELETED);
    fixture_expect_text(&fixture, key, "55");
    assert_int_equal(count(&fixture, key, up), 56);
    fixture_close(&fixture);
}

static void test_a_large_value_can_be_joined_to_a_number(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put append = {.mode = STORE_APPEND};
    struct store_result result;
    struct store_item item;
    size_t size = 3 * store_inline_size_max(fixture.store);
    char *value = malloc(size + 3);
    (void)state;
    assert_non_null(value);
    fixture_make_value(value, size, 5);
    set_counter(&fixture, key, "123");
    assert_int_equal(fixture_put(&fixture, key, &append, (struct slice){value, size}, &result),
                     STORE_STORED);
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    assert_int_equal(item.value_size, size + 3);
    fixture_read_item(fixture.thread, &item, value);
    assert_memory_equal(value, "123", 3);
    assert_true(fixture_is_value(value + 3, size, 5));
    free(value);
    fixture_close(&fixture);
}

static void test_a_pinned_number_stays_what_it_was(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_item item;
    struct store_pin pin;
    char text[3];
    (void)state;
    set_counter(&fixture, key, "123");
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    assert_true(store_pin(fixture.thread, &item, &pin));
    count(&fixture, key, up);
    fixture_read_pin(&pin, text, sizeof(text));
    store_unpin(&pin);
    assert_memory_equal(text, "123", 3);
    fixture_expect_text(&fixture, key, "124");
    fixture_close(&fixture);
}

/* Compaction copies them; what is counted before, between and after is not lost. */
static void test_a_move_keeps_the_number(void **state)
{
    enum { COUNTERS = 500, ROUNDS = 8 };
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 2 * MIB, .evict = false, .cas = true});
    struct fixture_key name;
    char value[300] = {0};
    uint64_t random = 1;
    (void)state;
    for (unsigned i = 0; i < COUNTERS; i++) {
        fixture_set_text(&fixture, fixture_number(&name, i), "1000");
        count(&fixture, &name.key, up);
        for (unsigned filler = 0; filler < 4; filler++) /* soon dead: their segments are moved */
            assert_int_equal(fixture_set(&fixture, fixture_number(&name, 20000 + i * 4 + filler),
                                         (struct slice){value, sizeof(value)}),
                             STORE_STORED);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < 20000; i++) {
            fixture_number(&name, 20000 + fixture_random(&random, 2000));
            assert_int_equal(
                fixture_set(&fixture, &name.key,
                            (struct slice){value, fixture_random(&random, sizeof(value))}),
                STORE_STORED);
        }
        for (unsigned i = 0; i < COUNTERS; i += 1 + round)
            count(&fixture, fixture_number(&name, i), up);
    }
    assert_true(fixture_stats(&fixture).moved_items > COUNTERS);
    for (unsigned i = 0; i < COUNTERS; i++) {
        char expected[16];
        unsigned counted = 1001;
        for (unsigned round = 0; round < ROUNDS; round++)
            counted += i % (1 + round) == 0;
        snprintf(expected, sizeof(expected), "%u", counted);
        fixture_expect_text(&fixture, fixture_number(&name, i), expected);
    }
    fixture_close(&fixture);
}

/* What is counted is in use, even if nobody reads it: eviction lets it stay. */
static void test_what_is_counted_stays(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 2 * MIB, .evict = true, .cas = true});
    struct fixture_key name, filler;
    char value[300] = {0};
    (void)state;
    fixture_set_text(&fixture, fixture_name(&name, "k"), "100000");
    for (unsigned i = 0; i < 50000; i++) {
        assert_int_equal(count(&fixture, &name.key, up), 100001 + i);
        assert_int_equal(
            fixture_set(&fixture, fixture_number(&filler, i), (struct slice){value, sizeof(value)}),
            STORE_STORED);
    }
    assert_true(fixture_stats(&fixture).evictions > 0);
    fixture_close(&fixture);
}

static void test_without_uniques_it_is_the_same(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 8 * MIB, .evict = true, .cas = false});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    (void)state;
    set_counter(&fixture, key, "100");
    assert_int_equal(fixture_cas(&fixture, key), 0);
    assert_int_equal(count(&fixture, key, up), 101);
    fixture_expect_text(&fixture, key, "101");
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting_in_place_writes_nothing_new),
        cmocka_unit_test(test_the_text_keeps_its_width),
        cmocka_unit_test(test_a_unique_that_was_seen_is_never_kept),
        cmocka_unit_test(test_a_unique_that_counting_gives_is_the_items),
        cmocka_unit_test(test_a_unique_that_a_walk_shows_counts_as_seen),
        cmocka_unit_test(test_every_other_change_starts_from_the_number),
        cmocka_unit_test(test_a_large_value_can_be_joined_to_a_number),
        cmocka_unit_test(test_a_pinned_number_stays_what_it_was),
        cmocka_unit_test(test_a_move_keeps_the_number),
        cmocka_unit_test(test_what_is_counted_stays),
        cmocka_unit_test(test_without_uniques_it_is_the_same),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
