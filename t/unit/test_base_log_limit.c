/* What clients can provoke is logged once in a while, and the log says how often it happened. */

#include "config.h"

#include "base/log_limit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is written to standard error meanwhile is read with read_log. */
static int log_end;
static int standard_error;

static int redirect_log(void **state)
{
    int ends[2];
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    log_end = ends[0];
    standard_error = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return 0;
}

static int restore_log(void **state)
{
    (void)state;
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(log_end);
    return 0;
}

static const char *read_log(void)
{
    static char text[2048];
    ssize_t size;
    log_write(LOG_NOTICE, "."); /* so that there is something to read */
    size = read(log_end, text, sizeof(text) - 1);
    assert_true(size > 0);
    text[size] = '\0';
    return text;
}

static void test_log_limit_tells_once_and_then_how_often(void **state)
{
    struct log_limit limit = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        log_write_limited(&limit, LOG_WARNING, "number %d", i);
    assert_string_equal(read_log(), "larderd: number 0\nlarderd: .\n");
    limit.written_at -= 11000000;
    for (int i = 4; i < 6; i++)
        log_write_limited(&limit, LOG_WARNING, "number %d", i);
    assert_string_equal(read_log(), "larderd: number 4 (and 3 more since the last such line)\n"
                                    "larderd: .\n");
    limit.written_at -= 11000000;
    log_write_limited(&limit, LOG_WARNING, "number %d", 6);
    assert_string_equal(read_log(), "larderd: number 6 (and 1 more since the last such line)\n"
                                    "larderd: .\n");
}

static void test_log_limit_is_one_of_its_own_for_each_cause(void **state)
{
    struct log_limit first = {0};
    struct log_limit second = {0};
    (void)state;
    log_write_limited(&first, LOG_WARNING, "first");
    log_write_limited(&second, LOG_WARNING, "second");
    assert_string_equal(read_log(), "larderd: first\nlarderd: second\nlarderd: .\n");
}

static void test_log_counts_what_it_could_not_write_and_says_so_once(void **state)
{
    int log = dup(STDERR_FILENO);
    int full = open("/dev/full", O_WRONLY);
    (void)state;
    assert_true(full >= 0);
    uint64_t before = log_lines_lost();
    dup2(full, STDERR_FILENO);
    for (int i = 0; i < 3; i++)
        log_write(LOG_ERROR, "lost %d", i);
    dup2(log, STDERR_FILENO);
    close(full);
    close(log);
    assert_int_equal(log_lines_lost() - before, 3);
    log_write(LOG_NOTICE, "first");
    assert_string_equal(read_log(),
                        "larderd: first\n"
                        "larderd: 3 lines of the log could not be written: is its disk full?\n"
                        "larderd: .\n");
    assert_string_equal(read_log(), "larderd: .\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_limit_tells_once_and_then_how_often, redirect_log,
                                        restore_log),
        cmocka_unit_test_setup_teardown(test_log_limit_is_one_of_its_own_for_each_cause,
                                        redirect_log, restore_log),
        cmocka_unit_test_setup_teardown(test_log_counts_what_it_could_not_write_and_says_so_once,
                                        redirect_log, restore_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
