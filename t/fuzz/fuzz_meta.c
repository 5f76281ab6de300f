/*
 * The key and the flags of a meta command. The first byte says which command, eight more what item
 * a reply tells of; the rest is the line behind the command's word. What is read of it is held
 * against a reading of its own, and the flags of a reply against their form and their room.
 */

#include "config.h"

#include "fuzz.h"

#include "base/hash.h"
#include "proto/base64.h"
#include "proto/meta_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD_SIZE 9
#define NOW 1800000000u
#define LETTERS "bcfhklqstuvxCDEFIJLMNOPRT"

static enum reply judge_letters(const struct slice *flags, size_t count)
{
    bool seen[128] = {false};
    for (size_t i = 0; i < count; i++) {
        unsigned char letter = (unsigned char)flags[i].at[0];
        if (i == META_FLAGS_MAX)
            return REPLY_TOO_MANY_FLAGS;
        if (letter > 127)
            return REPLY_BAD_FORMAT;
        if (letter == '\0' || strchr(LETTERS, letter) == NULL)
            return REPLY_BAD_FLAG;
        if (seen[letter])
            return REPLY_DUPLICATE_FLAG;
        seen[letter] = true;
    }
    return REPLY_NONE;
}

/* Whether it is a whole number of at most `most`, by the C library's reading. */
static bool is_unsigned(const char *text, size_t size, uint64_t most, uint64_t *value)
{
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return size > 0 && strspn(text, "0123456789") == size && errno == 0 && *value <= most;
}

static bool is_signed(const char *text, size_t size)
{
    size_t sign = text[0] == '-';
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return size > sign && strspn(text + sign, "0123456789") == size - sign && errno == 0;
}

static enum reply judge_number(char letter, const char *text, size_t size, uint64_t *value)
{
    switch (letter) {
    case 'C':
    case 'E':
        return is_unsigned(text, size, UINT64_MAX, value) ? REPLY_NONE : REPLY_BAD_TOKEN;
    case 'D':
        return is_unsigned(text, size, UINT64_MAX, value) ? REPLY_NONE : REPLY_BAD_META_DELTA;
    case 'J':
        return is_unsigned(text, size, UINT64_MAX, value) ? REPLY_NONE : REPLY_BAD_META_INITIAL;
    case 'F':
        return is_unsigned(text, size, UINT32_MAX, value) ? REPLY_NONE : REPLY_BAD_FORMAT;
    case 'N':
    case 'R':
    case 'T':
        return is_signed(text, size) ? REPLY_NONE : REPLY_BAD_TOKEN;
    case 'O':
        return size <= 31 ? REPLY_NONE : REPLY_OPAQUE_TOO_LONG;
    default:
        return REPLY_NONE;
    }
}

static enum reply judge_argument(struct slice flag, uint64_t *value)
{
    char *text = strndup(flag.at + 1, flag.size - 1);
    CHECK(text != NULL);
    enum reply reply = judge_number(flag.at[0], text, flag.size - 1, value);
    free(text);
    return reply;
}

static void check_number(const struct meta_request *meta, char letter, uint64_t value)
{
    static const struct {
        char letter;
        enum meta_number place;
    } places[] = {{'C', META_COMPARE},
                  {'E', META_CAS},
                  {'F', META_CLIENT_FLAGS},
                  {'D', META_DELTA},
                  {'J', META_INITIAL}};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        CHECK(places[i].letter != letter || meta->numbers[places[i].place] == value);
}

static size_t place_of(const struct slice *flags, size_t count, char letter)
{
    size_t place = 0;
    while (place < count && flags[place].at[0] != letter)
        place++;
    return place;
}

static void check_reading(const struct meta_request *meta, const struct slice *flags, size_t count)
{
    CHECK(meta->flag_count == count);
    for (const char *letter = LETTERS; *letter != '\0'; letter++) {
        size_t place = place_of(flags, count, *letter);
        size_t touch = place_of(flags, count, 'T');
        CHECK(meta_has(meta, *letter) == (place < count));
        if (*letter != 'T')
            CHECK(meta_precedes_touch(meta, *letter) == (place < touch && touch < count));
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        CHECK(slice_equal(meta->flags[i], flags[i]));
        CHECK(judge_argument(flags[i], &value) == REPLY_NONE);
        check_number(meta, flags[i].at[0], value);
    }
    CHECK(meta->key.size > 0 && meta->key.size <= STORE_KEY_SIZE_MAX);
    CHECK(meta->key.hash == hash_key(meta->key.at, meta->key.size));
}

/* The first thing that is wrong, in the order in which memcached looks. */
static enum reply judge(struct slice key, const struct slice *flags, size_t count)
{
    char bytes[STORE_KEY_SIZE_MAX];
    size_t size = sizeof(bytes);
    uint64_t value;
    if (key.size == 0 || key.size > STORE_KEY_SIZE_MAX)
        return REPLY_BAD_FORMAT;
    enum reply reply = judge_letters(flags, count);
    for (size_t i = 0; reply == REPLY_NONE && i < count; i++)
        reply = judge_argument(flags[i], &value);
    if (reply != REPLY_NONE || place_of(flags, count, 'b') == count)
        return reply;
    return base64_decode(key, bytes, &size) && size > 0 ? REPLY_NONE : REPLY_BAD_KEY_ENCODING;
}

/* Blank, letter, what it tells: for each flag that asks, and no more than what there is room for.
 */
static void check_reply_flags(const struct meta_request *meta, const struct meta_facts *facts)
{
    char *room = malloc(META_REPLY_SIZE_MAX);
    CHECK(room != NULL);
    size_t size = (size_t)(meta_put_flags(room, meta, facts) - room);
    CHECK(size <= META_REPLY_SIZE_MAX);
    struct slice rest = {room, size};
    struct slice word;
    size_t count = 0;
    while (word_next(&rest, &word)) {
        CHECK(word.at[-1] == ' ' && strchr("bkOcfhlstWXZ", word.at[0]) != NULL);
        count++;
    }
    CHECK(count <= meta->flag_count + 4);
    free(room);
}

static struct meta_facts facts_of(const uint8_t *data)
{
    uint64_t bits;
    memcpy(&bits, data, sizeof(bits));
    return (struct meta_facts){
        .cas = bits,
        .value_size = bits >> 20,
        .client_flags = (uint32_t)(bits >> 32),
        .exptime = bits % 3 == 0 ? 0 : (uint32_t)(bits >> 8),
        .now = NOW,
        .idle_seconds = (uint32_t)(bits >> 16),
        .marks = bits >> 3 & (STORE_FETCHED | STORE_WON | STORE_STALE | STORE_KEY_BINARY),
        .won = bits & 1,
        .key_as_stored = bits & 2,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meta_request meta;
    struct slice flags[META_FLAGS_MAX + 1];
    struct slice key;
    if (size < HEAD_SIZE)
        return 0;
    hash_start(1);
    struct slice rest = {(const char *)data + HEAD_SIZE, size - HEAD_SIZE};
    word_next(&rest, &key);
    size_t count = words_split(rest, flags, ARRAY_COUNT(flags));
    enum reply reply = meta_parse(&meta, (enum meta_command)(1u << data[0] % 5), key, rest, NOW);
    CHECK(reply == judge(key, flags, count));
    if (reply != REPLY_NONE)
        return 0;
    check_reading(&meta, flags, count);
    struct meta_facts facts = facts_of(data + 1);
    /* A key that only base64 can carry is stored with the mark that says so. */
    facts.marks |= meta_marks(&meta);
    check_reply_flags(&meta, &facts);
    check_reply_flags(&meta, NULL);
    return 0;
}
