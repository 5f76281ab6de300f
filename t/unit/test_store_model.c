/*
 * Long random streams of operations, against a plain model of what must come out: every answer must
 * be the model's. Where memory is small, an item may be gone; but then it stays gone, and what is
 * found is the model's.
 */

#include "config.h"

#include "store_fixture.h"

#define KEYS 300u
#define OPERATIONS 60000u

struct model_item {
    char *value; /* NULL: not there */
    size_t size;
    uint32_t client_flags;
    uint32_t exptime;
    uint64_t cas;       /* 0: not seen */
    uint64_t other_cas; /* one that it must not have: it had it before it was counted */
};

struct model {
    struct fixture fixture;
    struct model_item items[KEYS];
    uint64_t random;
    uint32_t flush_at; /* 0: none is waiting */
    size_t size_max;
    bool may_lose;
    unsigned lost;
    unsigned found;
    struct fixture_key name;
    char *value; /* of size_max */
};

/* --- the model ----------------------------------------------------------------------------- */

static void model_drop(struct model_item *item)
{
    free(item->value);
    *item = (struct model_item){0};
}

static void model_keep(struct model_item *item, const struct model_item *from)
{
    struct model_item old = *item;
    *item = *from;
    item->value = malloc(from->size + 1);
    assert_non_null(item->value);
    memcpy(item->value, from->value, from->size);
    free(old.value);
}

static void model_advance(struct model *model, uint32_t seconds)
{
    fixture_advance(&model->fixture, seconds);
    bool flush = model->flush_at != 0 && model->fixture.now >= model->flush_at;
    for (unsigned i = 0; i < KEYS; i++) {
        struct model_item *item = &model->items[i];
        if (flush || (item->exptime != 0 && item->exptime <= model->fixture.now))
            model_drop(item);
    }
    if (flush)
        model->flush_at = 0;
}

/* The model's item as the store sees it: what memory could not keep is dropped from the model. */
static struct model_item *model_look(struct model *model, unsigned number)
{
    struct model_item *item = &model->items[number];
    bool there = fixture_has(&model->fixture, &model->name.key);
    if (item->value == NULL || !model->may_lose) {
        assert_int_equal(there, item->value != NULL);
    } else if (!there) {
        model->lost++;
        model_drop(item);
    }
    return item;
}

static uint32_t some(struct model *model, uint32_t below)
{
    return fixture_random(&model->random, below);
}

/* Mostly small, sometimes about the border of what is stored in pieces, seldom large. */
static size_t some_size(struct model *model)
{
    size_t border = store_inline_size_max(model->fixture.store);
    uint32_t kind = some(model, 100);
    if (kind < 70)
        return some(model, 200);
    if (kind < 90)
        return border - 20 + some(model, 40);
    if (kind < 97)
        return some(model, (uint32_t)border * 4);
    return some(model, (uint32_t)model->size_max);
}

static uint32_t some_exptime(struct model *model)
{
    return some(model, 3) == 0 ? model->fixture.now + 1 + some(model, 30) : 0;
}

/* --- operations ---------------------------------------------------------------------------- */

static void expect_item(struct model *model, unsigned number, unsigned want)
{
    struct model_item *expected = model_look(model, number);
    struct store_item item;
    enum store_find found = store_get(model->fixture.thread, &model->name.key, want, &item);
    assert_int_equal(found == STORE_HIT, expected->value != NULL);
    if (found != STORE_HIT)
        return;
    model->found++;
    assert_int_equal(item.value_size, expected->size);
    assert_int_equal(item.client_flags, expected->client_flags);
    assert_int_equal(item.exptime, expected->exptime);
    if (want & STORE_WANT_CAS) {
        assert_true(item.cas != 0);
        assert_true(expected->cas == 0 || expected->cas == item.cas);
        assert_true(item.cas != expected->other_cas);
        expected->cas = item.cas;
    }
    fixture_read_item(model->fixture.thread, &item, model->value);
    assert_memory_equal(model->value, expected->value, expected->size);
}

static enum store_outcome expected_of_put(const struct model *model, const struct model_item *old,
                                          const struct store_put *put, size_t size)
{
    bool there = old->value != NULL;
    bool joins = put->mode == STORE_APPEND || put->mode == STORE_PREPEND;
    if (put->compare_cas && !there)
        return STORE_NOT_FOUND;
    if (put->compare_cas && put->compare != old->cas)
        return STORE_EXISTS;
    if (put->mode == STORE_ADD ? there : !there && put->mode != STORE_SET)
        return STORE_NOT_STORED;
    if (joins && !store_size_allowed(model->fixture.store, model->name.key.size, old->size + size))
        return STORE_TOO_LARGE;
    return STORE_STORED;
}

