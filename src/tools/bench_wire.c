/* Writing requests. */

#include "config.h"

#include "tools/bench_wire.h"

#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define NUMBERS_SIZE_MAX 128 /* of all words and numbers in a request, but for keys */

void wire_init(struct wire *wire, const struct bench_options *options,
               const struct value_pool *pool)
{
    *wire = (struct wire){
        .pool = pool,
        .key_prefix = options->key_prefix,
        .key_prefix_size = strlen(options->key_prefix),
        .key_size = options->key_size,
        .meta = options->meta,
        .verify = options->verify,
        .follow_keys = options->verify || options->read_through,
    };
}

/* Where the next bytes go; there is room for `size` of them. */
static char *make_room(struct wire_output *output, size_t size)
{
    if (output->capacity - output->size < size) {
        output->capacity = 2 * output->capacity + size;
        output->at = realloc(output->at, output->capacity);
        if (output->at == NULL) {
            fputs("larder-bench: no memory for requests of this size\n", stderr);
            exit(EX_OSERR);
        }
    }
    return output->at + output->size;
}

void wire_output_end(struct wire_output *output)
{
    free(output->at);
    *output = (struct wire_output){0};
}

void wire_output_add(struct wire_output *output, const char *at, size_t size)
{
    memcpy(make_room(output, size), at, size);
    output->size += size;
}

static char *write_text(char *to, const char *text)
{
    size_t size = strlen(text);
    memcpy(to, text, size);
    return to + size;
}

static char *write_number(char *to, const char *before, uint64_t number)
{
    to = write_text(to, before);
    return to + number_format_u64(to, number);
}

/* The prefix, zeros, the number. */
static char *write_key(const struct wire *wire, char *to, uint32_t number)
{
    char *end = to + wire->key_size;
    memcpy(to, wire->key_prefix, wire->key_prefix_size);
    for (char *digit = end; digit > to + wire->key_prefix_size; number /= 10)
        *--digit = (char)('0' + number % 10);
    return end;
}

static char *write_classic_get(const struct wire *wire, char *to, const uint32_t *keys,
                               uint32_t key_count)
{
    to = write_text(to, "get");
    for (uint32_t i = 0; i < key_count; i++) {
        *to++ = ' ';
        to = write_key(wire, to, keys[i]);
    }
    return write_text(to, "\r\n");
}

/* Several keys are several quiet requests, and a no-op that ends them. */
static char *write_meta_get(const struct wire *wire, char *to, const uint32_t *keys,
                            uint32_t key_count)
{
    const char *flags = wire->follow_keys ? " v k f" : " v";
    for (uint32_t i = 0; i < key_count; i++) {
        to = write_key(wire, write_text(to, "mg "), keys[i]);
        to = write_text(write_text(to, flags), key_count > 1 ? " q\r\n" : "\r\n");
    }
    return key_count > 1 ? write_text(to, "mn\r\n") : to;
}

void wire_write_get(const struct wire *wire, struct wire_output *output, const uint32_t *keys,
                    uint32_t key_count)
{
    char *start = make_room(output, NUMBERS_SIZE_MAX + key_count * (wire->key_size + 16));
    char *end = wire->meta ? write_meta_get(wire, start, keys, key_count)
                           : write_classic_get(wire, start, keys, key_count);
    output->size += (size_t)(end - start);
}

void wire_write_set(const struct wire *wire, struct wire_output *output, const struct wire_set *set)
{
    char *start = make_room(output, NUMBERS_SIZE_MAX + wire->key_size + set->value_size);
    char *to = write_key(wire, write_text(start, wire->meta ? "ms " : "set "), set->key);
    if (wire->meta) {
        to = write_number(to, " ", set->value_size);
        if (set->exptime != 0)
            to = write_number(to, " T", set->exptime);
        if (set->version != 0)
            to = write_number(to, " F", set->version);
    } else {
        to = write_number(to, " ", set->version);
        to = write_number(to, " ", set->exptime);
        to = write_number(to, " ", set->value_size);
    }
    to = write_text(to, "\r\n");
    memcpy(to, value_pool_at(wire->pool, set->key, set->value_size, set->version), set->value_size);
    to = write_text(to + set->value_size, "\r\n");
    output->size += (size_t)(to - start);
}

bool wire_key_is(const struct wire *wire, uint32_t number, struct slice text)
{
    char key[WIRE_KEY_SIZE_MAX];
    write_key(wire, key, number);
    return text.size == wire->key_size && memcmp(key, text.at, text.size) == 0;
}
