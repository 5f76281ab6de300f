/*
 * Many threads on shared keys, while everything else goes on: nobody reads a torn value, another
 * key's value, or one older than was acknowledged. STORE_TORTURE_SECONDS makes each part longer.
 */

#include "config.h"

#include "store_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS_MAX 32u
#define KEYS_OF_WRITER 40u
#define KEYS_MAX (THREADS_MAX * KEYS_OF_WRITER)

struct torture {
    struct store *store;
    size_t value_size_max;
    unsigned writer_count;
    unsigned reader_count;
    _Atomic uint32_t now;
    _Atomic bool stopping;
    _Atomic uint64_t hits;
    _Atomic uint64_t writes;
    /* Of each key: what is found must be at least `floor`, and at most `started`. */
    _Atomic uint32_t floor[KEYS_MAX];
    _Atomic uint32_t started[KEYS_MAX];
    _Atomic uint32_t stored[KEYS_MAX]; /* the last that was acknowledged */
};

struct worker {
    struct torture *torture;
    struct store_thread *thread;
    pthread_t native;
    unsigned number;
    uint64_t random;
    char *value; /* of value_size_max */
    struct fixture_key name;
};

static void raise_to(_Atomic uint32_t *floor, uint32_t least)
{
    uint32_t seen = atomic_load(floor);
    while (seen < least && !atomic_compare_exchange_weak(floor, &seen, least))
        continue;
}

static uint32_t some(struct worker *worker, uint32_t below)
{
    return fixture_random(&worker->random, below);
}

/* --- values that say whose they are -------------------------------------------------------- */

struct label {
    uint32_t key;
    uint32_t sequence;
    uint32_t size;
};

static size_t make_value(struct worker *worker, uint32_t key, uint32_t sequence, size_t size)
{
    struct label label = {key, sequence, (uint32_t)size};
    memcpy(worker->value, &label, sizeof(label));
    fixture_make_value(worker->value + sizeof(label), size - sizeof(label), key * 7919 + sequence);
    return size;
}

static void check_value(const struct torture *torture, uint32_t key, uint32_t floor,
                        struct slice value)
{
    struct label label;
    CHECK(value.size >= sizeof(label));
    memcpy(&label, value.at, sizeof(label));
    CHECK(label.key == key);
    CHECK(label.size == value.size);
    CHECK(label.sequence >= floor);
    CHECK(label.sequence <= atomic_load(&((struct torture *)torture)->started[key]));
    CHECK(fixture_is_value(value.at + sizeof(label), value.size - sizeof(label),
                           key * 7919 + label.sequence));
}

static size_t some_size(struct worker *worker)
{
    size_t border = store_inline_size_max(worker->torture->store);
    uint32_t kind = some(worker, 100);
    if (kind < 80)
        return sizeof(struct label) + some(worker, 300);
    if (kind < 95)
        return border - 20 + some(worker, 40);
    return sizeof(struct label) +
           some(worker, (uint32_t)(worker->torture->value_size_max - sizeof(struct label)));
}

/* --- what writers and readers do ----------------------------------------------------------- */

static void pass(struct worker *worker)
{
    store_turn_pass(worker->thread, atomic_load(&worker->torture->now));
}

static enum store_outcome put(struct worker *worker, const struct store_put *how, size_t size)
{
    struct store_result result;
    struct slice value = {worker->value, size};
    if (size <= store_inline_size_max(worker->torture->store))
        return store_put(worker->thread, &worker->name.key, how, value, &result);
    struct store_fill *fill = store_fill_start(worker->thread, &worker->name.key, how, size);
    if (fill == NULL)
        return STORE_NO_MEMORY;
    struct slice half = {value.at, some(worker, (uint32_t)size)};
    while (half.size > 0) { /* a slow client: other turns come between */
        struct store_room room = store_fill_room(worker->thread, fill);
        if (room.at == NULL)
            break;
        size_t part = room.size < half.size ? room.size : half.size;
        memcpy(room.at, half.at, part);
        store_fill_advance(fill, part);
        half = (struct slice){half.at + part, half.size - part};
        store_turn_stop(worker->thread);
        sched_yield();
        store_turn_start(worker->thread, atomic_load(&worker->torture->now));
    }
    size_t received = size - store_fill_missing(fill);
    struct slice rest = {value.at + received, size - received};
    if (half.size > 0 || some(worker, 20) == 0 || !fixture_pour(worker->thread, fill, rest)) {
        store_fill_abandon(worker->thread, fill);
        return STORE_NO_MEMORY;
    }
    return store_fill_commit(worker->thread, fill, &result);
}

