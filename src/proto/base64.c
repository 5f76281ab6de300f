#include "config.h"

#include "proto/base64.h"

#include <stdint.h>

#define NO_DIGIT 64

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NO_DIGIT;
}

/* Four digits, the last `padding` of them '=', make three bytes less the padding. */
static bool decode_four(const char *text, unsigned padding, char *to)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned digit = i >= 4 - padding ? 0 : digit_of(text[i]);
        if (digit == NO_DIGIT)
            return false;
        bits = bits << 6 | digit;
    }
    for (unsigned i = 0; i < 3 - padding; i++)
        to[i] = (char)(bits >> (16 - 8 * i) & 0xff);
    return true;
}

bool base64_decode(struct slice text, char *to, size_t *size)
{
    size_t written = 0;
    if (text.size == 0 || text.size % 4 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 4) {
        unsigned padding = 0;
        if (i + 4 == text.size && text.at[i + 3] == '=')
            padding = text.at[i + 2] == '=' ? 2 : 1;
        if (written + 3 - padding > *size || !decode_four(text.at + i, padding, to + written))
            return false;
        written += 3 - padding;
    }
    *size = written;
    return true;
}

size_t base64_encode(char *to, struct slice bytes)
{
    char *at = to;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)(unsigned char)bytes.at[i] << 16;
        if (left > 1)
            three |= (uint32_t)(unsigned char)bytes.at[i + 1] << 8;
        if (left > 2)
            three |= (unsigned char)bytes.at[i + 2];
        *at++ = letters[three >> 18];
        *at++ = letters[three >> 12 & 63];
        *at++ = left > 1 ? letters[three >> 6 & 63] : '=';
        *at++ = left > 2 ? letters[three & 63] : '=';
    }
    return (size_t)(at - to);
}
