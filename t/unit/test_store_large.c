/* Values stored in pieces: every byte is right, through pins, joins, refusals, moves and eviction.
 */

#include "config.h"

#include "store_fixture.h"

static const struct store_config config = {
    .memory_size = 64 * MIB, .item_size_max = 32 * MIB, .evict = true, .cas = true};

static char *new_value(size_t size, uint32_t seed)
{
    char *value = malloc(size + 1);
    assert_non_null(value);
    fixture_make_value(value, size, seed);
    return value;
}

static enum store_outcome set_value(const struct fixture *fixture, const struct store_key *key,
                                    size_t size, uint32_t seed)
{
    char *value = new_value(size, seed);
    enum store_outcome outcome = fixture_set(fixture, key, (struct slice){value, size});
    free(value);
    return outcome;
}

static void test_large_values_are_whole(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    size_t segment = 256 * KIB;
    const size_t sizes[] = {32 * KIB,    32 * KIB + 1, segment - 100, segment - 24,
                            segment,     segment + 1,  2 * segment,   1 * MIB,
                            5 * MIB + 3, 20 * MIB,     31 * MIB + 7,  33 * KIB};
    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(set_value(&fixture, key, sizes[i], i), STORE_STORED);
        assert_true(fixture_finds_value(&fixture, key, sizes[i], i));
        assert_true(fixture_stats(&fixture).bytes >= sizes[i]);
        assert_int_equal(fixture_stats(&fixture).curr_items, 1);
    }
    assert_int_equal(store_delete(fixture.thread, key, NULL), STORE_DELETED);
    assert_int_equal(fixture_stats(&fixture).bytes, 0);
    fixture_close(&fixture);
}

static void test_small_and_empty_values_can_be_filled_too(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    struct store_put put = {.mode = STORE_SET};
    struct store_result result;
    (void)state;
    for (unsigned size = 0; size < 2000; size += 1 + size / 7) {
        char *value = new_value(size, size);
        const struct store_key *key = fixture_number(&name, size);
        assert_int_equal(
            fixture_fill(fixture.thread, key, &put, (struct slice){value, size}, &result),
            STORE_STORED);
        free(value);
        assert_true(fixture_finds_value(&fixture, key, size, size));
    }
    fixture_close(&fixture);
}

static void test_an_abandoned_fill_leaves_nothing(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET};
    (void)state;
    assert_int_equal(set_value(&fixture, key, 100 * KIB, 1), STORE_STORED);
    for (unsigned i = 0; i < 200; i++) {
        struct store_fill *fill = store_fill_start(fixture.thread, key, &put, 10 * MIB);
        assert_non_null(fill);
        char *value = new_value(i * 20 * KIB, i);
        for (size_t at = 0; at < i * 20 * KIB;) {
            struct store_room room = store_fill_room(fixture.thread, fill);
            assert_non_null(room.at);
            size_t size = room.size < i * 20 * KIB - at ? room.size : i * 20 * KIB - at;
            memcpy(room.at, value + at, size);
            store_fill_advance(fill, size);
            at += size;
        }
        free(value);
        assert_int_equal(store_fill_missing(fill), 10 * MIB - i * 20 * KIB);
        store_fill_abandon(fixture.thread, fill);
        store_turn_pass(fixture.thread, fixture.now);
    }
    assert_true(fixture_finds_value(&fixture, key, 100 * KIB, 1));
    assert_int_equal(fixture_stats(&fixture).curr_items, 1);
    fixture_close(&fixture);
}

/* What all fills together hold is bounded, and is given back when they end. */
static void test_too_many_fills_are_refused(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET};
    struct store_fill *fills[100];
    unsigned count = 0;
    (void)state;
    while (count < 100 && (fills[count] = store_fill_start(fixture.thread, key, &put, MIB)) != NULL)
        count++;
    assert_true(count >= 16 && count < 64);
    while (count > 0)
        store_fill_abandon(fixture.thread, fills[--count]);
    assert_int_equal(set_value(&fixture, key, 31 * MIB, 4), STORE_STORED);
    assert_true(fixture_finds_value(&fixture, key, 31 * MIB, 4));
    fixture_close(&fixture);
}

static void expect_pinned(struct store_pin *pin, size_t size, uint32_t seed)
{
    char *copy = malloc(size);
    assert_non_null(copy);
    fixture_read_pin(pin, copy, size);
    assert_true(fixture_is_value(copy, size, seed));
    free(copy);
    store_unpin(pin);
}

enum harm { HARM_DELETE, HARM_OVERWRITE, HARM_FLUSH, HARM_EVICTION, HARM_COUNT };

