/* Every operation of the store does what it says and no more, for all sizes of keys and values. */

#include "config.h"

#include "store_fixture.h"

static const struct store_config config = {.memory_size = 8 * MIB, .evict = true, .cas = true};

static void test_set_replaces_value_and_flags(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET, .client_flags = 0xffffffff};
    struct store_result result;
    struct store_item item;
    (void)state;
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_MISS);
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("first"), &result), STORE_STORED);
    assert_int_equal(result.value_size, 5);
    assert_int_equal(result.cas, 0);
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    assert_true(item.client_flags == 0xffffffff);
    assert_int_equal(item.exptime, 0);
    assert_int_equal(item.cas, 0);
    fixture_set_text(&fixture, key, "the second");
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    assert_int_equal(item.client_flags, 0);
    fixture_expect_text(&fixture, key, "the second");
    fixture_close(&fixture);
}

static void test_add_and_replace_look_first(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put add = {.mode = STORE_ADD}, replace = {.mode = STORE_REPLACE};
    struct store_result result;
    (void)state;
    assert_int_equal(fixture_put(&fixture, key, &replace, slice_of("a"), &result),
                     STORE_NOT_STORED);
    assert_int_equal(fixture_put(&fixture, key, &add, slice_of("b"), &result), STORE_STORED);
    assert_int_equal(fixture_put(&fixture, key, &add, slice_of("c"), &result), STORE_NOT_STORED);
    fixture_expect_text(&fixture, key, "b");
    assert_int_equal(fixture_put(&fixture, key, &replace, slice_of("d"), &result), STORE_STORED);
    fixture_expect_text(&fixture, key, "d");
    fixture_close(&fixture);
}

static void test_append_and_prepend_keep_flags_and_exptime(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put set = {.mode = STORE_SET, .client_flags = 7, .exptime = FIXTURE_START + 100};
    struct store_put append = {.mode = STORE_APPEND, .client_flags = 8, .exptime = 1};
    struct store_put prepend = {.mode = STORE_PREPEND, .client_flags = 9, .exptime = 1};
    struct store_result result;
    struct store_item item;
    (void)state;
    assert_int_equal(fixture_put(&fixture, key, &append, slice_of("a"), &result), STORE_NOT_STORED);
    assert_int_equal(fixture_put(&fixture, key, &prepend, slice_of("a"), &result),
                     STORE_NOT_STORED);
    assert_int_equal(fixture_put(&fixture, key, &set, slice_of("mid"), &result), STORE_STORED);
    assert_int_equal(fixture_put(&fixture, key, &append, slice_of("-end"), &result), STORE_STORED);
    assert_int_equal(result.value_size, 7);
    assert_int_equal(fixture_put(&fixture, key, &prepend, slice_of("at-"), &result), STORE_STORED);
    assert_int_equal(result.value_size, 10);
    assert_int_equal(fixture_put(&fixture, key, &append, slice_of(""), &result), STORE_STORED);
    fixture_expect_text(&fixture, key, "at-mid-end");
    assert_int_equal(store_get(fixture.thread, key, 0, &item), STORE_HIT);
    assert_int_equal(item.client_flags, 7);
    assert_int_equal(item.exptime, FIXTURE_START + 100);
    fixture_close(&fixture);
}

static void test_cas_unique_changes_with_the_item_only(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET, .compare_cas = true, .want_cas = true};
    struct store_result result;
    struct store_item item;
    (void)state;
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("a"), &result), STORE_NOT_FOUND);
    fixture_set_text(&fixture, key, "10");
    uint64_t cas = fixture_cas(&fixture, key);
    assert_true(cas != 0);
    assert_true(fixture_cas(&fixture, key) == cas);
    assert_int_equal(store_touch(fixture.thread, key, fixture.now + 50, 0, &item), STORE_HIT);
    assert_int_equal(store_touch(fixture.thread, key, fixture.now + 60, STORE_WANT_CAS, &item),
                     STORE_HIT);
    assert_true(item.cas == cas);
    put.compare = cas + 1;
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("b"), &result), STORE_EXISTS);
    put.compare = cas;
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("20"), &result), STORE_STORED);
    assert_true(result.cas != cas);
    assert_true(fixture_cas(&fixture, key) == result.cas);
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("c"), &result), STORE_EXISTS);
    fixture_expect_text(&fixture, key, "20");
    fixture_close(&fixture);
}

static void test_every_write_gives_a_new_cas_unique(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put append = {.mode = STORE_APPEND, .want_cas = true};
    struct store_arithmetic how = {.delta = 1, .want_cas = true};
    struct store_result result;
    struct store_number number;
    (void)state;
    fixture_set_text(&fixture, key, "10");
    uint64_t first = fixture_cas(&fixture, key);
    fixture_set_text(&fixture, key, "10");
    uint64_t second = fixture_cas(&fixture, key);
    assert_true(second != first);
    assert_int_equal(fixture_put(&fixture, key, &append, slice_of("1"), &result), STORE_STORED);
    assert_true(result.cas != second && fixture_cas(&fixture, key) == result.cas);
    assert_int_equal(store_count(fixture.thread, key, &how, &number), STORE_COUNTED);
    assert_true(number.cas != result.cas && fixture_cas(&fixture, key) == number.cas);
    assert_int_equal(number.value, 102);
    fixture_close(&fixture);
}

