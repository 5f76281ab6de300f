/* Numbers are read whole or not at all, up to the last value of their type, and written back alike.
 */

#include "config.h"

#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_u64_takes_digits_up_to_its_last_value(void **state)
{
    uint64_t value = 7;
    (void)state;
    assert_true(number_parse_u64(SLICE_LITERAL("0"), &value));
    assert_int_equal(value, 0);
    assert_true(number_parse_u64(SLICE_LITERAL("007"), &value));
    assert_int_equal(value, 7);
    assert_true(number_parse_u64(SLICE_LITERAL("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

static void test_u64_refuses_everything_else_and_keeps_the_value(void **state)
{
    static const char *const wrong[] = {"",    " 1",
                                        "1 ",  "-1",
                                        "+1",  "1.5",
                                        "1a",  "18446744073709551616",
                                        "0x1", "99999999999999999999",
                                        "\t1"};
    uint64_t value = 7;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        assert_false(number_parse_u64(slice_of(wrong[i]), &value));
    assert_false(number_parse_u64((struct slice){"1\0", 2}, &value));
    assert_int_equal(value, 7);
}

static void test_narrow_types_refuse_one_beyond_their_ends(void **state)
{
    uint32_t u32;
    int32_t i32;
    int64_t i64;
    (void)state;
    assert_true(number_parse_u32(SLICE_LITERAL("4294967295"), &u32));
    assert_false(number_parse_u32(SLICE_LITERAL("4294967296"), &u32));
    assert_true(number_parse_i32(SLICE_LITERAL("-2147483648"), &i32));
    assert_int_equal(i32, INT32_MIN);
    assert_false(number_parse_i32(SLICE_LITERAL("-2147483649"), &i32));
    assert_false(number_parse_i32(SLICE_LITERAL("2147483648"), &i32));
    assert_true(number_parse_i64(SLICE_LITERAL("-9223372036854775808"), &i64));
    assert_true(i64 == INT64_MIN);
    assert_false(number_parse_i64(SLICE_LITERAL("9223372036854775808"), &i64));
    assert_false(number_parse_i64(SLICE_LITERAL("-"), &i64));
    assert_false(number_parse_i64(SLICE_LITERAL("--1"), &i64));
}

static void assert_format_reads_back(uint64_t value)
{
    char digits[NUMBER_U64_SIZE_MAX];
    uint64_t back;
    size_t size = number_format_u64(digits, value);
    assert_true(number_parse_u64((struct slice){digits, size}, &back));
    assert_true(back == value);
    assert_true(size == 1 || digits[0] != '0');
}

static void test_formatting_reads_back_at_every_power_of_ten(void **state)
{
    uint64_t power = 1;
    (void)state;
    for (int digits = 1; digits < 20; digits++, power *= 10) {
        assert_format_reads_back(power - 1);
        assert_format_reads_back(power);
        assert_format_reads_back(power + 1);
    }
    assert_format_reads_back(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64_takes_digits_up_to_its_last_value),
        cmocka_unit_test(test_u64_refuses_everything_else_and_keeps_the_value),
        cmocka_unit_test(test_narrow_types_refuse_one_beyond_their_ends),
        cmocka_unit_test(test_formatting_reads_back_at_every_power_of_ten),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
