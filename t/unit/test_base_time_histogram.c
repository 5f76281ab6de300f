/* The histogram of times tells shares to a sixteenth, whatever their range. */

#include "base/time_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct time_counters counters;

static struct time_histogram read_histogram(void)
{
    struct time_histogram histogram = {0};
    time_histogram_add(&histogram, &counters);
    return histogram;
}

static void shares_are_known_to_a_sixteenth(void **state)
{
    (void)state;
    for (uint64_t time = 125; time < UINT64_C(60000000000); time = time * 5 / 4 + 1) {
        time_counters_clear(&counters);
        time_counters_add(&counters, time, 100);
        time_counters_add(&counters, UINT64_C(100000000000), 1);
        struct time_histogram histogram = read_histogram();
        uint64_t half = time_histogram_at(&histogram, 0.5);
        assert_true(half >= time);
        assert_true(half <= time + time / 16 + 125);
        assert_int_equal(time_histogram_at(&histogram, 1), UINT64_C(100000000000));
        assert_int_equal(histogram.count, 101);
    }
}

static void an_empty_one_has_no_times(void **state)
{
    (void)state;
    time_counters_clear(&counters);
    struct time_histogram histogram = read_histogram();
    assert_int_equal(time_histogram_at(&histogram, 0.99), 0);
    assert_int_equal(time_histogram_below(&histogram, 20), 0);
}

static void powers_of_two_are_exact_bounds(void **state)
{
    (void)state;
    time_counters_clear(&counters);
    for (unsigned octave = 0; octave <= 20; octave++) {
        uint64_t bound = UINT64_C(1000) << octave;
        time_counters_add(&counters, bound - 1, 1);
        time_counters_add(&counters, bound, 1);
    }
    struct time_histogram histogram = read_histogram();
    for (unsigned octave = 0; octave <= 20; octave++)
        assert_int_equal(time_histogram_below(&histogram, octave), 2 * octave + 1);
}

static void what_came_since_is_the_difference(void **state)
{
    (void)state;
    time_counters_clear(&counters);
    time_counters_add(&counters, 5000, 10);
    struct time_histogram before = read_histogram();
    time_counters_add(&counters, 900000, 3);
    struct time_histogram since = read_histogram();
    time_histogram_subtract(&since, &before);
    assert_int_equal(since.count, 3);
    assert_int_equal(since.nanoseconds, 2700000);
    assert_true(time_histogram_at(&since, 0.01) >= 900000);

    time_counters_clear(&counters);
    time_counters_add(&counters, 7000, 1);
    since = read_histogram();
    time_histogram_subtract(&since, &before);
    assert_int_equal(since.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_known_to_a_sixteenth),
        cmocka_unit_test(an_empty_one_has_no_times),
        cmocka_unit_test(powers_of_two_are_exact_bounds),
        cmocka_unit_test(what_came_since_is_the_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
