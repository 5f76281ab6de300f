/* lardertop: samples are read whole from whatever comes, rates are only told where they are known,
 * and nothing but printable ASCII reaches the terminal. */

#include "config.h"

#include "tools/top_sample.h"
#include "tools/top_screen.h"
#include "tools/top_view.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char whole[] =
    "STAT pid 77\r\nSTAT uptime 90061\r\nSTAT version 1.2.3\r\nSTAT threads 4\r\n"
    "STAT cmd_get 100\r\nSTAT get_hits 75\r\nSTAT get_misses 25\r\nSTAT cmd_set 10\r\n"
    "STAT rusage_user 1.500000\r\nSTAT limit_maxbytes 67108864\r\nSTAT bytes 33554432\r\n"
    "END\r\n"
    "STAT live_bytes 1024\r\nEND\r\n"
    "STAT get:timed 8\r\nSTAT get:p99_us 1234.5\r\n"
    "END\r\n"
    "STAT seconds 60\r\nSTAT requests 600\r\nSTAT 1:key a%3Ab%25\r\nSTAT 1:requests 300\r\n"
    "STAT 1:error 6\r\nSTAT 2:key other\r\nSTAT 2:requests 60\r\nSTAT 2:error 6\r\n"
    "END\r\n";

static enum top_progress read_in_pieces(struct top_sample *sample, const char *bytes, size_t size,
                                        size_t piece)
{
    struct top_reader reader;
    enum top_progress progress = TOP_READ_MORE;
    top_reader_init(&reader, sample);
    for (size_t at = 0; at < size && progress == TOP_READ_MORE; at += piece)
        progress = top_reader_take(
            &reader, (struct slice){bytes + at, size - at < piece ? size - at : piece});
    return progress;
}

static enum top_progress read_text(struct top_sample *sample, const char *text)
{
    return read_in_pieces(sample, text, strlen(text), strlen(text));
}

static void test_a_sample_is_the_same_in_any_pieces(void **state)
{
    struct top_sample sample;
    (void)state;
    for (size_t piece = 1; piece < sizeof(whole); piece++) {
        assert_int_equal(read_in_pieces(&sample, whole, sizeof(whole) - 1, piece), TOP_READ_ALL);
        assert_true(sample.values[TOP_STAT_PID] == 77);
        assert_true(sample.values[TOP_STAT_CPU_USER] == 1.5);
        assert_true(sample.values[TOP_STAT_GET_P99] == 1234.5);
        assert_true(sample.values[TOP_STAT_LIVE_BYTES] == 1024);
        assert_true(isnan(sample.values[TOP_STAT_EVICTIONS]));
        assert_string_equal(sample.version, "1.2.3");
        assert_int_equal(sample.hot_key_count, 2);
        assert_string_equal(sample.hot_keys[0].key, "a%3Ab%25");
        assert_true(sample.hot_keys[0].requests == 300);
        assert_true(sample.hot_keys[1].error == 6);
    }
}

static void test_sections_that_a_server_lacks_stay_unknown(void **state)
{
    struct top_sample sample;
    (void)state;
    assert_int_equal(read_text(&sample, "STAT pid 1\r\nEND\r\nERROR\r\nCLIENT_ERROR no\r\n"),
                     TOP_READ_MORE);
    assert_int_equal(
        read_text(&sample, "STAT pid 1\r\nEND\r\nERROR\r\nERROR\r\nSERVER_ERROR x\r\n"),
        TOP_READ_ALL);
    assert_true(sample.values[TOP_STAT_PID] == 1);
    assert_true(isnan(sample.values[TOP_STAT_HOT_SECONDS]));
}

/* As a name of one section means nothing in another. */
static void test_sections_are_kept_apart(void **state)
{
    struct top_sample sample;
    (void)state;
    assert_int_equal(read_text(&sample,
                               "STAT seconds 1\r\nSTAT 1:key k\r\nEND\r\nSTAT pid 5\r\nEND\r\n"
                               "END\r\nEND\r\n"),
                     TOP_READ_ALL);
    assert_true(isnan(sample.values[TOP_STAT_HOT_SECONDS]));
    assert_true(isnan(sample.values[TOP_STAT_PID]));
    assert_int_equal(sample.hot_key_count, 0);
}