static void write_key(struct worker *worker, uint32_t key)
{
    struct torture *torture = worker->torture;
    uint32_t sequence = atomic_load(&torture->started[key]) + 1;
    struct store_put how = {.mode = (enum store_mode)some(worker, 3),
                            .client_flags = some(worker, 2) ? key : 0,
                            .exptime = some(worker, 4) ? 0 : atomic_load(&torture->now) + 3,
                            .want_cas = some(worker, 2)};
    size_t size = make_value(worker, key, sequence, some_size(worker));
    atomic_store(&torture->started[key], sequence);
    enum store_outcome outcome = put(worker, &how, size);
    CHECK(outcome == STORE_STORED || outcome == STORE_NO_MEMORY ||
          (outcome == STORE_NOT_STORED && how.mode != STORE_SET));
    if (outcome == STORE_STORED) {
        atomic_store(&torture->stored[key], sequence);
        raise_to(&torture->floor[key], sequence);
    }
    atomic_fetch_add(&torture->writes, outcome == STORE_STORED);
}

static void delete_key(struct worker *worker, uint32_t key)
{
    uint32_t sequence = atomic_load(&worker->torture->started[key]);
    if (store_delete(worker->thread, &worker->name.key, NULL) != STORE_DELETE_EXISTS)
        raise_to(&worker->torture->floor[key], sequence + 1);
}

static void hold_and_check(struct worker *worker, uint32_t key, uint32_t floor,
                           const struct store_item *item)
{
    struct store_pin pin;
    if (!store_pin(worker->thread, item, &pin))
        return;
    size_t size = item->value_size;
    for (uint32_t turns = some(worker, 20); turns > 0; turns--) {
        store_turn_stop(worker->thread);
        sched_yield();
        store_turn_start(worker->thread, atomic_load(&worker->torture->now));
    }
    CHECK(size <= worker->torture->value_size_max);
    fixture_read_pin(&pin, worker->value, size);
    store_unpin(&pin);
    check_value(worker->torture, key, floor, (struct slice){worker->value, size});
}

static void read_key(struct worker *worker, uint32_t key)
{
    struct torture *torture = worker->torture;
    struct store_item item;
    uint32_t floor = atomic_load(&torture->floor[key]);
    unsigned want = some(worker, 4) == 0 ? STORE_WANT_CAS : 0;
    enum store_find found =
        some(worker, 10) > 0
            ? store_get(worker->thread, &worker->name.key, want, &item)
            : store_touch(worker->thread, &worker->name.key,
                          some(worker, 2) ? atomic_load(&torture->now) + 3 : 0, want, &item);
    if (found != STORE_HIT)
        return;
    CHECK(item.client_flags == 0 || item.client_flags == key);
    CHECK((item.cas != 0) == (want != 0));
    atomic_fetch_add(&torture->hits, 1);
    if (item.value == NULL || some(worker, 50) == 0)
        hold_and_check(worker, key, floor, &item);
    else
        check_value(torture, key, floor, (struct slice){item.value, item.value_size});
}

/* What was acknowledged before a flush is gone after it. */
static void flush(struct torture *torture, struct worker *worker)
{
    uint32_t count = torture->writer_count * KEYS_OF_WRITER;
    uint32_t *before = malloc(count * sizeof(*before));
    CHECK(before != NULL);
    for (uint32_t key = 0; key < count; key++)
        before[key] = atomic_load(&torture->stored[key]);
    store_flush(worker->thread, 0);
    for (uint32_t key = 0; key < count; key++)
        if (before[key] > 0)
            raise_to(&torture->floor[key], before[key] + 1);
    free(before);
}

static void on_walked(void *context, struct slice key, const struct store_item *item)
{
    CHECK(key.size > 0 && key.size <= STORE_KEY_SIZE_MAX);
    *(size_t *)context += item->value_size;
}

/* Beside reading: the clock, flushes, walks, and keys that nobody reads, which make the index grow.
 */
