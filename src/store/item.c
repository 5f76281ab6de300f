#include "config.h"

#include "store/item.h"

static uint8_t extra_kind(const struct item_shape *shape)
{
    return (uint8_t)((shape->client_flags != 0 ? ITEM_EXTRA_FLAGS : 0) |
                     (shape->cas != 0 ? ITEM_EXTRA_CAS : 0) |
                     (shape->first_piece != PLACE_NONE ? ITEM_EXTRA_LARGE : 0) |
                     (shape->marks & ITEM_EXTRA_MARKS));
}

static size_t extra_size(uint8_t kind)
{
    if (kind == 0)
        return 0;
    return 1 + (kind & ITEM_EXTRA_FLAGS ? 4 : 0) + (kind & ITEM_EXTRA_CAS ? 8 : 0) +
           (kind & ITEM_EXTRA_LARGE ? 16 : 0);
}

static bool wants_exptime_word(const struct item_shape *shape)
{
    return shape->exptime != 0 || shape->exptime_word;
}

static uint64_t value_size_here(const struct item_shape *shape)
{
    return shape->first_piece == PLACE_NONE ? shape->value_size : 0;
}

uint32_t item_entry_size(const struct item_shape *shape)
{
    return item_round_up(4 + (wants_exptime_word(shape) ? 4 : 0) + extra_size(extra_kind(shape)) +
                         shape->key_size + value_size_here(shape));
}

static uint32_t header_of(uint32_t key_size, uint32_t value_size, bool exptime, bool extra,
                          enum item_state state)
{
    return key_size | value_size << 8 | (uint32_t)exptime << 28 | (uint32_t)extra << 29 |
           (uint32_t)state << 30;
}

static void header_store(char *entry, uint32_t header)
{
    atomic_store_explicit((_Atomic uint32_t *)(uintptr_t)entry, header, memory_order_release);
}

static char *put_u32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static char *put_u64(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

char *item_write(char *entry, const struct item_shape *shape, const char *key)
{
    uint8_t kind = extra_kind(shape);
    uint64_t value_size = value_size_here(shape);
    CHECK(shape->key_size >= 1 && shape->key_size <= STORE_KEY_SIZE_MAX);
    CHECK(value_size <= ITEM_VALUE_SIZE_MAX);
    header_store(entry, header_of((uint32_t)shape->key_size, (uint32_t)value_size,
                                  wants_exptime_word(shape), kind != 0, ITEM_TENTATIVE));
    char *at = entry + 4;
    if (wants_exptime_word(shape))
        at = put_u32(at, shape->exptime);
    if (kind != 0)
        *at++ = (char)kind;
    if (kind & ITEM_EXTRA_FLAGS)
        at = put_u32(at, shape->client_flags);
    if (kind & ITEM_EXTRA_CAS)
        at = put_u64(at, shape->cas);
    if (kind & ITEM_EXTRA_LARGE)
        at = put_u64(put_u64(at, shape->value_size), shape->first_piece);
    memcpy(at, key, shape->key_size);
    return at + shape->key_size;
}

uint32_t item_entry_size_at(const char *entry)
{
    uint32_t header = item_header(entry);
    uint32_t value_size = item_header_value_size(header);
    if (item_header_key_size(header) != 0)
        return item_round_up((size_t)(item_key_at(entry, header) - entry) +
                             item_header_key_size(header) + value_size);
    return item_header_is_piece(header) ? item_round_up(PIECE_HEADER_SIZE + value_size)
                                        : item_round_up(4 + (size_t)value_size);
}

void item_set_state(char *entry, enum item_state state)
{
    header_store(entry, (item_header(entry) & ~(3u << 30)) | (uint32_t)state << 30);
}

void item_write_padding(char *entry, uint32_t size)
{
    header_store(entry, header_of(0, size - 4, false, false, ITEM_DEAD));
}

void piece_write(char *entry, uint32_t size)
{
    CHECK(((uintptr_t)entry & 7) == 4);
    header_store(entry, header_of(0, size, false, true, ITEM_TENTATIVE));
    piece_set_next(entry, PLACE_NONE);
    piece_set_owner(entry, PLACE_NONE);
}

struct slice piece_bytes(char *entry)
{
    return (struct slice){entry + PIECE_HEADER_SIZE, item_header_value_size(item_header(entry))};
}

static _Atomic uint64_t *word_at(const char *entry, size_t offset)
{
    return (_Atomic uint64_t *)(uintptr_t)(entry + offset);
}

uint64_t piece_next(const char *entry)
{
    return atomic_load_explicit(word_at(entry, 4), memory_order_acquire);
}

uint64_t piece_owner(const char *entry)
{
    return atomic_load_explicit(word_at(entry, 12), memory_order_acquire);
}

void piece_set_next(char *entry, uint64_t place)
{
    atomic_store_explicit(word_at(entry, 4), place, memory_order_release);
}

void piece_set_owner(char *entry, uint64_t place)
{
    atomic_store_explicit(word_at(entry, 12), place, memory_order_release);
}