static void do_harm(struct fixture *fixture, const struct store_key *key, enum harm harm)
{
    struct fixture_key name;
    if (harm == HARM_DELETE)
        assert_int_equal(store_delete(fixture->thread, key, NULL), STORE_DELETED);
    else if (harm == HARM_OVERWRITE)
        assert_int_equal(set_value(fixture, key, 5 * MIB, 99), STORE_STORED);
    else if (harm == HARM_FLUSH)
        store_flush(fixture->thread, 0);
    /* In any case all memory that can be is written anew, several times. */
    for (unsigned i = 0; i < 400; i++) {
        store_turn_pass(fixture->thread, fixture->now);
        assert_int_equal(set_value(fixture, fixture_number(&name, i), 400 * KIB, i), STORE_STORED);
        assert_true(fixture_finds_value(fixture, fixture_number(&name, i), 400 * KIB, i));
    }
}

static void test_a_pinned_value_survives(void **state)
{
    const size_t sizes[] = {100, 1000 * KIB, 9 * MIB};
    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (enum harm harm = HARM_DELETE; harm < HARM_COUNT; harm++) {
            struct fixture fixture = fixture_open(config);
            struct fixture_key name;
            const struct store_key *key = fixture_name(&name, "pinned");
            struct store_item item;
            struct store_pin pin;
            assert_int_equal(set_value(&fixture, key, sizes[i], 7), STORE_STORED);
            assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
            assert_true(store_pin(fixture.thread, &item, &pin));
            do_harm(&fixture, key, harm);
            expect_pinned(&pin, sizes[i], 7);
            fixture_close(&fixture);
        }
    }
}

#define PINNED_SIZE (33 * KIB)

static void set_numbered(struct fixture *fixture, unsigned number)
{
    struct fixture_key name;
    const struct store_key *key = fixture_number(&name, number);
    assert_int_equal(set_value(fixture, key, PINNED_SIZE, number), STORE_STORED);
}

static bool pin_numbered(struct fixture *fixture, unsigned number, struct store_pin *pin)
{
    struct fixture_key name;
    const struct store_key *key = fixture_number(&name, number);
    struct store_item item;
    assert_int_equal(store_get(fixture->thread, key, 0, &item), STORE_HIT);
    return store_pin(fixture->thread, &item, pin);
}

/* One value in each segment holds far more than its bytes. */
static void test_pins_hold_at_most_half_of_the_segments(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct store_pin pins[1000], again;
    unsigned count = 0, number = 0;
    (void)state;
    do {
        for (unsigned i = 0; i < 8; i++)
            set_numbered(&fixture, ++number);
    } while (count < 1000 && pin_numbered(&fixture, number, &pins[count++]));
    count--;
    assert_in_range(count, 90, 130);
    /* What others hold anyway costs nothing more. */
    assert_true(pin_numbered(&fixture, 8 * count, &again));
    expect_pinned(&again, PINNED_SIZE, 8 * count);
    /* There is room for what comes in, many times over. */
    for (unsigned i = 0; i < 4000; i++)
        set_numbered(&fixture, ++number);
    assert_false(pin_numbered(&fixture, number, &again));
    for (unsigned i = 0; i < count; i++)
        expect_pinned(&pins[i], PINNED_SIZE, 8 * (i + 1));
    assert_true(pin_numbered(&fixture, number, &again));
    expect_pinned(&again, PINNED_SIZE, number);
    fixture_close(&fixture);
}

/* Grows a value from nothing past the border of what lies in one piece, at both ends. */
static void test_joins_across_the_border(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put set = {.mode = STORE_SET, .client_flags = 3, .exptime = fixture.now + 9};
    struct store_put append = {.mode = STORE_APPEND, .want_cas = true};
    struct store_put prepend = {.mode = STORE_PREPEND, .want_cas = true};
    struct store_result result;
    struct store_item item;
    size_t whole = 700 * KIB, from = 300 * KIB, to = from;
    char *value = new_value(whole, 5);
    char *copy = malloc(whole);
    (void)state;
    assert_non_null(copy);
    assert_int_equal(fixture_put(&fixture, key, &set, slice_of(""), &result), STORE_STORED);
    for (unsigned i = 0; to < 600 * KIB && from > 60 * KIB; i++) {
        size_t size = i % 8 == 7 ? 50 * KIB : 1 * KIB + i;
        uint64_t before = fixture_cas(&fixture, key);
        if (i % 3 == 0) {
            from -= size;
            assert_int_equal(
                fixture_put(&fixture, key, &prepend, (struct slice){value + from, size}, &result),
                STORE_STORED);
        } else {
            assert_int_equal(
                fixture_put(&fixture, key, &append, (struct slice){value + to, size}, &result),
                STORE_STORED);
            to += size;
        }
        assert_int_equal(result.value_size, to - from);
        assert_true(result.cas != before);
        assert_true(result.cas == fixture_cas(&fixture, key));
        assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
        assert_int_equal(item.value_size, to - from);
        assert_int_equal(item.client_flags, 3);
        assert_int_equal(item.exptime, fixture.now + 9);
        fixture_read_item(fixture.thread, &item, copy);
        assert_memory_equal(copy, value + from, to - from);
    }
    assert_true(to - from > 250 * KIB);
    free(value);
    free(copy);
    fixture_close(&fixture);
}

