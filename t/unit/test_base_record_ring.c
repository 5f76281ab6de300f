/* A record ring keeps records whole and in order, over its end and between two threads. */

#include "config.h"

#include "base/record_ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD_SIZE 8 /* of a record */

static void test_a_ring_without_room_takes_nothing(void **state)
{
    struct record_ring ring = {0};
    char taken[16];
    (void)state;
    assert_false(record_ring_add(&ring, 1, SLICE_LITERAL("")));
    assert_int_equal(record_ring_take(&ring, taken, sizeof(taken)), 0);
}

static void test_a_full_ring_refuses_until_something_is_taken(void **state)
{
    struct record_ring ring = {0};
    char taken[64];
    (void)state;
    assert_true(record_ring_start(&ring, 2 * (HEAD_SIZE + 4)));
    assert_true(record_ring_add(&ring, 1, SLICE_LITERAL("abcd")));
    assert_false(record_ring_add(&ring, 1, SLICE_LITERAL("12345")));
    assert_true(record_ring_add(&ring, 2, SLICE_LITERAL("efgh")));
    assert_false(record_ring_add(&ring, 1, SLICE_LITERAL("")));
    assert_int_equal(record_ring_take(&ring, taken, 2 * (HEAD_SIZE + 4) - 1), HEAD_SIZE + 4);
    assert_true(record_ring_add(&ring, 3, SLICE_LITERAL("ijkl")));
    struct slice records = {taken, record_ring_take(&ring, taken, sizeof(taken))};
    struct slice record;
    uint32_t kind;
    assert_true(record_next(&records, &kind, &record));
    assert_int_equal(kind, 2);
    assert_true(slice_is(record, "efgh"));
    assert_true(record_next(&records, &kind, &record));
    assert_int_equal(kind, 3);
    assert_true(slice_is(record, "ijkl"));
    assert_false(record_next(&records, &kind, &record));
    record_ring_end(&ring);
}

#define RECORDS 200000

/* Each record is its number, written 1 to 9 times. */
static void *add_all(void *context)
{
    struct record_ring *ring = context;
    for (uint32_t number = 0; number < RECORDS; number++) {
        uint32_t copies[9];
        for (size_t i = 0; i < ARRAY_COUNT(copies); i++)
            copies[i] = number;
        struct slice record = {(const char *)copies, (number % 9 + 1) * sizeof(uint32_t)};
        while (!record_ring_add(ring, number, record))
            sched_yield();
    }
    return NULL;
}

static bool is_whole(struct slice record, uint32_t number)
{
    if (record.size != (number % 9 + 1) * sizeof(uint32_t))
        return false;
    for (size_t i = 0; i < record.size; i += sizeof(uint32_t))
        if (memcmp(record.at + i, &number, sizeof(number)) != 0)
            return false;
    return true;
}

static void test_two_threads_pass_whole_records_in_order(void **state)
{
    struct record_ring ring = {0};
    char taken[150];
    uint32_t expected = 0;
    pthread_t adder;
    (void)state;
    assert_true(record_ring_start(&ring, 257));
    assert_int_equal(pthread_create(&adder, NULL, add_all, &ring), 0);
    while (expected < RECORDS) {
        struct slice records = {taken, record_ring_take(&ring, taken, sizeof(taken))};
        struct slice record;
        uint32_t kind;
        if (records.size == 0)
            sched_yield();
        for (; record_next(&records, &kind, &record); expected++)
            if (kind != expected || !is_whole(record, expected))
                fail_msg("record %u is broken", expected);
    }
    assert_int_equal(pthread_join(adder, NULL), 0);
    record_ring_end(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ring_without_room_takes_nothing),
        cmocka_unit_test(test_a_full_ring_refuses_until_something_is_taken),
        cmocka_unit_test(test_two_threads_pass_whole_records_in_order),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
