/*
 * What reads and writes single words: numbers, words of a line, exptimes, base64, growing texts.
 * The first byte says which; each is held against a second, simpler way to the same answer.
 */

#include "config.h"

#include "fuzz.h"

#include "base/number.h"
#include "base/text.h"
#include "proto/base64.h"
#include "proto/class_list.h"
#include "proto/request_line.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW 1800000000u
#define MONTH (60 * 60 * 24 * 30)
#define WORDS_MAX 8

/* A terminated copy on the heap; the caller frees it. */
static char *copy_of(struct slice text)
{
    char *copy = malloc(text.size + 1);
    CHECK(copy != NULL);
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return copy;
}

/* --- numbers -------------------------------------------------------------------------------- */

static void check_unsigned(struct slice text, const char *copy)
{
    uint64_t wide = 7;
    uint32_t narrow = 7;
    errno = 0;
    bool digits = text.size > 0 && strspn(copy, "0123456789") == text.size;
    uint64_t expected = strtoull(copy, NULL, 10);
    bool fits = digits && errno == 0;
    CHECK(number_parse_u64(text, &wide) == fits && wide == (fits ? expected : 7));
    fits = fits && expected <= UINT32_MAX;
    CHECK(number_parse_u32(text, &narrow) == fits && narrow == (fits ? (uint32_t)expected : 7));
}

static void check_signed(struct slice text, const char *copy)
{
    int64_t wide = 7;
    int32_t narrow = 7;
    size_t sign = copy[0] == '-';
    errno = 0;
    bool digits = text.size > sign && strspn(copy + sign, "0123456789") == text.size - sign;
    int64_t expected = strtoll(copy, NULL, 10);
    bool fits = digits && errno == 0;
    CHECK(number_parse_i64(text, &wide) == fits && wide == (fits ? expected : 7));
    fits = fits && expected >= INT32_MIN && expected <= INT32_MAX;
    CHECK(number_parse_i32(text, &narrow) == fits && narrow == (fits ? (int32_t)expected : 7));
}

static void check_formatted(uint64_t value)
{
    char printed[32];
    char *room = malloc(NUMBER_U64_SIZE_MAX);
    uint64_t again;
    CHECK(room != NULL);
    size_t size = number_format_u64(room, value);
    snprintf(printed, sizeof(printed), "%" PRIu64, value);
    CHECK(slice_is((struct slice){room, size}, printed));
    CHECK(number_parse_u64((struct slice){room, size}, &again) && again == value);
    free(room);
}

static void try_numbers(struct slice text)
{
    uint64_t bits = 0;
    char *copy = copy_of(text);
    check_unsigned(text, copy);
    check_signed(text, copy);
    memcpy(&bits, text.at, text.size < sizeof(bits) ? text.size : sizeof(bits));
    for (; bits != 0; bits /= 10)
        check_formatted(bits);
    free(copy);
}

static void try_exptime(struct slice text)
{
    uint32_t exptime = 7;
    int64_t wide;
    if (!exptime_parse(text, NOW, &exptime)) {
        CHECK(!number_parse_i64(text, &wide) && exptime == 7);
        return;
    }
    CHECK(number_parse_i64(text, &wide));
    if (wide != (int32_t)wide)
        return;
    CHECK((exptime == 0) == (wide == 0));
    CHECK(wide >= 0 || exptime < NOW);
    CHECK(wide <= 0 || exptime == (wide <= MONTH ? NOW + (uint32_t)wide : (uint32_t)wide));
    CHECK(exptime_is_forgotten(exptime, NOW) == (wide > MONTH && wide <= NOW));
}

/* --- lines ---------------------------------------------------------------------------------- */

static void check_word_list(struct slice line)
{
    struct slice words[WORDS_MAX];
    struct slice rest = line;
    struct slice word;
    struct slice last = {line.at, 0};
    size_t count = 0;
    bool overlong = false;
    size_t split = words_split(line, words, WORDS_MAX);
    const char *behind = line.at;
    while (word_next(&rest, &word)) {
        CHECK(word.at >= behind && memchr(word.at, ' ', word.size) == NULL);
        for (const char *gap = behind; gap < word.at; gap++)
            CHECK(*gap == ' ');
        CHECK(count >= split || (words[count].at == word.at && words[count].size == word.size));
        overlong = overlong || word.size > STORE_KEY_SIZE_MAX;
        behind = word.at + word.size;
        last = word;
        count++;
    }
    CHECK(split == (count < WORDS_MAX ? count : WORDS_MAX));
    CHECK(words_have_overlong_key(line) == overlong);
    CHECK(slice_equal(word_last(line), last));
}

