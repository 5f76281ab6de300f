/* A session answers the same bytes however its input is cut, and loses nothing when its output
 * fills. */

#include "config.h"

#include "session_player.h"

static const char conversation[] =
    "set foo 5 0 3\r\nbar\r\nget foo\r\nget  foo x  foo \r\ngets nothing\r\n"
    "set foo 0 0 7\r\na\r\nb\0\xff"
    "c\r\nget foo\nadd foo 0 0 1\r\nx\r\nappend foo 0 0 2\r\nyz\r\n"
    "prepend foo 0 0 2 noreply\r\n12\r\nget foo foo foo\r\nreplace no 0 0 1\r\nx\r\n"
    "set foo 0 0 3\r\nbarbaz\r\nset foo 0 0 -1\r\nset foo abc 0 3\r\nbar\r\nset foo 0 0 "
    "3\r\nbar\nxx\r\n"
    "ms key 2 E7 F3 c k s\r\nhi\r\ncas key 0 0 1 6\r\nx\r\ncas key 0 0 1 7\r\ny\r\nmg key v f t k "
    "Oq\r\n"
    "mg none v q\r\nmg none k\r\nmn\r\nset n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 6\r\nincr foo 1\r\n"
    "touch n 100\r\ntouch none 0\r\ngat 0 n none\r\ndelete n 0\r\ndelete n\r\ndelete n noreply\r\n"
    "bogus\r\nbogus noreply\r\n\r\nget\r\nversion\r\nverbosity 0\r\nflush_all 100\r\nmn\r\n";

static void test_every_cut_of_the_input_gives_the_same_replies(void **state)
{
    struct player player;
    struct text whole;
    struct slice input = {conversation, sizeof(conversation) - 1};
    (void)state;
    text_init(&whole);
    for (size_t piece = input.size; piece > 0; piece -= piece > 40 ? piece / 4 : 1) {
        player_start(&player, NULL);
        player_play(&player, input, piece);
        if (whole.size == 0)
            text_add(&whole, (struct slice){player.replies.at, player.replies.size});
        assert_int_equal(player.replies.size, whole.size);
        assert_memory_equal(player.replies.at, whole.at, whole.size);
        player_end(&player);
    }
    assert_true(whole.size > 500);
    text_end(&whole);
}

static void test_a_value_that_is_too_large_takes_the_old_one_with_it(void **state)
{
    enum { SIZE = 1048577 };
    static char value[SIZE];
    struct player player;
    struct text input;
    (void)state;
    text_init(&input);
    text_format(&input, "set a 0 0 1\r\nx\r\nadd a 0 0 %d\r\n", SIZE);
    text_add(&input, (struct slice){value, SIZE});
    text_format(&input, "\r\nget a\r\nset a 0 0 %d\r\n", SIZE);
    text_add(&input, (struct slice){value, SIZE});
    text_format(&input, "\r\nget a\r\n");
    player_start(&player, NULL);
    player_play(&player, (struct slice){input.at, input.size}, 4096);
    text_add(&player.replies, (struct slice){"", 1});
    assert_string_equal(player.replies.at, "STORED\r\nSERVER_ERROR object too large for cache\r\n"
                                           "VALUE a 0 1\r\nx\r\nEND\r\n"
                                           "SERVER_ERROR object too large for cache\r\nEND\r\n");
    player_end(&player);
    text_end(&input);
}

static void test_noreply_hides_replies_and_errors(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player,
                  "set a 0 0 1 noreply\r\nx\r\nadd a 0 0 1 noreply\r\ny\r\nincr a 1 noreply\r\n"
                  "incr a noreply\r\ndelete noreply\r\nset a 0 abc 1 noreply\r\nx\r\n"
                  "set b 0 0 1048577 x noreply\r\n",
                  "");
    PLAYER_EXPECT(&player, "set a 0 0 -1 noreply\r\nmn\r\n",
                  "CLIENT_ERROR bad command line format\r\nMN\r\n");
    PLAYER_EXPECT(&player, "get a noreply\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    PLAYER_EXPECT(&player, "set a 0 0 1 noreply\r\nxyz\r\nmn\r\n",
                  "CLIENT_ERROR bad command line format\r\nMN\r\n");
    player_end(&player);
}

/* Every value is 1000 bytes, so that 3000 of them fill the output some fifty times. */
static void test_a_multiget_goes_on_where_the_output_was_full(void **state)
{
    enum { KEYS = 50, ROUNDS = 60 };
    struct player player;
    struct text input, expected;
    char value[1000];
    (void)state;
    player_start(&player, NULL);
    text_init(&input);
    text_init(&expected);
    for (int key = 0; key < KEYS; key++) {
        memset(value, 'a' + key % 26, sizeof(value));
        text_format(&input, "set key%d %d 0 1000 noreply\r\n", key, key);
        text_add(&input, (struct slice){value, sizeof(value)});
        text_format(&input, "\r\n");
    }
    text_format(&input, "get");
    for (int i = 0; i < KEYS * ROUNDS; i++) {
        memset(value, 'a' + i % KEYS % 26, sizeof(value));
        text_format(&input, " key%d miss%d", i % KEYS, i);
        text_format(&expected, "VALUE key%d %d 1000\r\n", i % KEYS, i % KEYS);
        text_add(&expected, (struct slice){value, sizeof(value)});
        text_format(&expected, "\r\n");
    }
    text_format(&input, "\r\nmn\r\n");
    text_format(&expected, "END\r\nMN\r\n");
    player_play(&player, (struct slice){input.at, input.size}, PLAYER_WHOLE);
    assert_true(player.sends > 40);
    assert_int_equal(player.replies.size, expected.size);
    assert_memory_equal(player.replies.at, expected.at, expected.size);
    text_end(&input);
    text_end(&expected);
    player_end(&player);
}