static void test_a_join_past_the_largest_item_is_refused(void **state)
{
    struct fixture fixture = fixture_open((struct store_config){
        .memory_size = 16 * MIB, .item_size_max = 512 * KIB, .evict = true, .cas = true});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put append = {.mode = STORE_APPEND};
    struct store_result result;
    char *value = new_value(100 * KIB, 2);
    (void)state;
    assert_int_equal(set_value(&fixture, key, 500 * KIB, 1), STORE_STORED);
    for (size_t size = 12 * KIB; size <= 100 * KIB; size += 4 * KIB)
        assert_int_equal(fixture_put(&fixture, key, &append, (struct slice){value, size}, &result),
                         STORE_TOO_LARGE);
    assert_true(fixture_finds_value(&fixture, key, 500 * KIB, 1));
    free(value);
    fixture_close(&fixture);
}

/* Values of half of memory and of many other sizes, over and over: what is found is whole. */
static void test_large_values_under_eviction(void **state)
{
    (void)state;
    for (size_t memory = 1 * MIB; memory <= 16 * MIB; memory *= 4) {
        struct fixture fixture = fixture_open((struct store_config){
            .memory_size = memory, .item_size_max = memory / 2, .evict = true, .cas = true});
        struct fixture_key name;
        size_t sizes[64] = {0}, written = 0;
        uint32_t seeds[64];
        uint64_t random = memory;
        unsigned found = 0;
        for (unsigned i = 0; written < 30 * memory; i++) {
            unsigned number = fixture_random(&random, 64);
            uint32_t most = fixture_random(&random, 10) == 0 ? (uint32_t)(memory / 2 - 200)
                                                             : (uint32_t)(memory / 40);
            size_t size = fixture_random(&random, 4) == 0 ? most : fixture_random(&random, most);
            const struct store_key *key = fixture_number(&name, number);
            assert_int_equal(set_value(&fixture, key, size, i), STORE_STORED);
            assert_true(fixture_finds_value(&fixture, key, size, i));
            sizes[number] = size;
            seeds[number] = i;
            number = fixture_random(&random, 64);
            if (sizes[number] > 0)
                found += fixture_finds_value(&fixture, fixture_number(&name, number), sizes[number],
                                             seeds[number]);
            written += size;
            store_turn_pass(fixture.thread, fixture.now);
        }
        assert_true(found > 10);
        assert_true(fixture_stats(&fixture).evictions > 0);
        for (unsigned i = 0; i < 64; i++)
            (void)store_delete(fixture.thread, fixture_number(&name, i), NULL);
        assert_int_equal(fixture_stats(&fixture).bytes, 0);
        fixture_close(&fixture);
    }
}

/* Without eviction, large values too are kept or refused; what is refused leaves the old one. */
static void test_large_values_without_eviction(void **state)
{
    struct fixture fixture = fixture_open((struct store_config){
        .memory_size = 16 * MIB, .item_size_max = 4 * MIB, .evict = false, .cas = true});
    struct fixture_key name;
    size_t sizes[64] = {0};
    uint32_t seeds[64];
    uint64_t random = 3;
    unsigned refused = 0;
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        unsigned number = fixture_random(&random, 64);
        size_t size = fixture_random(&random, fixture_random(&random, 10) == 0 ? 4000000 : 600000);
        const struct store_key *key = fixture_number(&name, number);
        enum store_outcome outcome = set_value(&fixture, key, size, i);
        if (outcome == STORE_STORED) {
            sizes[number] = size;
            seeds[number] = i;
        } else {
            assert_int_equal(outcome, STORE_NO_MEMORY);
            refused++;
        }
        store_turn_pass(fixture.thread, fixture.now);
        number = fixture_random(&random, 64);
        if (sizes[number] > 0 && outcome != STORE_STORED) {
            assert_int_equal(store_delete(fixture.thread, fixture_number(&name, number), NULL),
                             STORE_DELETED);
            sizes[number] = 0;
        }
        if (sizes[number] > 0)
            assert_true(fixture_finds_value(&fixture, fixture_number(&name, number), sizes[number],
                                            seeds[number]));
    }
    assert_true(refused > 0 && refused < 1000);
    for (unsigned i = 0; i < 64; i++)
        if (sizes[i] > 0)
            assert_true(
                fixture_finds_value(&fixture, fixture_number(&name, i), sizes[i], seeds[i]));
    assert_int_equal(fixture_stats(&fixture).evictions, 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_values_are_whole),
        cmocka_unit_test(test_small_and_empty_values_can_be_filled_too),
        cmocka_unit_test(test_an_abandoned_fill_leaves_nothing),
        cmocka_unit_test(test_too_many_fills_are_refused),
        cmocka_unit_test(test_a_pinned_value_survives),
        cmocka_unit_test(test_pins_hold_at_most_half_of_the_segments),
        cmocka_unit_test(test_joins_across_the_border),
        cmocka_unit_test(test_a_join_past_the_largest_item_is_refused),
        cmocka_unit_test(test_large_values_under_eviction),
        cmocka_unit_test(test_large_values_without_eviction),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
