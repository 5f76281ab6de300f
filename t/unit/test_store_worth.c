/* What stays of a victim: by both rules, what they learn, and how their thresholds move. */

#include "config.h"

#include "store_fixture.h"

#include "store/worth.h"

#define SIZE 100
#define SEGMENT_SIZE 100000

static struct worth *start(enum store_eviction rule)
{
    static struct worth worth;
    const struct worth_victim victim = {QUEUE_SMALL, 0, SEGMENT_SIZE, 0, 1, SIZE};
    worth_init(&worth, rule, MIB);
    struct worth_item first = {.size = SIZE, .seconds_left = WORTH_FOREVER, .hits = 1};
    assert_int_equal(worth_judge(&worth, &first), WORTH_STAYS); /* before a mean is known */
    worth_end_victim(&worth, &victim);
    assert_int_equal(worth.mean_size, SIZE);
    return &worth;
}

static struct worth_item item_of(uint64_t number, enum segment_queue queue, unsigned hits)
{
    return (struct worth_item){
        .hash = number * UINT64_C(0x9e3779b97f4a7c15),
        .size = SIZE,
        .seconds_left = WORTH_FOREVER,
        .queue = queue,
        .hits = hits,
    };
}

static void end_victim(struct worth *worth, enum segment_queue queue, uint64_t kept_bytes)
{
    const struct worth_victim victim = {
        queue, 1000, SEGMENT_SIZE, kept_bytes, SEGMENT_SIZE / SIZE, SEGMENT_SIZE};
    worth_end_victim(worth, &victim);
}

/* How many of 12,800 items that are alike stay. */
static unsigned count_staying(struct worth *worth, enum segment_queue queue, unsigned hits)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 12800; i++) {
        struct worth_item item = item_of(i, queue, hits);
        count += worth_judge(worth, &item) != WORTH_GOES;
    }
    return count;
}

static void test_s3fifo(void **state)
{
    struct worth *worth = start(STORE_EVICT_S3FIFO);
    (void)state;
    assert_int_equal(count_staying(worth, QUEUE_SMALL, 0), 0);
    assert_int_equal(count_staying(worth, QUEUE_SMALL, 1), 12800);
    assert_int_equal(worth_carried(worth, 7), 0);
    for (unsigned i = 0; i < 200 && worth->least <= WORTH_HIT; i++)
        end_victim(worth, QUEUE_MAIN, SEGMENT_SIZE / 2);
    assert_int_equal(count_staying(worth, QUEUE_MAIN, 1), 0);
    assert_int_equal(count_staying(worth, QUEUE_MAIN, 7), 12800);
    struct worth_item small = item_of(1, QUEUE_MAIN, 1);
    small.size = SIZE / 4;
    assert_int_equal(worth_judge(worth, &small), WORTH_STAYS);
    for (unsigned i = 0; i < 200; i++)
        end_victim(worth, QUEUE_MAIN, SEGMENT_SIZE / 4);
    assert_int_equal(count_staying(worth, QUEUE_MAIN, 1), 12800);
}

static void test_learned_at_start(void **state)
{
    struct worth *worth = start(STORE_EVICT_LEARNED);
    (void)state;
    assert_in_range(count_staying(worth, QUEUE_SMALL, 0), 50, 200); /* by lot: about 100 */
    assert_int_equal(count_staying(worth, QUEUE_SMALL, 1), 12800);
    assert_int_equal(worth_carried(worth, 7), 3);
    assert_int_equal(worth_carried(worth, 1), 0);
}

/* Items of two hits bring none afterwards, those of none bring three. */
static void test_learns(void **state)
{
    struct worth *worth = start(STORE_EVICT_LEARNED);
    unsigned lessons = 0;
    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        bool two = i % 2 == 0;
        struct worth_item item = item_of(i, QUEUE_SMALL, two ? 2 : 0);
        (void)worth_see(worth, &item);
        if (worth_judge(worth, &item) == WORTH_GOES)
            continue;
        item.queue = QUEUE_MAIN;
        item.hits = two ? worth_carried(worth, 2) : 3;
        lessons += worth_see(worth, &item);
    }
    assert_in_range(lessons, 300, 400000);
    assert_in_range(count_staying(worth, QUEUE_SMALL, 2), 0, 200);
    assert_int_equal(count_staying(worth, QUEUE_SMALL, 0), 12800);
}

static void test_what_expires_soon_is_worth_less(void **state)
{
    struct worth *worth = start(STORE_EVICT_LEARNED);
    struct worth_item item = item_of(1, QUEUE_MAIN, 2);
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        (void)worth_see(worth, &item);
        end_victim(worth, QUEUE_MAIN, 0);
    }
    assert_in_range(worth->stay, 900, 1000);
    item.hits = 3;
    item.seconds_left = 1000;
    assert_int_equal(worth_judge(worth, &item), WORTH_STAYS);
    unsigned gone = 0;
    item.seconds_left = 100;
    for (unsigned i = 0; i < 1000; i++)
        gone += worth_judge(worth, &item) == WORTH_GOES;
    assert_in_range(gone, 950, 1000);
}

/* The threshold goes to what the main queue's old end is worth, and down while that is not taken.
 */
static void test_threshold(void **state)
{
    struct worth *worth = start(STORE_EVICT_LEARNED);
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct worth_item item = item_of(i, QUEUE_MAIN, 6);
        (void)worth_see(worth, &item);
        end_victim(worth, QUEUE_MAIN, 0);
    }
    assert_in_range(worth->least, WORTH_HIT * 2, WORTH_HIT * 3);
    assert_in_range(count_staying(worth, QUEUE_MAIN, 4), 0, 200);
    assert_int_equal(count_staying(worth, QUEUE_MAIN, 7), 12800);
    uint64_t before = worth->least;
    for (unsigned i = 0; i < 2000; i++)
        end_victim(worth, QUEUE_SMALL, 0);
    assert_true(worth->least < before / 4);
    assert_true(worth->least > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s3fifo),    cmocka_unit_test(test_learned_at_start),
        cmocka_unit_test(test_learns),    cmocka_unit_test(test_what_expires_soon_is_worth_less),
        cmocka_unit_test(test_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
