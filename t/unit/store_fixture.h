#ifndef LARDER_STORE_FIXTURE_H
#define LARDER_STORE_FIXTURE_H

/*
 * What the tests of the store share: a store with one thread and a clock of its own, values whose
 * every byte can be checked, and putting and reading them whatever their size. What several threads
 * may call fails by CHECK, the rest by cmocka.
 */

#include "base/hash.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURE_START 1000000u
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define FILL_CHUNK_MAX 5000u

struct fixture {
    struct store *store;
    struct store_thread *thread;
    uint32_t now;
};

static inline struct fixture fixture_open(struct store_config config)
{
    const char *why = NULL;
    struct fixture fixture = {.now = FIXTURE_START};
    if (config.writer_count == 0)
        config.writer_count = 1;
    if (config.item_size_max == 0)
        config.item_size_max = MIB;
    hash_start(1);
    fixture.store = store_create(&config, &why);
    if (fixture.store == NULL)
        fail_msg("store_create: %s", why);
    fixture.thread = store_thread_create(fixture.store);
    assert_non_null(fixture.thread);
    store_turn_start(fixture.thread, fixture.now);
    return fixture;
}

static inline void fixture_close(struct fixture *fixture)
{
    store_turn_stop(fixture->thread);
    store_thread_destroy(fixture->thread);
    store_destroy(fixture->store);
}

/* The clock reads so many seconds more, in a turn of its own. */
static inline void fixture_advance(struct fixture *fixture, uint32_t seconds)
{
    fixture->now += seconds;
    store_turn_pass(fixture->thread, fixture->now);
}

static inline struct store_stats fixture_stats(const struct fixture *fixture)
{
    struct store_stats stats;
    store_stats_read(fixture->store, &stats);
    return stats;
}

/* A number below `below`, the same ones for the same seed (xorshift; *random is never 0). */
static inline uint32_t fixture_random(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)((*random >> 32) * below >> 32);
}

/* --- keys and values ----------------------------------------------------------------------- */

struct fixture_key {
    char text[STORE_KEY_SIZE_MAX];
    struct store_key key;
};

static inline const struct store_key *fixture_name(struct fixture_key *name, const char *text)
{
    size_t size = strlen(text);
    memcpy(name->text, text, size);
    name->key = store_key_of(name->text, size);
    return &name->key;
}

static inline const struct store_key *fixture_number(struct fixture_key *name, unsigned number)
{
    int size = snprintf(name->text, sizeof(name->text), "key-%u", number);
    name->key = store_key_of(name->text, (size_t)size);
    return &name->key;
}

/* The byte of a value that belongs at `at`; neither pieces nor values can be mistaken for others.
 */
static inline char fixture_byte(uint32_t seed, size_t at)
{
    uint32_t mixed = (seed * 2654435761u + (uint32_t)at) * 2246822519u;
    return (char)(mixed >> 15);
}

static inline void fixture_make_value(char *value, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++)
        value[i] = fixture_byte(seed, i);
}

static inline bool fixture_is_value(const char *value, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++)
        if (value[i] != fixture_byte(seed, i))
            return false;
    return true;
}

/* --- putting and reading ------------------------------------------------------------------- */

/* Copies all of a value into the fill, a part at a time. false: no room. */
static inline bool fixture_pour(struct store_thread *thread, struct store_fill *fill,
                                struct slice value)
{
    while (store_fill_missing(fill) > 0) {
        struct store_room room = store_fill_room(thread, fill);
        if (room.at == NULL)
            return false;
        CHECK(room.size > 0);
        size_t size = room.size < FILL_CHUNK_MAX ? room.size : FILL_CHUNK_MAX;
        CHECK(size <= store_fill_missing(fill));
        memcpy(room.at, value.at, size);
        value = (struct slice){value.at + size, value.size - size};
        store_fill_advance(fill, size);
    }
    return true;
}

static inline enum store_outcome fixture_fill(struct store_thread *thread,
                                              const struct store_key *key,
                                              const struct store_put *put, struct slice value,
                                              struct store_result *result)
{
    struct store_fill *fill = store_fill_start(thread, key, put, value.size);
    if (fill == NULL)
        return STORE_NO_MEMORY;
    if (!fixture_pour(thread, fill, value)) {
        store_fill_abandon(thread, fill);
        return STORE_NO_MEMORY;
    }
    return store_fill_commit(thread, fill, result);
}

static inline enum store_outcome fixture_put(const struct fixture *fixture,
                                             const struct store_key *key,
                                             const struct store_put *put, struct slice value,
                                             struct store_result *result)
{
    if (value.size <= store_inline_size_max(fixture->store))
        return store_put(fixture->thread, key, put, value, result);
    return fixture_fill(fixture->thread, key, put, value, result);
}

/* A set without flags and exptime. */
static inline enum store_outcome fixture_set(const struct fixture *fixture,
                                             const struct store_key *key, struct slice value)
{
    struct store_result result;
    struct store_put put = {.mode = STORE_SET};
    return fixture_put(fixture, key, &put, value, &result);
}

static inline void fixture_set_text(const struct fixture *fixture, const struct store_key *key,
                                    const char *text)
{
    assert_int_equal(fixture_set(fixture, key, slice_of(text)), STORE_STORED);
}

/* Copies a pin's value; its size must be what the pieces add up to. */
static inline void fixture_read_pin(struct store_pin *pin, char *to, size_t size)
{
    struct slice piece;
    size_t at = 0;
    while (store_pin_next(pin, &piece)) {
        CHECK(piece.size <= size - at);
        memcpy(to + at, piece.at, piece.size);
        at += piece.size;
    }
    CHECK(at == size);
}

static inline void fixture_read_item(struct store_thread *thread, const struct store_item *item,
                                     char *to)
{
    struct store_pin pin;
    if (item->value != NULL) {
        memcpy(to, item->value, item->value_size);
        return;
    }
    assert_true(store_pin(thread, item, &pin));
    fixture_read_pin(&pin, to, item->value_size);
    store_unpin(&pin);
}

static inline bool fixture_has(const struct fixture *fixture, const struct store_key *key)
{
    struct store_item item;
    return store_get(fixture->thread, key, STORE_PEEK, &item) == STORE_HIT;
}

static inline uint64_t fixture_cas(const struct fixture *fixture, const struct store_key *key)
{
    struct store_item item;
    assert_int_equal(store_get(fixture->thread, key, STORE_WANT_CAS | STORE_PEEK, &item),
                     STORE_HIT);
    return item.cas;
}

/* Hit or miss; a hit must have the value of that seed. */
static inline bool fixture_finds_value(const struct fixture *fixture, const struct store_key *key,
                                       size_t size, uint32_t seed)
{
    struct store_item item;
    if (store_get(fixture->thread, key, 0, &item) != STORE_HIT)
        return false;
    assert_int_equal(item.value_size, size);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    fixture_read_item(fixture->thread, &item, copy);
    assert_true(fixture_is_value(copy, size, seed));
    free(copy);
    return true;
}

static inline void fixture_expect_text(const struct fixture *fixture, const struct store_key *key,
                                       const char *text)
{
    struct store_item item;
    assert_int_equal(store_get(fixture->thread, key, 0, &item), STORE_HIT);
    assert_int_equal(item.value_size, strlen(text));
    assert_memory_equal(item.value, text, item.value_size);
}

#endif