static void model_put(struct model_item *item, const struct store_put *put, char *value,
                      size_t size, uint64_t cas)
{
    struct model_item next = {value, size, put->client_flags, put->exptime, cas, 0};
    if (put->mode == STORE_APPEND || put->mode == STORE_PREPEND) {
        bool append = put->mode == STORE_APPEND;
        next = *item;
        next.cas = cas;
        next.size += size;
        next.value = malloc(next.size + 1);
        assert_non_null(next.value);
        memcpy(next.value + (append ? 0 : size), item->value, item->size);
        memcpy(next.value + (append ? item->size : 0), value, size);
        free(item->value);
        *item = next;
    } else {
        model_keep(item, &next);
    }
}

static void do_put(struct model *model, unsigned number)
{
    struct store_put put = {.mode = (enum store_mode)some(model, 5),
                            .client_flags = some(model, 2) ? some(model, UINT32_MAX) : 0,
                            .exptime = some_exptime(model),
                            .want_cas = some(model, 2)};
    struct store_result result = {0};
    struct model_item *old = model_look(model, number);
    size_t size = some_size(model);
    bool joins = put.mode == STORE_APPEND || put.mode == STORE_PREPEND;
    if (old->cas != 0 || old->value == NULL)
        put.compare_cas = !joins && some(model, 3) == 0;
    if (put.compare_cas)
        put.mode = STORE_SET;
    put.compare = old->cas + (some(model, 4) == 0);
    fixture_make_value(model->value, size, some(model, UINT32_MAX));
    enum store_outcome expected = expected_of_put(model, old, &put, size);
    enum store_outcome outcome = fixture_put(&model->fixture, &model->name.key, &put,
                                             (struct slice){model->value, size}, &result);
    /* To make room for it, the store may have dropped what it was to be joined to or compared with.
     */
    if (model->may_lose && outcome != expected && !fixture_has(&model->fixture, &model->name.key)) {
        assert_true(outcome == STORE_NOT_STORED || outcome == STORE_NOT_FOUND);
        model_drop(old);
        return;
    }
    /* Room for a large value is made while it comes in, and may be what the old item had: then an
     * add finds none. A small one is refused before. */
    if (model->may_lose && outcome == STORE_STORED && expected == STORE_NOT_STORED) {
        assert_int_equal(put.mode, STORE_ADD);
        assert_true(size > store_inline_size_max(model->fixture.store));
        model_drop(old);
        expected = STORE_STORED;
    }
    assert_int_equal(outcome, expected);
    if (outcome != STORE_STORED)
        return;
    model_put(old, &put, model->value, size, put.want_cas ? result.cas : 0);
    assert_int_equal(result.value_size, old->size);
    assert_int_equal(result.cas != 0, put.want_cas);
}

static void do_touch(struct model *model, unsigned number)
{
    struct model_item *old = model_look(model, number);
    struct store_item item;
    uint32_t exptime = some_exptime(model);
    unsigned want = some(model, 2) ? STORE_WANT_CAS : 0;
    enum store_find found =
        store_touch(model->fixture.thread, &model->name.key, exptime, want, &item);
    if (model->may_lose && found != STORE_HIT) {
        model_drop(old);
        assert_false(fixture_has(&model->fixture, &model->name.key));
        return;
    }
    assert_int_equal(found == STORE_HIT, old->value != NULL);
    if (found != STORE_HIT)
        return;
    old->exptime = exptime;
    assert_int_equal(item.exptime, exptime);
    assert_int_equal(item.value_size, old->size);
    if (want == 0)
        return;
    assert_true(old->cas == 0 || item.cas == old->cas);
    old->cas = item.cas;
}

static void do_delete(struct model *model, unsigned number)
{
    struct model_item *old = model_look(model, number);
    bool compares = old->cas != 0 && some(model, 2);
    uint64_t compare = old->cas + some(model, 2);
    enum store_outcome_delete outcome =
        store_delete(model->fixture.thread, &model->name.key, compares ? &compare : NULL);
    if (old->value == NULL) {
        assert_int_equal(outcome, STORE_DELETE_MISS);
    } else if (compares && compare != old->cas) {
        assert_int_equal(outcome, STORE_DELETE_EXISTS);
    } else {
        assert_int_equal(outcome, STORE_DELETED);
        model_drop(old);
    }
}

static struct store_arithmetic some_arithmetic(struct model *model)
{
    return (struct store_arithmetic){.delta = some(model, 1000),
                                     .decrement = some(model, 2),
                                     .pad = some(model, 4) > 0,
                                     .want_cas = some(model, 4) == 0};
}