static void test_pipelined_gets_are_all_answered_in_order(void **state)
{
    struct player player;
    struct text input, expected;
    (void)state;
    player_start(&player, NULL);
    text_init(&input);
    text_init(&expected);
    text_format(&input, "set a 1 0 1\r\nA\r\nset b 2 0 1\r\nB\r\n");
    text_format(&expected, "STORED\r\nSTORED\r\n");
    for (int i = 0; i < 500; i++) {
        text_format(&input, i % 3 == 0 ? "get a\r\n" : i % 3 == 1 ? "get b a x\n" : "get x \r\n");
        if (i % 3 == 1)
            text_format(&expected, "VALUE b 2 1\r\nB\r\n");
        if (i % 3 != 2)
            text_format(&expected, "VALUE a 1 1\r\nA\r\n");
        text_format(&expected, "END\r\n");
    }
    for (size_t piece = 1; piece < 3000; piece = piece * 3 + 1) {
        player_play(&player, (struct slice){input.at, input.size}, piece);
        assert_int_equal(player.replies.size, expected.size);
        assert_memory_equal(player.replies.at, expected.at, expected.size);
    }
    text_end(&input);
    text_end(&expected);
    player_end(&player);
}

static void test_a_session_yields_after_its_share_of_requests(void **state)
{
    struct player player;
    struct text input;
    (void)state;
    player_start(&player, NULL);
    text_init(&input);
    for (int i = 0; i < 100; i++)
        text_format(&input, "mn\r\n");
    player_play(&player, (struct slice){input.at, input.size}, PLAYER_WHOLE);
    assert_int_equal(player.replies.size, 400);
    assert_int_equal(player.yields, 4);
    text_end(&input);
    player_end(&player);
}

static void allow_shutdown(struct protocol_config *config)
{
    config->shutdown_allowed = true;
    config->flush_allowed = false;
    config->debug_commands = false;
}

static void test_switches_of_the_configuration(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "shutdown\r\ndebugtime p\r\ndebugtime r\r\nflush_all\r\n",
                  "SERVER_ERROR: shutdown not enabled\r\nOK\r\nOK\r\nOK\r\n");
    assert_false(player.shut_down);
    player_end(&player);
    player_start(&player, allow_shutdown);
    PLAYER_EXPECT(&player, "debugtime p\r\nflush_all\r\nshutdown\r\nmn\r\n",
                  "ERROR\r\nCLIENT_ERROR flush_all not allowed\r\n");
    assert_true(player.shut_down && player.closed);
    player_end(&player);
}

static void test_what_closes_a_connection(void **state)
{
    static const char *const closing[] = {"quit\r\nmn\r\n", "GET / HTTP/1.1\r\nmn\r\n",
                                          "\x80\r\nmn\r\n"};
    struct player player;
    (void)state;
    player_start(&player, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(closing); i++) {
        player_play(&player, slice_of(closing[i]), PLAYER_WHOLE);
        assert_true(player.closed);
        assert_int_equal(player.replies.size, 0);
    }
    PLAYER_EXPECT(&player, "mn\r\n\x80\r\n", "MN\r\nCLIENT_ERROR bad command line format\r\n");
    assert_false(player.closed);
    player_end(&player);
}

/* As memcached, whose unsent replies hold on to the items that they show. */
static void test_a_number_just_shown_is_replaced_and_loses_its_padding(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "set n 0 0 3\r\n100\r\ndecr n 99\r\nget n\r\nincr n 1\r\nget n\r\n",
                  "STORED\r\n1\r\nVALUE n 0 3\r\n1  \r\nEND\r\n2\r\nVALUE n 0 1\r\n2\r\nEND\r\n");
    PLAYER_EXPECT(&player, "get n\r\nset n 0 0 2\r\n10\r\ndecr n 1\r\nget n\r\n",
                  "VALUE n 0 1\r\n2\r\nEND\r\nSTORED\r\n9\r\nVALUE n 0 2\r\n9 \r\nEND\r\n");
    player_end(&player);
}

static void test_the_clock_moves_within_a_batch(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "set a 0 10 1\r\nx\r\ndebugtime 9\r\nget a\r\ndebugtime 1\r\nget a\r\n",
                  "STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\nOK\r\nEND\r\n");
    player_end(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_of_the_input_gives_the_same_replies),
        cmocka_unit_test(test_a_value_that_is_too_large_takes_the_old_one_with_it),
        cmocka_unit_test(test_noreply_hides_replies_and_errors),
        cmocka_unit_test(test_a_multiget_goes_on_where_the_output_was_full),
        cmocka_unit_test(test_pipelined_gets_are_all_answered_in_order),
        cmocka_unit_test(test_a_session_yields_after_its_share_of_requests),
        cmocka_unit_test(test_switches_of_the_configuration),
        cmocka_unit_test(test_what_closes_a_connection),
        cmocka_unit_test(test_a_number_just_shown_is_replaced_and_loses_its_padding),
        cmocka_unit_test(test_the_clock_moves_within_a_batch),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
