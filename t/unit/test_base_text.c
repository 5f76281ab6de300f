/* Texts grow with what is added; slices compare by all their bytes. */

#include "config.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_text_keeps_everything_added_in_order(void **state)
{
    struct text text;
    (void)state;
    text_init(&text);
    for (int i = 0; i < 3000; i++) {
        text_format(&text, "%04d", i);
        text_add(&text, SLICE_LITERAL(","));
    }
    assert_int_equal(text.size, 3000 * 5);
    for (int i = 0; i < 3000; i++) {
        char expected[8];
        snprintf(expected, sizeof(expected), "%04d,", i);
        assert_memory_equal(text.at + 5 * i, expected, 5);
    }
    assert_false(text.failed);
    text_end(&text);
}

static void test_text_takes_nothing_and_much(void **state)
{
    static char much[100000];
    struct text text;
    (void)state;
    text_init(&text);
    text_add(&text, SLICE_LITERAL(""));
    assert_int_equal(text.size, 0);
    text_add(&text, (struct slice){much, sizeof(much)});
    assert_int_equal(text.size, sizeof(much));
    assert_memory_equal(text.at, much, sizeof(much));
    text_end(&text);
    assert_null(text.at);
}

static void test_slices_are_equal_when_all_bytes_are(void **state)
{
    (void)state;
    assert_true(slice_is(SLICE_LITERAL("get"), "get"));
    assert_false(slice_is(SLICE_LITERAL("get"), "gets"));
    assert_false(slice_is(SLICE_LITERAL("gets"), "get"));
    assert_true(slice_equal((struct slice){"a\0b", 3}, (struct slice){"a\0b", 3}));
    assert_false(slice_equal((struct slice){"a\0b", 3}, (struct slice){"a\0c", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_keeps_everything_added_in_order),
        cmocka_unit_test(test_text_takes_nothing_and_much),
        cmocka_unit_test(test_slices_are_equal_when_all_bytes_are),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