static void test_nonsense_is_told_from_a_refusal(void **state)
{
    static char long_line[TOP_LINE_SIZE_MAX + 8];
    static char endless[8 * 5000 + 1];
    struct top_sample sample;
    struct top_reader reader;
    (void)state;
    assert_int_equal(read_text(&sample, "HTTP/1.1 400 Bad Request\r\n"), TOP_READ_NONSENSE);
    assert_int_equal(read_in_pieces(&sample, "STAT \0 1\r\n", 10, 10), TOP_READ_NONSENSE);
    memset(long_line, 'x', sizeof(long_line) - 1);
    assert_int_equal(read_text(&sample, long_line), TOP_READ_NONSENSE);
    for (size_t i = 0; i < 5000; i++)
        memcpy(endless + 8 * i, "STAT a\r\n", 8);
    assert_int_equal(read_text(&sample, endless), TOP_READ_NONSENSE);
    top_reader_init(&reader, &sample);
    assert_int_equal(top_reader_take(&reader, SLICE_LITERAL("CLIENT_ERROR unauthenticated\r\n")),
                     TOP_READ_REFUSED);
    assert_string_equal(reader.refusal, "CLIENT_ERROR unauthenticated");
}

static void test_values_that_are_no_numbers_stay_unknown(void **state)
{
    static const char *const wrong[] = {"", "-1", "nan", "inf", "0x10", "1e9", "1.2.3", " 1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct top_sample sample;
        char text[80];
        snprintf(text, sizeof(text), "STAT pid %s\r\nEND\r\nEND\r\nEND\r\nEND\r\n", wrong[i]);
        assert_int_equal(read_text(&sample, text), TOP_READ_ALL);
        assert_true(isnan(sample.values[TOP_STAT_PID]));
    }
}

/* Ranks beyond the list, without a key, or out of turn. */
static void test_hot_keys_are_bounded(void **state)
{
    struct top_sample sample;
    (void)state;
    assert_int_equal(read_text(&sample,
                               "END\r\nEND\r\nEND\r\nSTAT seconds 1\r\nSTAT 0:key a\r\n"
                               "STAT 33:key b\r\nSTAT 4294967297:key c\r\nSTAT 2:key d\r\n"
                               "STAT 1:requests 5\r\nSTAT :key e\r\nSTAT -1:key f\r\nEND\r\n"),
                     TOP_READ_ALL);
    assert_int_equal(sample.hot_key_count, 0);
}

static struct top_sample sample_at(double seconds, double gets, double uptime, double pid)
{
    struct top_sample sample;
    struct top_reader reader;
    top_reader_init(&reader, &sample);
    sample.taken_at = seconds;
    sample.values[TOP_STAT_GETS] = gets;
    sample.values[TOP_STAT_GET_HITS] = gets * 3 / 4;
    sample.values[TOP_STAT_GET_MISSES] = gets / 4;
    sample.values[TOP_STAT_UPTIME] = uptime;
    sample.values[TOP_STAT_PID] = pid;
    return sample;
}

static void test_figures_of_two_samples(void **state)
{
    struct top_sample before = sample_at(10, 1000, 100, 7);
    struct top_sample now = sample_at(12, 3000, 102, 7);
    struct top_change change;
    double figures[TOP_FIGURES];
    (void)state;
    top_change_between(&change, &before, &now);
    top_figures_of(figures, &change);
    assert_true(figures[TOP_FIGURE_REQUESTS] == 1000);
    assert_true(figures[TOP_FIGURE_GETS] == 1000);
    assert_true(figures[TOP_FIGURE_HIT_RATIO] == 0.75);
    assert_true(isnan(figures[TOP_FIGURE_SETS]));
    assert_true(isnan(figures[TOP_FIGURE_GET_P99]));
}