/* Found in one go, and when a part of it is known to hold no end. */
static void try_line(struct slice text)
{
    struct line line;
    struct line again;
    const char *end = memchr(text.at, '\n', text.size);
    enum line_status status = line_find(text, 0, &line);
    size_t searched = end == NULL ? text.size : (size_t)(end - text.at);
    CHECK(line_find(text, searched, &again) == status);
    check_word_list(text);
    CHECK(status != LINE_OPEN || end == NULL);
    if (status != LINE_COMPLETE)
        return;
    CHECK(end != NULL && line.size == searched + 1 && line.text.at == text.at);
    CHECK(again.size == line.size && again.text.size == line.text.size);
    bool carriage = searched > 0 && end[-1] == '\r';
    CHECK(line.text.size == searched - carriage);
    check_word_list(line.text);
}

static void try_classes(struct slice text)
{
    bool has_items = false;
    bool one = false;
    bool fine = true;
    if (class_list_parse(text, &has_items) && (slice_is(text, "all") || slice_is(text, "hash"))) {
        CHECK(has_items);
        return;
    }
    char *copy = copy_of(text);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        size_t zeros = strspn(word, "0");
        fine = fine && word[0] != '\0' && strspn(word, "0123456789") == strlen(word) &&
               strlen(word + zeros) <= 2 && atoi(word) >= 1 && atoi(word) <= CLASS_ID_MAX;
        one = one || atoi(word) == 1;
    }
    fine = fine && memchr(text.at, '\0', text.size) == NULL;
    CHECK(class_list_parse(text, &has_items) == fine && (!fine || has_items == one));
    free(copy);
}

/* --- base64 --------------------------------------------------------------------------------- */

static void check_round_trip(struct slice bytes)
{
    size_t size_max = (bytes.size + 2) / 3 * 4;
    char *text = malloc(size_max + 1);
    char *again = malloc(bytes.size + 1);
    size_t size = bytes.size;
    CHECK(text != NULL && again != NULL);
    CHECK(base64_encode(text, bytes) == size_max);
    bool fine = base64_decode((struct slice){text, size_max}, again, &size);
    CHECK(fine == (bytes.size > 0));
    CHECK(!fine || slice_equal((struct slice){again, size}, bytes));
    size = bytes.size == 0 ? 0 : bytes.size - 1;
    CHECK(!base64_decode((struct slice){text, size_max}, again, &size));
    free(text);
    free(again);
}

static bool is_base64(struct slice text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = text.size;
    for (int i = 0; i < 2 && size > 0 && text.at[size - 1] == '='; i++)
        size--;
    for (size_t i = 0; i < size; i++)
        if (text.at[i] == '\0' || strchr(letters, text.at[i]) == NULL)
            return false;
    return text.size > 0 && text.size % 4 == 0;
}

/* What follows the last letter in the bits of its byte is not looked at, so only that may differ.
 */
static void try_base64(struct slice text)
{
    size_t size = text.size;
    char *bytes = malloc(text.size + 1);
    char *again = malloc(text.size + 4);
    CHECK(bytes != NULL && again != NULL);
    check_round_trip(text);
    bool fine = base64_decode(text, bytes, &size);
    CHECK(fine == is_base64(text));
    if (fine) {
        CHECK(size <= text.size / 4 * 3 && size + 2 >= text.size / 4 * 3);
        CHECK(base64_encode(again, (struct slice){bytes, size}) == text.size);
        CHECK(memcmp(again, text.at, text.size - 4) == 0);
    }
    free(bytes);
    free(again);
}

/* --- growing texts -------------------------------------------------------------------------- */

/* Each byte adds a piece: an even one so many bytes, an odd one a formatted line. */
static void try_text(struct slice steps)
{
    static const char filling[256 * 64];
    struct text text;
    size_t expected = 0;
    text_init(&text);
    for (size_t i = 0; i < steps.size; i++) {
        unsigned char step = (unsigned char)steps.at[i];
        char line[64];
        if (step % 2 == 0) {
            text_add(&text, (struct slice){filling, (size_t)step * 64});
            expected += (size_t)step * 64;
            continue;
        }
        size_t size = (size_t)snprintf(line, sizeof(line), "%*d|%zu", step % 40, step, i);
        text_format(&text, "%*d|%zu", step % 40, step, i);
        expected += size;
        CHECK(text.size == expected && memcmp(text.at + expected - size, line, size) == 0);
    }
    CHECK(text.size == expected && text.capacity >= text.size && !text.failed);
    text_end(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct slice) = {try_numbers, try_exptime, try_line,
                                                  try_classes, try_base64,  try_text};
    if (size == 0)
        return 0;
    tries[data[0] % ARRAY_COUNT(tries)]((struct slice){(const char *)data + 1, size - 1});
    return 0;
}
