/* A connection's buffer keeps what it is given, grows by doubling, and never takes more than the
 * budget. */

#include "config.h"

#include "net/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct slice letters(char *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)('a' + i % 26);
    return (struct slice){to, size};
}

static void test_room_is_what_memory_has_left(void **state)
{
    struct buffer_budget budget = {.bytes_max = 8 << 20};
    struct buffer *buffer = NULL;
    char bytes[3000];
    struct slice all = letters(bytes, sizeof(bytes));
    size_t growth = buffer_growth(buffer, all);
    (void)state;
    assert_true(growth > sizeof(bytes));
    assert_int_equal(buffer_growth(buffer, (struct slice){NULL, 0}), 0);
    assert_true(buffer_keep(&buffer, &budget, all));
    assert_int_equal(buffer_growth(buffer, all), 0);
    size_t left = BUFFER_ROOM_MIN - buffer_budget_bytes(&budget);
    assert_true(buffer_budget_has_room(&budget, left));
    assert_false(buffer_budget_has_room(&budget, left + 1));
    buffer_budget_set_room(&budget, 2 * BUFFER_ROOM_MIN);
    assert_true(buffer_budget_has_room(&budget, left + BUFFER_ROOM_MIN));
    assert_false(buffer_budget_has_room(&budget, left + BUFFER_ROOM_MIN + 1));
    buffer_budget_add(&budget, 4 * (ptrdiff_t)BUFFER_ROOM_MIN);
    assert_false(buffer_budget_has_room(&budget, 1));
    assert_true(buffer_budget_has_room(&budget, 0));
    buffer_free(&buffer, &budget);
}

static void test_it_keeps_bytes_from_outside_and_from_inside(void **state)
{
    struct buffer_budget budget = {.bytes_max = 1 << 20};
    struct buffer *buffer = NULL;
    char bytes[3000];
    struct slice all = letters(bytes, sizeof(bytes));
    (void)state;
    assert_true(buffer_keep(&buffer, &budget, all));
    assert_true(slice_equal(buffer_slice(buffer), all));
    assert_false(buffer_holds(buffer, bytes));
    for (size_t from = 1; from < sizeof(bytes); from += 500) {
        struct slice rest = {bytes + from, sizeof(bytes) - from};
        struct slice held = buffer_slice(buffer);
        size_t skipped = held.size - rest.size;
        assert_true(buffer_holds(buffer, held.at + skipped));
        assert_true(buffer_keep(&buffer, &budget, (struct slice){held.at + skipped, rest.size}));
        assert_true(slice_equal(buffer_slice(buffer), rest));
    }
    assert_true(buffer_keep(&buffer, &budget, (struct slice){NULL, 0}));
    assert_null(buffer);
    assert_int_equal(buffer_budget_bytes(&budget), 0);
}

static void test_it_gives_memory_back_when_little_is_left(void **state)
{
    static char bytes[200000];
    struct buffer_budget budget = {.bytes_max = 1 << 20};
    struct buffer *buffer = NULL;
    (void)state;
    assert_true(buffer_keep(&buffer, &budget, letters(bytes, sizeof(bytes))));
    assert_true(buffer_budget_bytes(&budget) >= sizeof(bytes));
    struct slice held = buffer_slice(buffer);
    struct slice tail = {held.at + held.size - 10, 10};
    assert_true(buffer_keep(&buffer, &budget, tail));
    assert_true(slice_equal(buffer_slice(buffer), (struct slice){bytes + sizeof(bytes) - 10, 10}));
    assert_true(buffer_budget_bytes(&budget) < 1000);
    buffer_free(&buffer, &budget);
    assert_int_equal(buffer_budget_bytes(&budget), 0);
}

static void test_growing_keeps_the_bytes_and_stops_at_what_is_wanted(void **state)
{
    struct buffer_budget budget = {.bytes_max = 64 << 20};
    struct buffer *buffer = NULL;
    char bytes[1000];
    struct slice all = letters(bytes, sizeof(bytes));
    size_t wanted = 5000000;
    unsigned steps = 0;
    (void)state;
    assert_true(buffer_keep(&buffer, &budget, all));
    while (buffer_slice(buffer).size < wanted) {
        size_t before = buffer->capacity;
        assert_true(buffer_grow(&buffer, &budget, wanted));
        assert_true(buffer->capacity > before);
        assert_true(buffer->capacity <= wanted);
        buffer->end = buffer->capacity; /* as if so much had been read */
        memset(buffer->bytes + before, 'x', buffer->capacity - before);
        steps++;
    }
    assert_true(steps < 15);
    assert_memory_equal(buffer->bytes, bytes, sizeof(bytes));
    buffer_free(&buffer, &budget);
}

static void test_asking_for_one_byte_more_gives_more_than_that(void **state)
{
    struct buffer_budget budget = {.bytes_max = 1 << 20};
    struct buffer *buffer = NULL;
    char bytes[5000];
    (void)state;
    assert_true(buffer_keep(&buffer, &budget, letters(bytes, sizeof(bytes))));
    assert_true(buffer_grow(&buffer, &budget, sizeof(bytes) + 1));
    assert_true(buffer->capacity >= 2 * sizeof(bytes));
    buffer_free(&buffer, &budget);
}

static void test_the_budget_holds_and_the_buffer_stays_as_it_was(void **state)
{
    struct buffer_budget budget = {.bytes_max = 10000};
    struct buffer *first = NULL;
    struct buffer *second = NULL;
    char bytes[6000];
    struct slice all = letters(bytes, sizeof(bytes));
    (void)state;
    assert_false(buffer_budget_is_short(&budget));
    assert_true(buffer_keep(&first, &budget, all));
    assert_true(buffer_budget_is_short(&budget));
    assert_false(buffer_keep(&second, &budget, all));
    assert_null(second);
    assert_false(buffer_grow(&first, &budget, 1 << 20));
    assert_true(slice_equal(buffer_slice(first), all));
    buffer_free(&first, &budget);
    assert_true(buffer_keep(&second, &budget, all));
    buffer_free(&second, &budget);
    assert_int_equal(buffer_budget_bytes(&budget), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_is_what_memory_has_left),
        cmocka_unit_test(test_it_keeps_bytes_from_outside_and_from_inside),
        cmocka_unit_test(test_it_gives_memory_back_when_little_is_left),
        cmocka_unit_test(test_growing_keeps_the_bytes_and_stops_at_what_is_wanted),
        cmocka_unit_test(test_asking_for_one_byte_more_gives_more_than_that),
        cmocka_unit_test(test_the_budget_holds_and_the_buffer_stays_as_it_was),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
