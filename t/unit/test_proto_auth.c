/* Users and passwords, and the gate before the commands. */

#include "config.h"

#include "proto/passwords.h"
#include "session_player.h"

#include <stdio.h>

static bool lets_in(const char *lines, const char *user, const char *password)
{
    const char *why = NULL;
    struct passwords *passwords = passwords_create(slice_of(lines), &why);
    assert_non_null(passwords);
    assert_null(why);
    bool found = passwords_have(passwords, slice_of(user), slice_of(password));
    passwords_destroy(passwords);
    return found;
}

static void finds_pairs(void **state)
{
    (void)state;
    assert_true(lets_in("a:b", "a", "b"));
    assert_true(lets_in("a:b\r\n\nc:d:e f\n", "c", "d:e f"));
    assert_false(lets_in("a:b\nc:d\n", "a", "d"));
    assert_false(lets_in("a:b\n", "a", ""));
    assert_false(lets_in("a:b\n", "a", "bb"));
    assert_false(lets_in("a:b\n", "", ""));
    assert_false(lets_in("", "", ""));
}

static void finds_the_longest(void **state)
{
    char word[256 + 1];
    char lines[2 * sizeof(word)];
    (void)state;
    memset(word, 'w', sizeof(word));
    word[255] = '\0';
    snprintf(lines, sizeof(lines), "%s:%s", word, word);
    assert_true(lets_in(lines, word, word));
    word[254] = '\0';
    assert_false(lets_in(lines, word, word));
    word[254] = 'w';
    word[255] = 'w';
    word[256] = '\0';
    assert_false(lets_in(lines, word, word));
}

static void refuses_other_lines(void **state)
{
    char many[257 * 4 + 1];
    const char *why = NULL;
    (void)state;
    assert_null(passwords_create(SLICE_LITERAL("a:b\nnobody\n"), &why));
    assert_string_equal(why, "a line is not user:password");
    assert_null(passwords_create(SLICE_LITERAL("a:\n"), &why));
    assert_string_equal(why, "a password is empty");
    assert_null(passwords_create(SLICE_LITERAL("a b:c\n"), &why));
    assert_string_equal(why, "a user has a space in its name");
    for (size_t i = 0; i < 257; i++)
        memcpy(many + 4 * i, "a:b\n", 5);
    assert_null(passwords_create(slice_of(many), &why));
    assert_string_equal(why, "there are more than 256 users");
    many[256 * 4] = '\0';
    struct passwords *passwords = passwords_create(slice_of(many), &why);
    assert_non_null(passwords);
    passwords_destroy(passwords);
}

static void ask_for_passwords(struct protocol_config *config)
{
    config->authenticate = true;
}

/* Whatever is sent, as long as nobody was named who may come in. */
static void lets_nobody_in_unasked(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, ask_for_passwords);
    PLAYER_EXPECT(&player, "get foo\r\nset a 0 0 3\r\na b\r\nversion\r\n",
                  "CLIENT_ERROR unauthenticated\r\n"
                  "CLIENT_ERROR authentication failure\r\n"
                  "CLIENT_ERROR unauthenticated\r\n");
    player_end(&player);
}

static void plays_alike_in_pieces(void **state)
{
    static const char input[] = "gets foo\r\nset a 0 0 3\r\na x\r\nset a 0 0 3\r\na bX\r\n"
                                "set a 0 0 0\r\n\r\nset a 0 0 3\r\na b\r\nget a\r\n";
    static const char expected[] = "CLIENT_ERROR unauthenticated\r\n"
                                   "CLIENT_ERROR authentication failure\r\n"
                                   "CLIENT_ERROR bad command line termination\r\n"
                                   "CLIENT_ERROR bad authentication token format\r\n"
                                   "STORED\r\nEND\r\n";
    struct player player;
    const char *why = NULL;
    (void)state;
    player_start(&player, ask_for_passwords);
    assert_true(protocol_set_passwords(player.protocol, SLICE_LITERAL("a:b\n"), &why));
    for (size_t piece = 1; piece < sizeof(input); piece++) {
        player_play(&player, SLICE_LITERAL(input), piece);
        text_add(&player.replies, (struct slice){"", 1});
        assert_string_equal(player.replies.at, expected);
        assert_false(player.closed);
    }
    player_end(&player);
}

static void expect_closed(struct player *player, struct slice input)
{
    player_play(player, input, PLAYER_WHOLE);
    assert_true(player->closed);
    assert_int_equal(player->replies.size, 0);
}

static void closes_on_strangers(void **state)
{
    static char line[4096];
    struct player player;
    (void)state;
    memset(line, 'k', sizeof(line));
    memcpy(line, "gets ", 5);
    player_start(&player, ask_for_passwords);
    expect_closed(&player, SLICE_LITERAL("mn\r\n"));
    expect_closed(&player, SLICE_LITERAL("\n"));
    expect_closed(&player, (struct slice){line, sizeof(line)});
    player_end(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_pairs),           cmocka_unit_test(finds_the_longest),
        cmocka_unit_test(refuses_other_lines),   cmocka_unit_test(lets_nobody_in_unasked),
        cmocka_unit_test(plays_alike_in_pieces), cmocka_unit_test(closes_on_strangers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
