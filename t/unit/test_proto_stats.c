/* The stats command: sections, counters that move and are set back, sizes from a walk. */

#include "config.h"

#include "session_player.h"

static void track_sizes(struct protocol_config *config)
{
    config->track_sizes = true;
}

static struct proto_stats stats_after(struct player *player, const char *input)
{
    struct proto_stats stats;
    player_play(player, slice_of(input), PLAYER_WHOLE);
    protocol_stats_read(player->protocol, &stats);
    return stats;
}

static void test_counters_follow_the_requests(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    struct proto_stats stats = stats_after(
        &player, "set a 0 0 1\r\n1\r\nget a b\r\nget a\r\ngat 0 a b\r\nincr a 1\r\nincr b 1\r\n"
                 "delete b\r\nmg a v\r\nmg b v\r\nms a 1\r\n1\r\ncas a 0 0 1 0\r\n1\r\n"
                 "set a 0 2592001 1\r\n1\r\nset a 0 0 2000000\r\n");
    assert_int_equal(stats.cmd_get, 5);
    assert_int_equal(stats.get_hits, 3);
    assert_int_equal(stats.get_misses, 2);
    assert_int_equal(stats.cmd_set, 4);
    assert_int_equal(stats.cmd_touch, 2);
    assert_int_equal(stats.touch_hits, 1);
    assert_int_equal(stats.touch_misses, 1);
    assert_int_equal(stats.incr_hits, 1);
    assert_int_equal(stats.incr_misses, 1);
    assert_int_equal(stats.delete_misses, 1);
    assert_int_equal(stats.cmd_meta, 3);
    assert_int_equal(stats.cas_badval, 1);
    assert_int_equal(stats.set_already_expired, 1);
    assert_int_equal(stats.store_too_large, 1);
    stats = stats_after(&player, "stats reset\r\nget a\r\n");
    assert_int_equal(stats.cmd_get, 1);
    assert_int_equal(stats.cmd_set, 0);
    player_end(&player);
}

static void test_counters_outlive_their_thread(void **state)
{
    struct player player;
    struct proto_stats stats;
    (void)state;
    player_start(&player, NULL);
    stats_after(&player, "get a\r\n");
    proto_thread_destroy(player.thread);
    player.thread = proto_thread_create(player.protocol);
    assert_non_null(player.thread);
    protocol_stats_read(player.protocol, &stats);
    assert_int_equal(stats.cmd_get, 1);
    player_end(&player);
}

static void test_sections_of_an_empty_cache(void **state)
{
    struct player player;
    (void)state;
    player_start(&player, NULL);
    PLAYER_EXPECT(&player, "stats items\r\nstats sizes\r\nstats nosuch\r\nstats reset\r\n",
                  "END\r\nSTAT sizes_status disabled\r\nEND\r\nERROR\r\nRESET\r\n");
    player_end(&player);
}

static void test_sizes_count_every_item_and_let_others_have_their_turn(void **state)
{
    struct player player;
    struct text input;
    (void)state;
    player_start(&player, track_sizes);
    text_init(&input);
    for (int i = 0; i < 3000; i++)
        text_format(&input, "set key%05d 0 0 %d noreply\r\n%s\r\n", i, i < 1000 ? 10 : 50,
                    i < 1000 ? "0123456789" : "01234567890123456789012345678901234567890123456789");
    player_play(&player, (struct slice){input.at, input.size}, PLAYER_WHOLE);
    player.yields = 0;
    PLAYER_EXPECT(&player, "stats sizes\r\nmn\r\n",
                  "STAT 32 1000\r\nSTAT 64 2000\r\nEND\r\nMN\r\n");
    assert_true(player.yields >= 2);
    text_end(&input);
    player_end(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_follow_the_requests),
        cmocka_unit_test(test_counters_outlive_their_thread),
        cmocka_unit_test(test_sections_of_an_empty_cache),
        cmocka_unit_test(test_sizes_count_every_item_and_let_others_have_their_turn),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
