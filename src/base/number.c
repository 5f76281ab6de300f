#include "config.h"

#include "base/number.h"

#define DIGITS_SAFE 19 /* so many never overflow */

bool number_parse_u64(struct slice text, uint64_t *value)
{
    uint64_t sum = 0;
    size_t safe = text.size < DIGITS_SAFE ? text.size : DIGITS_SAFE;
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < safe; i++) {
        unsigned digit = (unsigned char)text.at[i] - '0';
        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
    }
    for (size_t i = safe; i < text.size; i++) {
        unsigned digit = (unsigned char)text.at[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool number_parse_u32(struct slice text, uint32_t *value)
{
    uint64_t wide;
    if (!number_parse_u64(text, &wide) || wide > UINT32_MAX)
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool number_parse_i64(struct slice text, int64_t *value)
{
    bool negative = text.size > 0 && text.at[0] == '-';
    struct slice digits = negative ? (struct slice){text.at + 1, text.size - 1} : text;
    uint64_t size;
    if (!number_parse_u64(digits, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

bool number_parse_i32(struct slice text, int32_t *value)
{
    int64_t wide;
    if (!number_parse_i64(text, &wide) || wide < INT32_MIN || wide > INT32_MAX)
        return false;
    *value = (int32_t)wide;
    return true;
}

const char number_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static size_t digit_count(uint64_t value)
{
    size_t count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t number_format_u64(char *to, uint64_t value)
{
    size_t count = digit_count(value);
    char *at = to + count;
    while (value >= 100) {
        at -= 2;
        memcpy(at, number_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(to, number_pairs + 2 * value, 2);
    else
        *to = (char)('0' + value);
    return count;
}