static double rate_between(struct top_sample before, struct top_sample now)
{
    struct top_change change;
    top_change_between(&change, &before, &now);
    return change.rate[TOP_STAT_GETS];
}

static void test_no_rate_across_a_restart_or_a_reset(void **state)
{
    (void)state;
    assert_true(rate_between(sample_at(10, 10, 100, 7), sample_at(11, 30, 101, 7)) == 20);
    assert_true(isnan(rate_between(sample_at(10, 10, 100, 7), sample_at(11, 30, 0, 7))));
    assert_true(isnan(rate_between(sample_at(10, 10, 100, 7), sample_at(11, 30, 101, 8))));
    assert_true(isnan(rate_between(sample_at(10, 10, 100, 7), sample_at(11, 5, 101, 7))));
    assert_true(isnan(rate_between(sample_at(10, 10, 100, 7), sample_at(10, 30, 100, 7))));
}

static void test_a_sum_knows_what_one_of_its_servers_knows(void **state)
{
    struct top_sample before = sample_at(10, 0, 100, 7), now = sample_at(11, 8, 101, 7);
    struct top_change sum, known, unknown;
    double figures[TOP_FIGURES];
    (void)state;
    now.values[TOP_STAT_GET_P99] = 5;
    top_change_between(&known, &before, &now);
    top_change_between(&unknown, NULL, &now);
    top_change_init(&sum);
    top_change_add(&sum, &known);
    top_change_add(&sum, &unknown);
    top_change_add(&sum, &known);
    top_figures_of(figures, &sum);
    assert_true(figures[TOP_FIGURE_GETS] == 16);
    assert_true(figures[TOP_FIGURE_HIT_RATIO] == 0.75);
    assert_true(isnan(figures[TOP_FIGURE_GET_P99]));
}

static struct top_view view_of(const char *name, enum top_state state, double requests)
{
    struct top_view view = {.name = name, .state = state};
    view.figures[TOP_FIGURE_REQUESTS] = requests;
    return view;
}

static void assert_order(const unsigned order[], unsigned a, unsigned b, unsigned c, unsigned d)
{
    const unsigned wanted[] = {a, b, c, d};
    assert_memory_equal(order, wanted, sizeof(wanted));
}

static void test_the_largest_come_first_and_the_unknown_last(void **state)
{
    struct top_view views[] = {view_of("c", TOP_UP, 1), view_of("a", TOP_DOWN, 9),
                               view_of("d", TOP_UP, 5), view_of("b", TOP_UP, 1)};
    const struct top_view *list[] = {&views[0], &views[1], &views[2], &views[3]};
    unsigned order[4];
    (void)state;
    top_sort(order, list, 4, TOP_FIGURE_REQUESTS, false);
    assert_order(order, 2, 0, 3, 1);
    top_sort(order, list, 4, TOP_FIGURE_REQUESTS, true);
    assert_order(order, 0, 3, 2, 1);
    top_sort(order, list, 4, TOP_BY_NAME, false);
    assert_order(order, 1, 3, 0, 2);
    top_sort(order, list, 4, TOP_BY_NAME, true);
    assert_order(order, 2, 0, 3, 1);
}

