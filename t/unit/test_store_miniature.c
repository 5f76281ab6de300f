/* Miniature caches: what fits is kept, more memory never misses more, and the store's own hits and
 * misses are told from those that another store would have had. */

#include "config.h"

#include "store_fixture.h"

#include "store/store_state.h"

#define NOW 1000
#define ITEM 100 /* bytes */
#define ONE (UINT64_C(1) << MINIATURE_SHIFT_MIN)
#define SMALLEST 0
#define LARGEST (MINIATURES - 1)

/* Numbers spread over the bits that matter; all of them are looked at. */
static uint64_t hash_of(uint64_t number)
{
    return number * UINT64_C(0x9e3779b97f4a7c15) & ~miniature_mask(MINIATURE_SHIFT_MIN);
}

static struct miniatures *open_all(size_t items_in_smallest)
{
    static struct miniatures all;
    assert_true(miniatures_init(&all, MIB));
    for (unsigned i = 0; i < MINIATURES; i++)
        miniatures_set_memory(&all, i, items_in_smallest * ITEM * miniature_quarters[i] * ONE);
    return &all;
}

static void refer_at(struct miniatures *all, uint64_t number, enum miniature_event event,
                     uint32_t now, uint32_t exptime)
{
    const struct miniature_reference reference = {
        .hash = hash_of(number),
        .bytes = event == MINIATURE_HIT || event == MINIATURE_STORED ? ITEM : 0,
        .exptime = exptime,
        .now = now,
        .event = event,
    };
    miniatures_refer(all, &reference);
}

static void refer(struct miniatures *all, uint64_t number, enum miniature_event event)
{
    refer_at(all, number, event, NOW, 0);
}

/* How many more of the requests it stands for have missed since this was asked last. */
static uint64_t newly_missed(const struct miniatures *all, unsigned which)
{
    static uint64_t before[MINIATURES];
    uint64_t now = miniatures_misses(all, which);
    uint64_t missed = now >= before[which] ? now - before[which] : now;
    before[which] = now;
    return missed / ONE;
}

static void test_too_little_memory(void **state)
{
    struct miniatures all;
    (void)state;
    assert_false(miniatures_init(&all, 0));
    assert_false(miniatures_init(&all, 16 * 1024));
    assert_true(miniatures_init(&all, 64 * 1024));
    miniatures_end(&all);
}

static void test_what_fits_is_kept(void **state)
{
    struct miniatures *all = open_all(10);
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        refer(all, i, MINIATURE_MISS);
        refer(all, i, MINIATURE_STORED);
    }
    for (unsigned i = 0; i < MINIATURES; i++)
        assert_int_equal(newly_missed(all, i), 100);
    for (unsigned i = 0; i < 100; i++)
        refer(all, i, MINIATURE_HIT);
    assert_int_equal(newly_missed(all, LARGEST), 0);
    assert_in_range(newly_missed(all, SMALLEST), 80, 100);
    miniatures_end(all);
}

static void test_more_memory_misses_less(void **state)
{
    struct miniatures *all = open_all(50);
    uint64_t random = 1;
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t number = fixture_random(&random, 1 + fixture_random(&random, 2000));
        refer(all, number, MINIATURE_MISS);
        refer(all, number, MINIATURE_STORED);
    }
    for (unsigned i = 1; i < MINIATURES; i++)
        assert_true(miniatures_misses(all, i) < miniatures_misses(all, i - 1));
    assert_true(miniatures_misses(all, SMALLEST) < 200000 * ONE);
    miniatures_end(all);
}

/* The store had it and the miniature not: it would have been set, so it is there from then on. */
static void test_takes_in_what_the_store_has(void **state)
{
    struct miniatures *all = open_all(10);
    (void)state;
    (void)newly_missed(all, LARGEST);
    refer(all, 1, MINIATURE_HIT);
    assert_int_equal(newly_missed(all, LARGEST), 1);
    refer(all, 1, MINIATURE_HIT);
    assert_int_equal(newly_missed(all, LARGEST), 0);
    miniatures_end(all);
}

/* The store lacked it and the miniature not: the set that follows would not have come. */
static void test_passes_over_sets_that_follow_a_miss(void **state)
{
    struct miniatures *all = open_all(10);
    (void)state;
    refer(all, 1, MINIATURE_STORED);
    refer(all, 1, MINIATURE_MISS);
    refer_at(all, 1, MINIATURE_STORED, NOW, NOW + 1);
    (void)newly_missed(all, LARGEST);
    refer_at(all, 1, MINIATURE_HIT, NOW + 2, 0);
    assert_int_equal(newly_missed(all, LARGEST), 0);
    refer_at(all, 1, MINIATURE_STORED, NOW + 2, NOW + 3);
    refer_at(all, 1, MINIATURE_HIT, NOW + 3, 0);
    assert_int_equal(newly_missed(all, LARGEST), 1);
    miniatures_end(all);
}