static void test_a_cas_unique_can_be_given(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {
        .mode = STORE_SET, .set_cas = true, .cas = 0xfedcba9876543210, .want_cas = true};
    struct store_result result;
    uint64_t wrong = 5;
    (void)state;
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("a"), &result), STORE_STORED);
    assert_true(result.cas == put.cas && fixture_cas(&fixture, key) == put.cas);
    assert_int_equal(store_delete(fixture.thread, key, &wrong), STORE_DELETE_EXISTS);
    assert_int_equal(store_delete(fixture.thread, key, &put.cas), STORE_DELETED);
    assert_int_equal(store_delete(fixture.thread, key, NULL), STORE_DELETE_MISS);
    assert_int_equal(store_delete(fixture.thread, key, &put.cas), STORE_DELETE_MISS);
    fixture_close(&fixture);
}

static void test_without_cas_every_unique_is_0_and_equals_nothing(void **state)
{
    struct fixture fixture =
        fixture_open((struct store_config){.memory_size = 8 * MIB, .evict = true});
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_put put = {.mode = STORE_SET, .compare_cas = true};
    struct store_result result;
    uint64_t none = 0;
    (void)state;
    fixture_set_text(&fixture, key, "a");
    assert_int_equal(fixture_cas(&fixture, key), 0);
    assert_int_equal(fixture_put(&fixture, key, &put, slice_of("b"), &result), STORE_EXISTS);
    assert_int_equal(store_delete(fixture.thread, key, &none), STORE_DELETE_EXISTS);
    assert_int_equal(store_delete(fixture.thread, key, NULL), STORE_DELETED);
    fixture_close(&fixture);
}

static void expect_count(const struct fixture *fixture, const struct store_key *key,
                         struct store_arithmetic how, const char *value)
{
    struct store_number number;
    assert_int_equal(store_count(fixture->thread, key, &how, &number), STORE_COUNTED);
    assert_true(number.value == strtoull(value, NULL, 10));
    fixture_expect_text(fixture, key, value);
}

static void test_counting(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "k");
    struct store_arithmetic up = {.delta = 1}, down = {.delta = 95, .decrement = true};
    struct store_arithmetic down_padded = {.delta = 95, .decrement = true, .pad = true};
    struct store_number number;
    (void)state;
    assert_int_equal(store_count(fixture.thread, key, &up, &number), STORE_COUNT_MISS);
    fixture_set_text(&fixture, key, "99");
    expect_count(&fixture, key, up, "100");
    expect_count(&fixture, key, down_padded, "5  ");
    expect_count(&fixture, key, up, "6");
    expect_count(&fixture, key, down, "0");
    fixture_set_text(&fixture, key, "18446744073709551615");
    expect_count(&fixture, key, up, "0");
    fixture_set_text(&fixture, key, "18446744073709551616");
    assert_int_equal(store_count(fixture.thread, key, &up, &number), STORE_NOT_A_NUMBER);
    fixture_set_text(&fixture, key, "12a");
    assert_int_equal(store_count(fixture.thread, key, &up, &number), STORE_NOT_A_NUMBER);
    fixture_set_text(&fixture, key, "");
    assert_int_equal(store_count(fixture.thread, key, &up, &number), STORE_NOT_A_NUMBER);
    fixture_expect_text(&fixture, key, "");
    fixture_close(&fixture);
}

static void expect_value_of_size(struct fixture *fixture, const struct store_key *key, size_t size)
{
    char *value = malloc(size + 1);
    assert_non_null(value);
    fixture_make_value(value, size, (uint32_t)size);
    assert_true(store_size_allowed(fixture->store, key->size, size));
    assert_int_equal(fixture_set(fixture, key, (struct slice){value, size}), STORE_STORED);
    assert_true(fixture_finds_value(fixture, key, size, (uint32_t)size));
    free(value);
}

static void test_values_of_all_sizes(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    const struct store_key *key = fixture_name(&name, "size");
    size_t border = store_inline_size_max(fixture.store);
    size_t most = MIB - 56 - key->size - 1 - 2;
    (void)state;
    for (size_t size = 0; size < 600; size++)
        expect_value_of_size(&fixture, key, size);
    for (size_t size = border - 9; size < border + 9; size++)
        expect_value_of_size(&fixture, key, size);
    for (size_t size = most - 9; size <= most; size++)
        expect_value_of_size(&fixture, key, size);
    assert_false(store_size_allowed(fixture.store, key->size, most + 1));
    assert_false(store_size_allowed(fixture.store, key->size, UINT64_MAX));
    fixture_close(&fixture);
}