static void test_figures_fit_their_column(void **state)
{
    static const struct {
        enum top_form form;
        double value;
        const char *text;
    } rows[] = {
        {TOP_COUNT, NAN, "-"},
        {TOP_COUNT, 0, "0"},
        {TOP_COUNT, 999.4, "999"},
        {TOP_COUNT, 999.6, "1.0k"},
        {TOP_COUNT, 12345, "12.3k"},
        {TOP_COUNT, 99949, "99.9k"},
        {TOP_COUNT, 123456, "123k"},
        {TOP_COUNT, 999999, "1.0M"},
        {TOP_COUNT, 1.8e19, "99999T"},
        {TOP_BYTES, 1023, "1023"},
        {TOP_BYTES, 1024, "1.0K"},
        {TOP_BYTES, 67108864, "64.0M"},
        {TOP_PERCENT, 0.987, "98.7"},
        {TOP_PERCENT, 1, "100.0"},
        {TOP_PERCENT, 1e9, "9999.9"},
        {TOP_MICROSECONDS, 0, "0us"},
        {TOP_MICROSECONDS, 999, "999us"},
        {TOP_MICROSECONDS, 1234, "1.2ms"},
        {TOP_MICROSECONDS, 2500000, "2.5s"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char text[TOP_FIGURE_TEXT_SIZE];
        top_format_figure(text, rows[i].form, rows[i].value);
        assert_string_equal(text, rows[i].text);
        assert_true(strlen(text) <= 7);
    }
}

static void test_keys_are_decoded_as_far_as_is_safe(void **state)
{
    static const char *const rows[][2] = {
        {"user%3A7%2Fx", "user:7/x"},
        {"%25%33", "%253"},
        {"%1B%5D0%3B%9B%7F%20", "%1B]0;%9B%7F%20"},
        {"\033]0;x\a\x9b", "?]0;x??"},
        {"%", "%"},
        {"%4", "%4"},
        {"%zz%4", "%zz%4"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char text[40];
        top_readable_key(text, sizeof(text), rows[i][0]);
        assert_string_equal(text, rows[i][1]);
    }
    char cut[4];
    top_readable_key(cut, sizeof(cut), "abcdef");
    assert_string_equal(cut, "abc");
}

/* --- screens --------------------------------------------------------------------------------- */

struct screen {
    struct top_view views[3];
    const struct top_view *list[3];
    unsigned order[3];
    struct top_frame frame;
};

static void make_screen(struct screen *screen, unsigned width, unsigned height)
{
    static const char hostile[] =
        "STAT version \033[2J\x9b\x07\r\nEND\r\nSTAT live_bytes 5\r\nEND\r\n"
        "STAT get:timed 4\r\nEND\r\nSTAT seconds 9\r\nSTAT requests 9\r\n"
        "STAT 1:key \033]0;owned\x07\x7f\xff\tx\r\nSTAT 1:requests 9\r\nSTAT 1:error 0\r\nEND\r\n";
    static const char *const names[] = {
        "one", "\033[31mtwo", "a-name-that-is-much-too-long-for-any-column.example:11211"};
    for (unsigned i = 0; i < 3; i++) {
        struct top_view *view = &screen->views[i];
        *view = view_of(names[i], i == 1 ? TOP_DOWN : TOP_UP, 1);
        snprintf(view->problem, sizeof(view->problem), "no\033[5m\r\nway");
        assert_int_equal(read_text(&view->sample, hostile), TOP_READ_ALL);
        top_change_between(&view->change, NULL, &view->sample);
        top_figures_of(view->figures, &view->change);
        screen->list[i] = view;
        screen->order[i] = i;
    }
    screen->frame = (struct top_frame){.views = screen->list,
                                       .order = screen->order,
                                       .count = 3,
                                       .delay = 1,
                                       .width = width,
                                       .height = height,
                                       .colour = true};
}

/* Walks over a drawn screen as a terminal does: only the sequences that it is made of, and nothing
 * outside its width and height. */
static void assert_fits(const struct text *out, unsigned width, unsigned height)
{
    unsigned row = 1, column = 0;
    for (size_t i = 0; i < out->size; i++) {
        char byte = out->at[i];
        if (byte == '\033') {
            assert_true(out->at[++i] == '[');
            do
                i++;
            while (i < out->size && out->at[i] >= '0' && out->at[i] <= '9');
            assert_true(strchr("HJKm", out->at[i]) != NULL);
            /* There is no erasing behind the last column: it would erase in it. */
            assert_true(out->at[i] != 'K' || column < width);
        } else if (byte == '\r') {
            assert_true(out->at[++i] == '\n');
            row++;
            column = 0;
        } else {
            assert_true(byte >= ' ' && byte < 0x7f);
            column++;
        }
        assert_true(column <= width && row <= height);
    }
}

static void test_no_screen_is_larger_than_the_terminal(void **state)
{
    struct screen screen;
    (void)state;
    for (unsigned width = 1; width < 160; width += width < 100 ? 1 : 13)
        for (unsigned height = 1; height < 50; height += height < 26 ? 1 : 11)
            for (unsigned help = 0; help < 2; help++) {
                struct text out;
                text_init(&out);
                make_screen(&screen, width, height);
                screen.frame.help = help == 1;
                screen.frame.selected = width % 3;
                top_screen_draw(&out, &screen.frame);
                assert_fits(&out, width, height);
                text_end(&out);
            }
}

/* The text behind `from`, up to its line end. */
static void assert_has(const struct text *out, const char *wanted)
{
    char *copy = calloc(out->size + 1, 1);
    assert_non_null(copy);
    memcpy(copy, out->at, out->size);
    if (strstr(copy, wanted) == NULL)
        fail_msg("\"%s\" is not in:\n%s", wanted, copy);
    free(copy);
}

static void test_what_is_printed_is_lines_of_ascii(void **state)
{
    struct screen screen;
    struct text out;
    (void)state;
    text_init(&out);
    make_screen(&screen, 80, 24);
    top_screen_print(&out, &screen.frame);
    for (size_t i = 0; i < out.size; i++)
        assert_true(out.at[i] == '\n' || (out.at[i] >= ' ' && out.at[i] < 0x7f));
    assert_has(&out, "\n ?[31mtwo");
    assert_has(&out, " down: no?[5m??way\n");
    assert_has(&out, "  ?]0;owned????x\n");
    assert_has(&out, "  version ?[2J??\n");
    text_end(&out);
}

static void test_json_has_every_byte_as_a_character(void **state)
{
    struct screen screen;
    struct text out;
    (void)state;
    text_init(&out);
    make_screen(&screen, 80, 24);
    screen.views[0].name = "q\"b\\";
    top_json_print(&out, &screen.frame);
    for (size_t i = 0; i + 1 < out.size; i++)
        assert_true(out.at[i] >= ' ' && out.at[i] < 0x7f);
    assert_has(&out, "{\"server\":\"q\\\"b\\\\\",\"state\":\"up\"");
    assert_has(&out, "\"state\":\"down\",\"problem\":\"no\\u001b[5m\\u000d\\u000away\"}");
    assert_has(
        &out,
        "{\"key\":\"\\u001b]0;owned\\u0007\\u007f\\u00ff\\u0009x\",\"requests\":9,\"error\":0}");
    assert_has(&out, "\"hit_ratio\":null");
    assert_has(&out, "\"stats\":{\"live_bytes\":5,\"get:timed\":4,\"seconds\":9,\"requests\":9}");
    text_end(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sample_is_the_same_in_any_pieces),
        cmocka_unit_test(test_sections_that_a_server_lacks_stay_unknown),
        cmocka_unit_test(test_sections_are_kept_apart),
        cmocka_unit_test(test_nonsense_is_told_from_a_refusal),
        cmocka_unit_test(test_values_that_are_no_numbers_stay_unknown),
        cmocka_unit_test(test_hot_keys_are_bounded),
        cmocka_unit_test(test_figures_of_two_samples),
        cmocka_unit_test(test_no_rate_across_a_restart_or_a_reset),
        cmocka_unit_test(test_a_sum_knows_what_one_of_its_servers_knows),
        cmocka_unit_test(test_the_largest_come_first_and_the_unknown_last),
        cmocka_unit_test(test_figures_fit_their_column),
        cmocka_unit_test(test_keys_are_decoded_as_far_as_is_safe),
        cmocka_unit_test(test_no_screen_is_larger_than_the_terminal),
        cmocka_unit_test(test_what_is_printed_is_lines_of_ascii),
        cmocka_unit_test(test_json_has_every_byte_as_a_character),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