static void test_what_is_gone(void **state)
{
    struct miniatures *all = open_all(10);
    (void)state;
    refer_at(all, 1, MINIATURE_STORED, NOW, NOW + 10);
    refer_at(all, 2, MINIATURE_STORED, NOW, NOW + 10);
    refer(all, 3, MINIATURE_STORED);
    refer(all, 4, MINIATURE_STORED);
    refer_at(all, 2, MINIATURE_TOUCHED, NOW, 0);
    refer(all, 3, MINIATURE_DELETED);
    (void)newly_missed(all, LARGEST);
    refer_at(all, 1, MINIATURE_MISS, NOW + 10, 0);
    assert_int_equal(newly_missed(all, LARGEST), 1);
    refer_at(all, 2, MINIATURE_HIT, NOW + 10, 0);
    assert_int_equal(newly_missed(all, LARGEST), 0);
    refer(all, 3, MINIATURE_MISS);
    assert_int_equal(newly_missed(all, LARGEST), 1);
    miniatures_flush(all);
    refer(all, 4, MINIATURE_MISS);
    assert_int_equal(newly_missed(all, LARGEST), 1);
    miniatures_end(all);
}

/* More items than the table holds: fewer keys are looked at, and those go on as before. */
static void test_full_table(void **state)
{
    struct miniatures *all = open_all(1 << 20);
    unsigned looked_at = 0;
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 200000; i++)
            refer(all, i, MINIATURE_STORED);
    assert_true(all->shift > MINIATURE_SHIFT_MIN);
    uint64_t before = miniatures_misses(all, LARGEST);
    for (unsigned i = 0; i < 200000; i++) {
        refer(all, i, MINIATURE_HIT);
        looked_at += (hash_of(i) & miniature_mask(all->shift)) == 0;
    }
    uint64_t missed = (miniatures_misses(all, LARGEST) - before) >> all->shift;
    assert_in_range(looked_at, 500, 200000);
    assert_in_range(missed, 0, looked_at / 20);
    miniatures_end(all);
}

/* --- the store's share of it --------------------------------------------------------------- */

static struct store *open_store(struct store_thread **thread)
{
    const char *why;
    const struct store_config config = {
        .memory_size = 64 * MIB,
        .item_size_max = MIB,
        .writer_count = 1,
        .evict = true,
        .cas = true,
        .curve = true,
    };
    struct store *store = store_create(&config, &why);
    assert_non_null(store);
    *thread = store_thread_create(store);
    assert_non_null(*thread);
    return store;
}

static void get_many(struct store_thread *thread, unsigned count)
{
    struct fixture_key name;
    struct store_item item;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(store_get(thread, fixture_number(&name, i), 0, &item), STORE_MISS);
}

/* Only while somebody looks are requests left out, and they are counted. */
static void test_lost_notes(void **state)
{
    struct store_thread *thread;
    struct store *store = open_store(&thread);
    struct store_curve curve;
    (void)state;
    store_turn_start(thread, NOW);
    get_many(thread, 10000);
    store_turn_stop(thread);
    store_curve_read(store, &curve);
    assert_true(curve.on);
    assert_int_equal(curve.lost, 0);
    assert_in_range(curve.sampled_gets, 50, 400);
    assert_int_equal(curve.misses_at[STORE_CURVE_SELF], curve.misses);

    mutex_lock(&store->curve.lock);
    store_turn_start(thread, NOW);
    get_many(thread, 10000);
    store_turn_stop(thread);
    mutex_unlock(&store->curve.lock);
    uint64_t sampled = curve.sampled_gets;
    store_curve_read(store, &curve);
    assert_int_equal(curve.lost, sampled - CURVE_NOTES);

    store_curve_reset(store);
    store_curve_read(store, &curve);
    assert_int_equal(curve.lost, 0);
    assert_int_equal(curve.sampled_gets, 0);
    store_thread_destroy(thread);
    store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_little_memory),
        cmocka_unit_test(test_what_fits_is_kept),
        cmocka_unit_test(test_more_memory_misses_less),
        cmocka_unit_test(test_takes_in_what_the_store_has),
        cmocka_unit_test(test_passes_over_sets_that_follow_a_miss),
        cmocka_unit_test(test_what_is_gone),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_lost_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
