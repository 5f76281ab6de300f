/* Lines and words: ends, spaces, sizes at their limits, exptimes at theirs. */

#include "config.h"

#include "proto/request_line.h"

#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1800000000u

static void assert_line(struct slice input, const char *text, size_t size)
{
    struct line line;
    assert_int_equal(line_find(input, 0, &line), LINE_COMPLETE);
    assert_true(slice_is(line.text, text));
    assert_int_equal(line.size, size);
}

static void test_a_line_ends_with_or_without_a_return(void **state)
{
    struct line line;
    (void)state;
    assert_line(SLICE_LITERAL("get a\r\nmore"), "get a", 7);
    assert_line(SLICE_LITERAL("get a\nmore\r\n"), "get a", 6);
    assert_line(SLICE_LITERAL("\r\n"), "", 2);
    assert_line(SLICE_LITERAL("\n"), "", 1);
    assert_line(SLICE_LITERAL("a\r\r\n"), "a\r", 4);
    assert_int_equal(line_find(SLICE_LITERAL("get a\r"), 0, &line), LINE_OPEN);
    assert_int_equal(line_find(SLICE_LITERAL("get a\r\n"), 6, &line), LINE_COMPLETE);
}

static enum line_status find_in(const char *start, size_t size, bool ended)
{
    struct line line;
    char *input = malloc(size);
    assert_non_null(input);
    memset(input, 'x', size);
    memcpy(input, start, strlen(start));
    if (ended)
        input[size - 1] = '\n';
    enum line_status status = line_find((struct slice){input, size}, 0, &line);
    free(input);
    return status;
}

static void test_only_get_lines_may_be_long(void **state)
{
    (void)state;
    assert_int_equal(find_in("mg ", 2048, false), LINE_OPEN);
    assert_int_equal(find_in("mg ", 2049, false), LINE_TOO_LONG);
    assert_int_equal(find_in("get ", 2049, false), LINE_OPEN);
    assert_int_equal(find_in("gets ", 100000, false), LINE_OPEN);
    assert_int_equal(find_in("gat ", 100000, false), LINE_TOO_LONG);
    assert_int_equal(find_in("get", 2049, false), LINE_TOO_LONG);
    assert_int_equal(find_in("mg ", LINE_SIZE_MAX, true), LINE_COMPLETE);
    assert_int_equal(find_in("mg ", LINE_SIZE_MAX + 1, true), LINE_TOO_LONG);
    assert_int_equal(find_in("get ", 1000000, true), LINE_COMPLETE);
}

static void test_a_long_get_line_has_at_most_a_hundred_spaces_before_it(void **state)
{
    char start[120];
    (void)state;
    memset(start, ' ', sizeof(start));
    memcpy(start + 100, "get ", 5);
    assert_int_equal(find_in(start, 3000, false), LINE_OPEN);
    memcpy(start + 100, " get ", 6);
    assert_int_equal(find_in(start, 3000, false), LINE_TOO_LONG);
}

static void test_words_are_parted_by_spaces_alone(void **state)
{
    struct slice words[4];
    (void)state;
    assert_int_equal(words_split(SLICE_LITERAL("  a  b\tc \x01 "), words, 4), 3);
    assert_true(slice_is(words[0], "a"));
    assert_true(slice_is(words[1], "b\tc"));
    assert_true(slice_is(words[2], "\x01"));
    assert_int_equal(words_split(SLICE_LITERAL("   "), words, 4), 0);
    assert_int_equal(words_split(SLICE_LITERAL("a b c d e"), words, 4), 4);
    assert_true(slice_is(word_last(SLICE_LITERAL("a b noreply  ")), "noreply"));
    assert_true(slice_is(word_last(SLICE_LITERAL("noreply")), "noreply"));
    assert_int_equal(word_last(SLICE_LITERAL("  ")).size, 0);
}

static void test_an_overlong_key_is_found_wherever_it_stands(void **state)
{
    char text[2000];
    (void)state;
    for (size_t at = 0; at + 252 < sizeof(text); at += 13) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = i % 7 == 6 ? ' ' : 'k';
        struct slice whole = {text, sizeof(text)};
        assert_false(words_have_overlong_key(whole));
        memset(text + at, 'k', 252);
        if (at > 0)
            text[at - 1] = ' ';
        text[at + 250] = ' ';
        assert_false(words_have_overlong_key(whole));
        text[at + 250] = 'k';
        text[at + 251] = ' ';
        assert_true(words_have_overlong_key(whole));
    }
    memset(text, 'k', 251);
    assert_false(words_have_overlong_key((struct slice){text, 250}));
    assert_true(words_have_overlong_key((struct slice){text, 251}));
}

static uint32_t exptime_parsed(const char *text)
{
    uint32_t exptime = 12345;
    assert_true(exptime_parse(slice_of(text), NOW, &exptime));
    return exptime;
}

static void test_exptimes_are_relative_up_to_thirty_days(void **state)
{
    uint32_t exptime;
    (void)state;
    assert_int_equal(exptime_parsed("0"), 0);
    assert_int_equal(exptime_parsed("1"), NOW + 1);
    assert_int_equal(exptime_parsed("2592000"), NOW + 2592000);
    assert_int_equal(exptime_parsed("2592001"), 2592001);
    assert_int_equal(exptime_parsed("2147483647"), 2147483647);
    assert_true(exptime_parsed("-1") != 0 && exptime_parsed("-1") < NOW);
    assert_false(exptime_parse(SLICE_LITERAL("abc"), NOW, &exptime));
    assert_false(exptime_parse(SLICE_LITERAL(""), NOW, &exptime));
    assert_true(exptime_is_forgotten(exptime_parsed("2592001"), NOW));
    assert_false(exptime_is_forgotten(exptime_parsed("-1"), NOW));
    assert_false(exptime_is_forgotten(exptime_parsed("2147483647"), NOW));
    assert_false(exptime_is_forgotten(0, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_ends_with_or_without_a_return),
        cmocka_unit_test(test_only_get_lines_may_be_long),
        cmocka_unit_test(test_a_long_get_line_has_at_most_a_hundred_spaces_before_it),
        cmocka_unit_test(test_words_are_parted_by_spaces_alone),
        cmocka_unit_test(test_an_overlong_key_is_found_wherever_it_stands),
        cmocka_unit_test(test_exptimes_are_relative_up_to_thirty_days),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