static void disturb(struct worker *worker, uint32_t *filler)
{
    struct torture *torture = worker->torture;
    size_t cursor = 0, sum = 0;
    uint32_t kind = some(worker, 20000);
    if (kind == 0)
        flush(torture, worker);
    else if (kind < 5)
        while (store_walk(worker->thread, &cursor, 200, on_walked, &sum))
            pass(worker);
    else if (kind < 100 && worker->number % 4 == 0)
        atomic_fetch_add(&torture->now, 1);
    for (uint32_t count = 4; count > 0 && worker->number % 4 == 0; count--) {
        struct store_put how = {.mode = STORE_SET};
        struct store_result result;
        fixture_number(&worker->name, (worker->number + 1) << 24 | (*filler)++ % 20000);
        enum store_outcome outcome =
            store_put(worker->thread, &worker->name.key, &how, (struct slice){"", 0}, &result);
        CHECK(outcome == STORE_STORED || outcome == STORE_NO_MEMORY);
    }
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    struct torture *torture = worker->torture;
    bool writes = worker->number < torture->writer_count;
    uint32_t filler = 0;
    worker->value = malloc(torture->value_size_max);
    CHECK(worker->value != NULL);
    store_turn_start(worker->thread, atomic_load(&torture->now));
    while (!atomic_load_explicit(&torture->stopping, memory_order_relaxed)) {
        uint32_t key = some(worker, torture->writer_count * KEYS_OF_WRITER);
        if (writes && some(worker, 3) > 0)
            key = worker->number * KEYS_OF_WRITER + key % KEYS_OF_WRITER;
        fixture_number(&worker->name, key);
        if (!writes || key / KEYS_OF_WRITER != worker->number)
            read_key(worker, key);
        else if (some(worker, 20) == 0)
            delete_key(worker, key);
        else
            write_key(worker, key);
        disturb(worker, &filler);
        if (some(worker, 8) == 0)
            pass(worker);
    }
    store_turn_stop(worker->thread);
    free(worker->value);
    return NULL;
}

/* --- running ------------------------------------------------------------------------------- */

static void sleep_until_done(void)
{
    const char *seconds = getenv("STORE_TORTURE_SECONDS");
    double length = seconds != NULL ? atof(seconds) : 1;
    struct timespec time = {(time_t)length, (long)((length - (double)(time_t)length) * 1e9)};
    nanosleep(&time, NULL);
}

static void start(struct worker *workers, unsigned count, struct torture *torture,
                  void *(*run)(void *))
{
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.torture = torture, .number = i, .random = i + 1};
        workers[i].thread = store_thread_create(torture->store);
        assert_non_null(workers[i].thread);
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&workers[i].native, NULL, run, &workers[i]), 0);
}

static void join(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].native, NULL);
        store_thread_destroy(workers[i].thread);
    }
}

static void torture_store(size_t memory_size, unsigned writer_count, unsigned reader_count)
{
    static struct torture torture;
    static struct worker workers[THREADS_MAX];
    struct fixture fixture = fixture_open((struct store_config){.memory_size = memory_size,
                                                                .item_size_max = memory_size / 2,
                                                                .writer_count = writer_count,
                                                                .evict = true,
                                                                .cas = true});
    memset(&torture, 0, sizeof(torture));
    store_turn_stop(fixture.thread);
    torture.store = fixture.store;
    torture.writer_count = writer_count;
    torture.reader_count = reader_count;
    torture.value_size_max = memory_size / 8;
    atomic_store(&torture.now, FIXTURE_START);
    start(workers, writer_count + reader_count, &torture, run_worker);
    sleep_until_done();
    atomic_store(&torture.stopping, true);
    join(workers, writer_count + reader_count);
    store_turn_start(fixture.thread, atomic_load(&torture.now));
    assert_true(atomic_load(&torture.hits) > 0);
    assert_true(atomic_load(&torture.writes) > 0);
    print_message("# %zu KiB: %lu hits, %lu writes, %lu evictions, %lu moved\n", memory_size / KIB,
                  (unsigned long)atomic_load(&torture.hits),
                  (unsigned long)atomic_load(&torture.writes),
                  (unsigned long)fixture_stats(&fixture).evictions,
                  (unsigned long)fixture_stats(&fixture).moved_items);
    fixture_close(&fixture);
}

static void test_torture_1_mib(void **state)
{
    (void)state;
    torture_store(1 * MIB, 2, 2);
}

static void test_torture_2_mib(void **state)
{
    (void)state;
    torture_store(2 * MIB, 4, 2);
}

static void test_torture_8_mib(void **state)
{
    (void)state;
    torture_store(8 * MIB, 1, 3);
}

static void test_torture_16_mib_with_many_writers(void **state)
{
    (void)state;
    torture_store(16 * MIB, 28, 4);
}

/* --- nothing is lost ----------------------------------------------------------------------- */

#define ROUNDS 3000u

