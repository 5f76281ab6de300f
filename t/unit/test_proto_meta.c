/* The meta commands: flags, their arguments, their errors, and the order in which they come back.
 */

#include "config.h"

#include "session_player.h"

static void test_replies_keep_the_order_of_the_flags(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "ms foo 3 F5 E77 s k Oabc c\r\nbar\r\n", "HD s3 kfoo Oabc c77\r\n");
    PLAYER_EXPECT(&player, "mg foo s t c f k Oabc v\r\n",
                  "VA 3 s3 t-1 c77 f5 kfoo Oabc\r\nbar\r\n");
    PLAYER_EXPECT(&player, "mg foo Oabc k f\r\n", "HD Oabc kfoo f5\r\n");
    PLAYER_EXPECT(&player, "mg none Oabc s k\r\n", "EN Oabc knone\r\n");
    player_end(&player);
}

static void test_quiet_hides_what_is_expected(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player,
                  "ms foo 3 q\r\nbar\r\nmg none q\r\nmg foo q\r\nms foo 1 ME q\r\nx\r\nmn\r\n",
                  "HD\r\nNS\r\nMN\r\n");
    PLAYER_EXPECT(&player, "md foo q\r\nmd foo q\r\nma none q\r\n", "NF\r\nNF\r\n");
    player_end(&player);
}

static void test_errors_name_what_is_wrong(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "mg\r\nmg  \r\nmg foo z\r\nmg foo s s\r\nmg foo T\r\nmg foo Tx\r\n",
                  "CLIENT_ERROR bad command line format\r\n"
                  "CLIENT_ERROR bad command line format\r\n"
                  "CLIENT_ERROR invalid flag\r\n"
                  "CLIENT_ERROR duplicate flag\r\n"
                  "CLIENT_ERROR bad token in command line format\r\n"
                  "CLIENT_ERROR bad token in command line format\r\n");
    PLAYER_EXPECT(&player,
                  "mg foo \xc3\xa9\r\nmg foo [\r\nmg foo @\r\nmg foo O"
                  "1234567890123456"
                  "7890123456789012\r\nmg !!! b\r\nma foo z\r\nma foo MX\r\n",
                  "CLIENT_ERROR bad command line format\r\n"
                  "CLIENT_ERROR invalid flag\r\n"
                  "CLIENT_ERROR invalid flag\r\n"
                  "CLIENT_ERROR opaque token too long\r\n"
                  "CLIENT_ERROR error decoding key\r\n"
                  "CLIENT_ERROR invalid or duplicate flag\r\n"
                  "CLIENT_ERROR invalid mode for ma M token\r\n");
    PLAYER_EXPECT(&player, "ms foo 3 Fx\r\nbar\r\nms foo 3 M\r\nbar\r\nms foo S3\r\nmn\r\n",
                  "CLIENT_ERROR bad command line format\r\n"
                  "CLIENT_ERROR invalid mode for ms M token\r\n"
                  "CLIENT_ERROR bad command line format\r\nMN\r\n");
    player_end(&player);
}

static void test_keys_in_base64_are_stored_decoded(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "ms Zm9v 3 b\r\nbar\r\nget foo\r\nmg Zm9v b k v\r\nmg Zm9vIA== b k\r\n",
                  "HD\r\nVALUE foo 0 3\r\nbar\r\nEND\r\nVA 3 kZm9v b\r\nbar\r\nEN kZm9vIA== b\r\n");
    PLAYER_EXPECT(&player, "mg Zm9 b\r\nmg Zm=v b\r\nmg ==== b\r\n",
                  "CLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\n"
                  "CLIENT_ERROR error decoding key\r\n");
    player_end(&player);
}

static void test_modes_and_comparisons_of_ms(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(
        &player,
        "ms a 1 MR\r\nx\r\nms a 1 E10\r\nx\r\nms a 1 MA C9\r\ny\r\nms a 1 MA C10 s\r\ny\r\n"
        "ms a 1 MP\r\nw\r\nmg a v\r\nms none 1 C1\r\nx\r\n",
        "NS\r\nHD\r\nEX\r\nHD s2\r\nHD\r\nVA 3\r\nwxy\r\nNF\r\n");
    player_end(&player);
}

static void test_ma_counts_and_makes(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player,
                  "ma n N100 J5 D9 v t\r\nma n v\r\nma n MD D10 v\r\nma n M+ D3\r\nma n M- v k\r\n",
                  "VA 1 t100\r\n5\r\nVA 1\r\n6\r\nVA 1\r\n0\r\nHD\r\nVA 1 kn\r\n2\r\n");
    player_end(&player);
}

static void test_a_time_to_live_is_shown_as_it_was_at_its_place(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(
        &player,
        "debugtime p\r\nms n 1 T50\r\n1\r\nmg n t T200\r\nmg n T300 t\r\nmg n v t T-1\r\nmg n\r\n",
        "OK\r\nHD\r\nHD t50\r\nHD t300\r\nVA 1 t300\r\n1\r\nEN\r\n");
    PLAYER_EXPECT(&player,
                  "ms n 1 T50\r\n1\r\nma n t T100\r\nma n t\r\nma n T7 t\r\ndebugtime r\r\n",
                  "HD\r\nHD t50\r\nHD t100\r\nHD t7\r\nOK\r\n");
    player_end(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_keep_the_order_of_the_flags),
        cmocka_unit_test(test_quiet_hides_what_is_expected),
        cmocka_unit_test(test_errors_name_what_is_wrong),
        cmocka_unit_test(test_keys_in_base64_are_stored_decoded),
        cmocka_unit_test(test_modes_and_comparisons_of_ms),
        cmocka_unit_test(test_ma_counts_and_makes),
        cmocka_unit_test(test_a_time_to_live_is_shown_as_it_was_at_its_place),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