static void test_keys_of_all_sizes_and_bytes(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct store_item item;
    char text[STORE_KEY_SIZE_MAX];
    (void)state;
    for (size_t size = 1; size <= sizeof(text); size++) {
        for (size_t i = 0; i < size; i++)
            text[i] = (char)(i + size);
        struct store_key key = store_key_of(text, size);
        assert_int_equal(fixture_set(&fixture, &key, (struct slice){text, size}), STORE_STORED);
    }
    for (size_t size = 1; size <= sizeof(text); size++) {
        for (size_t i = 0; i < size; i++)
            text[i] = (char)(i + size);
        struct store_key key = store_key_of(text, size);
        assert_int_equal(store_get(fixture.thread, &key, 0, &item), STORE_HIT);
        assert_int_equal(item.value_size, size);
        assert_memory_equal(item.value, text, size);
    }
    assert_int_equal(fixture_stats(&fixture).curr_items, sizeof(text));
    fixture_close(&fixture);
}

static void test_flags_exptime_and_cas_in_every_combination(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key name;
    struct store_result result;
    struct store_item item;
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct store_put put = {.mode = STORE_SET,
                                .client_flags = i & 1 ? 0x80000001 : 0,
                                .exptime = i & 2 ? FIXTURE_START + 10 : 0,
                                .set_cas = i & 4,
                                .cas = 77};
        size_t size = i & 8 ? store_inline_size_max(fixture.store) * 3 : 33;
        char *value = malloc(size);
        assert_non_null(value);
        fixture_make_value(value, size, i);
        const struct store_key *key = fixture_number(&name, i);
        assert_int_equal(fixture_put(&fixture, key, &put, (struct slice){value, size}, &result),
                         STORE_STORED);
        free(value);
        assert_true(fixture_finds_value(&fixture, key, size, i));
        assert_int_equal(store_get(fixture.thread, key, STORE_WANT_CAS, &item), STORE_HIT);
        assert_true(item.client_flags == put.client_flags);
        assert_int_equal(item.exptime, put.exptime);
        assert_true((item.cas == 77) == put.set_cas);
    }
    fixture_close(&fixture);
}

#define BATCH 5

/* Plain, with flags, missing, in pieces, plain again. */
static void fill_batch(const struct fixture *fixture, struct fixture_key names[BATCH],
                       struct slice large, struct store_probe probes[BATCH])
{
    const struct store_put flags = {.mode = STORE_SET, .client_flags = 7};
    struct store_result result;
    for (unsigned i = 0; i < BATCH; i++)
        probes[i].key = *fixture_number(&names[i], i);
    fixture_set_text(fixture, &names[0].key, "first");
    assert_int_equal(fixture_put(fixture, &names[1].key, &flags, slice_of("second"), &result),
                     STORE_STORED);
    assert_int_equal(fixture_set(fixture, &names[3].key, large), STORE_STORED);
    fixture_set_text(fixture, &names[4].key, "last");
}

static void expect_probed(const struct store_probe *probe, const char *text, uint32_t flags)
{
    assert_int_equal(probe->found, STORE_HIT);
    assert_int_equal(probe->item.value_size, strlen(text));
    assert_memory_equal(probe->item.value, text, strlen(text));
    assert_int_equal(probe->item.client_flags, flags);
}

static void test_a_batch_ends_behind_a_value_in_pieces_or_without_room(void **state)
{
    struct fixture fixture = fixture_open(config);
    struct fixture_key names[BATCH];
    struct store_probe probes[BATCH];
    size_t size = store_inline_size_max(fixture.store) + 1;
    struct slice large = {calloc(1, size), size};
    (void)state;
    fill_batch(&fixture, names, large, probes);
    assert_int_equal(store_get_batch(fixture.thread, probes, BATCH, 0, SIZE_MAX, 0), 4);
    expect_probed(&probes[0], "first", 0);
    expect_probed(&probes[1], "second", 7);
    assert_int_equal(probes[2].found, STORE_MISS);
    assert_int_equal(probes[3].found, STORE_HIT);
    assert_null(probes[3].item.value);
    assert_int_equal(probes[3].item.value_size, size);
    assert_int_equal(store_get_batch(fixture.thread, probes + 4, 1, 0, SIZE_MAX, 0), 1);
    expect_probed(&probes[4], "last", 0);
    size_t two = 2 * (strlen("key-0") + 10) + strlen("first") + strlen("second");
    assert_int_equal(store_get_batch(fixture.thread, probes, BATCH, 0, two, 10), 2);
    assert_int_equal(store_get_batch(fixture.thread, probes, BATCH, 0, two - 1, 10), 1);
    free((char *)large.at);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_replaces_value_and_flags),
        cmocka_unit_test(test_add_and_replace_look_first),
        cmocka_unit_test(test_append_and_prepend_keep_flags_and_exptime),
        cmocka_unit_test(test_cas_unique_changes_with_the_item_only),
        cmocka_unit_test(test_every_write_gives_a_new_cas_unique),
        cmocka_unit_test(test_a_cas_unique_can_be_given),
        cmocka_unit_test(test_without_cas_every_unique_is_0_and_equals_nothing),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_values_of_all_sizes),
        cmocka_unit_test(test_keys_of_all_sizes_and_bytes),
        cmocka_unit_test(test_flags_exptime_and_cas_in_every_combination),
        cmocka_unit_test(test_a_batch_ends_behind_a_value_in_pieces_or_without_room),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