static void churn(struct worker *worker, uint32_t round)
{
    struct store_put how = {.mode = STORE_SET};
    struct store_result result;
    char value[300] = {0};
    struct fixture_key name;
    fixture_number(&name, 1000 + worker->number * 1000 + round % 1000);
    CHECK(store_put(worker->thread, &name.key, &how,
                    (struct slice){value, some(worker, sizeof(value))}, &result) == STORE_STORED);
}

static void add_by_cas(struct worker *worker, const struct store_key *key)
{
    for (;;) {
        struct store_item item;
        struct store_result result;
        uint64_t number;
        CHECK(store_get(worker->thread, key, STORE_WANT_CAS, &item) == STORE_HIT);
        CHECK(item.value_size == sizeof(number));
        memcpy(&number, item.value, sizeof(number));
        number++;
        struct store_put how = {.mode = STORE_SET, .compare_cas = true, .compare = item.cas};
        enum store_outcome outcome =
            store_put(worker->thread, key, &how,
                      (struct slice){(const char *)&number, sizeof(number)}, &result);
        if (outcome == STORE_STORED)
            return;
        CHECK(outcome == STORE_EXISTS);
    }
}

static void *run_adders(void *context)
{
    struct worker *worker = context;
    struct fixture_key counter, number, list;
    struct store_arithmetic up = {.delta = 1};
    fixture_name(&counter, "counter");
    fixture_name(&number, "number");
    fixture_name(&list, "list");
    store_turn_start(worker->thread, FIXTURE_START);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct store_put append = {.mode = round % 2 ? STORE_APPEND : STORE_PREPEND};
        uint32_t entry = worker->number << 24 | round;
        struct store_number counted;
        struct store_result result;
        CHECK(store_count(worker->thread, &counter.key, &up, &counted) == STORE_COUNTED);
        add_by_cas(worker, &number.key);
        if (round % 10 < 2)
            CHECK(store_put(worker->thread, &list.key, &append,
                            (struct slice){(const char *)&entry, sizeof(entry)},
                            &result) == STORE_STORED);
        churn(worker, round);
        pass(worker);
    }
    store_turn_stop(worker->thread);
    return NULL;
}

/* Counts, compare-and-swaps, appends and prepends of all threads all take effect, each once. */
static void test_no_update_is_lost(void **state)
{
    enum { THREADS = 4, LISTED = ROUNDS / 5 };
    static struct torture torture;
    static uint32_t list[THREADS * LISTED];
    static unsigned char seen[THREADS][ROUNDS];
    struct worker workers[THREADS];
    struct fixture_key name;
    uint64_t zero = 0;
    struct fixture fixture = fixture_open((struct store_config){
        .memory_size = 4 * MIB, .writer_count = THREADS, .evict = false, .cas = true});
    (void)state;
    fixture_set_text(&fixture, fixture_name(&name, "counter"), "0");
    fixture_set_text(&fixture, fixture_name(&name, "list"), "");
    assert_int_equal(fixture_set(&fixture, fixture_name(&name, "number"),
                                 (struct slice){(const char *)&zero, sizeof(zero)}),
                     STORE_STORED);
    store_turn_stop(fixture.thread);
    torture.store = fixture.store;
    atomic_store(&torture.now, FIXTURE_START);
    start(workers, THREADS, &torture, run_adders);
    join(workers, THREADS);

    struct store_item item;
    char text[32];
    store_turn_start(fixture.thread, FIXTURE_START);
    snprintf(text, sizeof(text), "%u", THREADS * ROUNDS);
    fixture_expect_text(&fixture, fixture_name(&name, "counter"), text);
    assert_int_equal(store_get(fixture.thread, fixture_name(&name, "number"), 0, &item), STORE_HIT);
    memcpy(&zero, item.value, sizeof(zero));
    assert_int_equal(zero, THREADS * ROUNDS);
    assert_int_equal(store_get(fixture.thread, fixture_name(&name, "list"), 0, &item), STORE_HIT);
    assert_int_equal(item.value_size, sizeof(list));
    fixture_read_item(fixture.thread, &item, (char *)list);
    for (unsigned i = 0; i < THREADS * LISTED; i++) {
        assert_true(list[i] >> 24 < THREADS && (list[i] & 0xffffff) < ROUNDS);
        assert_int_equal(seen[list[i] >> 24][list[i] & 0xffffff]++, 0);
    }
    assert_true(fixture_stats(&fixture).segments_reclaimed > 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torture_1_mib),
        cmocka_unit_test(test_torture_2_mib),
        cmocka_unit_test(test_torture_8_mib),
        cmocka_unit_test(test_torture_16_mib_with_many_writers),
        cmocka_unit_test(test_no_update_is_lost),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