static void count_once(struct model *model, struct model_item *item, uint64_t *value)
{
    struct store_arithmetic how = some_arithmetic(model);
    struct store_put put = {.mode = STORE_SET, .exptime = item->exptime};
    struct store_number counted;
    char text[32];
    uint64_t unique = item->cas;
    int width = how.pad ? (int)item->size : 0;
    *value = !how.decrement ? *value + how.delta : *value < how.delta ? 0 : *value - how.delta;
    assert_int_equal(store_count(model->fixture.thread, &model->name.key, &how, &counted),
                     STORE_COUNTED);
    assert_true(counted.value == *value);
    assert_true(unique == 0 || counted.cas != unique);
    int size = snprintf(text, sizeof(text), "%-*u", width, (unsigned)*value);
    model_put(item, &put, text, (size_t)size, how.want_cas ? counted.cas : 0);
    item->other_cas = unique;
}

static void do_count(struct model *model, unsigned number)
{
    struct model_item *item = model_look(model, number);
    struct store_put put = {.mode = STORE_SET, .exptime = some_exptime(model)};
    struct store_result result;
    uint64_t value = some(model, 2000);
    char text[32];
    int size = snprintf(text, sizeof(text), "%u", (unsigned)value);
    assert_int_equal(fixture_put(&model->fixture, &model->name.key, &put, slice_of(text), &result),
                     STORE_STORED);
    model_put(item, &put, text, (size_t)size, 0);
    for (uint32_t times = 1 + some(model, 6); times > 0; times--) {
        count_once(model, item, &value);
        if (some(model, 2))
            expect_item(model, number, some(model, 2) ? STORE_WANT_CAS : 0);
        if (item->value == NULL)
            return;
    }
}

static void do_flush(struct model *model)
{
    bool later = some(model, 2);
    model->flush_at = later ? model->fixture.now + 1 + some(model, 5) : 0;
    store_flush(model->fixture.thread, model->flush_at);
    for (unsigned i = 0; !later && i < KEYS; i++)
        model_drop(&model->items[i]);
}

static void do_one(struct model *model)
{
    unsigned number = some(model, KEYS);
    uint32_t kind = some(model, 1000);
    fixture_number(&model->name, number);
    if (kind < 300)
        expect_item(model, number, some(model, 2) ? STORE_WANT_CAS : 0);
    else if (kind < 750)
        do_put(model, number);
    else if (kind < 850)
        do_touch(model, number);
    else if (kind < 920)
        do_delete(model, number);
    else if (kind < 990)
        do_count(model, number);
    else if (kind < 999 || some(model, 4) > 0)
        model_advance(model, some(model, 4));
    else
        do_flush(model);
}

/* --- streams ------------------------------------------------------------------------------- */

static void run(struct store_config config, uint64_t seed, bool may_lose)
{
    struct model model = {.fixture = fixture_open(config), .random = seed, .may_lose = may_lose};
    model.size_max = config.item_size_max / 2;
    model.value = malloc(config.item_size_max);
    assert_non_null(model.value);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        do_one(&model);
        if (i % 16 == 0)
            store_turn_pass(model.fixture.thread, model.fixture.now);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        fixture_number(&model.name, i);
        expect_item(&model, i, STORE_WANT_CAS);
        (void)store_delete(model.fixture.thread, &model.name.key, NULL);
        model_drop(&model.items[i]);
    }
    struct store_stats stats = fixture_stats(&model.fixture);
    assert_int_equal(stats.curr_items, 0);
    assert_int_equal(stats.bytes, 0);
    assert_true(stats.segments_reclaimed > 0);
    assert_true(model.found > OPERATIONS / 20);
    assert_int_equal(may_lose, model.lost > 0);
    assert_int_equal(may_lose, stats.evictions > 0);
    free(model.value);
    fixture_close(&model.fixture);
}

static void test_with_enough_memory_every_answer_is_the_models(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run((struct store_config){.memory_size = 64 * MIB,
                                  .item_size_max = 256 * KIB,
                                  .evict = seed % 2,
                                  .cas = true},
            seed, false);
}

static void test_with_little_memory_nothing_wrong_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run((struct store_config){.memory_size = seed * MIB / 2,
                                  .item_size_max = seed * 128 * KIB,
                                  .evict = true,
                                  .cas = true},
            seed + 100, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_enough_memory_every_answer_is_the_models),
        cmocka_unit_test(test_with_little_memory_nothing_wrong_is_found),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
