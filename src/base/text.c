#include "config.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 4096

void text_init(struct text *text)
{
    *text = (struct text){0};
}

void text_end(struct text *text)
{
    free(text->at);
    *text = (struct text){0};
}

static bool reserve(struct text *text, size_t size)
{
    size_t capacity = text->capacity == 0 ? FIRST_CAPACITY : text->capacity;
    if (text->failed)
        return false;
    if (text->capacity - text->size >= size)
        return true;
    while (capacity - text->size < size)
        capacity *= 2;
    char *at = realloc(text->at, capacity);
    if (at == NULL) {
        text->failed = true;
        return false;
    }
    text->at = at;
    text->capacity = capacity;
    return true;
}

void text_add(struct text *text, struct slice bytes)
{
    if (bytes.size == 0 || !reserve(text, bytes.size))
        return;
    memcpy(text->at + text->size, bytes.at, bytes.size);
    text->size += bytes.size;
}

static bool is_plain(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

char *put_encoded(char *to, struct slice bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        if (is_plain(byte)) {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '%';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    return to;
}

void text_add_encoded(struct text *text, struct slice bytes)
{
    if (!reserve(text, 3 * bytes.size))
        return;
    char *end = put_encoded(text->at + text->size, bytes);
    text->size = (size_t)(end - text->at);
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !reserve(text, (size_t)size + 1))
        return;
    va_start(arguments, format);
    vsnprintf(text->at + text->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
}
