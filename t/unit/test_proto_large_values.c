/* Values too large for the output or the input buffer: filled in place, sent from where they lie.
 */

#include "config.h"

#include "session_player.h"

static void add_large_set(struct text *input, const char *key, size_t size, char byte)
{
    text_format(input, "set %s 3 0 %zu\r\n", key, size);
    for (size_t i = 0; i < size; i++)
        text_add(input, (struct slice){&byte, 1});
    text_format(input, "\r\n");
}

static void assert_starts(const struct text *text, size_t *at, const char *expected)
{
    size_t size = strlen(expected);
    assert_true(*at + size <= text->size);
    assert_memory_equal(text->at + *at, expected, size);
    *at += size;
}

static void assert_run(const struct text *text, size_t *at, char byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(text->at[*at + i], byte);
    *at += size;
}

static void test_large_values_go_in_and_out_at_any_cut(void **state)
{
    static const size_t pieces[] = {1, 1000, 30011, 100002, PLAYER_WHOLE};
    struct text input;
    (void)state;
    text_init(&input);
    add_large_set(&input, "a", 100000, 'x');
    add_large_set(&input, "b", 500000, 'y');
    text_format(&input, "get a b none a\r\nmg b s v\r\nms c 60000 q\r\n");
    for (int i = 0; i < 60000; i++)
        text_format(&input, "z");
    text_format(&input, "xxmn\r\nget c\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        struct player player;
        size_t at = 0;
        player_start(&player, NULL);
        player_play(&player, (struct slice){input.at, input.size}, pieces[i]);
        const struct text *replies = &player.replies;
        assert_starts(replies, &at, "STORED\r\nSTORED\r\nVALUE a 3 100000\r\n");
        assert_run(replies, &at, 'x', 100000);
        assert_starts(replies, &at, "\r\nVALUE b 3 500000\r\n");
        assert_run(replies, &at, 'y', 500000);
        assert_starts(replies, &at, "\r\nVALUE a 3 100000\r\n");
        assert_run(replies, &at, 'x', 100000);
        assert_starts(replies, &at, "\r\nEND\r\nVA 500000 s500000\r\n");
        assert_run(replies, &at, 'y', 500000);
        assert_starts(replies, &at, "\r\nCLIENT_ERROR bad data chunk\r\nMN\r\nEND\r\n");
        assert_int_equal(at, replies->size);
        player_end(&player);
    }
    text_end(&input);
}

static void test_a_connection_may_end_in_the_middle_of_a_value(void **state)
{
    struct player player;
    struct text input;
    (void)state;
    text_init(&input);
    add_large_set(&input, "a", 200000, 'x');
    player_start(&player, NULL);
    player_play(&player, (struct slice){input.at, 150000}, 4096);
    assert_int_equal(player.replies.size, 0);
    PLAYER_EXPECT(&player, "get a\r\n", "END\r\n");
    player_end(&player);
    text_end(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_values_go_in_and_out_at_any_cut),
        cmocka_unit_test(test_a_connection_may_end_in_the_middle_of_a_value),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
