#include "config.h"

#include "store/item.h"

#include "base/number.h"

static uint8_t extra_kind(const struct item_shape *shape)
{
    if (LIKELY((shape->client_flags | shape->cas | shape->first_piece | shape->counter |
                shape->marks) == 0))
        return 0;
    return (uint8_t)((shape->client_flags != 0 ? ITEM_EXTRA_FLAGS : 0) |
                     (shape->cas != 0 ? ITEM_EXTRA_CAS : 0) |
                     (shape->first_piece != PLACE_NONE ? ITEM_EXTRA_LARGE : 0) |
                     (shape->counter ? ITEM_EXTRA_COUNTER : 0) | (shape->marks & ITEM_EXTRA_MARKS));
}

static size_t extra_size(uint8_t kind)
{
    if (kind == 0)
        return 0;
    return 1 + (kind & ITEM_EXTRA_FLAGS ? 4 : 0) + (kind & ITEM_EXTRA_CAS ? 8 : 0) +
           (kind & ITEM_EXTRA_LARGE ? 16 : 0) + (kind & ITEM_EXTRA_COUNTER ? 1 : 0);
}

static bool wants_exptime_word(const struct item_shape *shape)
{
    return shape->exptime != 0 || shape->exptime_word;
}

static size_t value_offset(const struct item_shape *shape)
{
    return 4 + (wants_exptime_word(shape) ? 4 : 0) + extra_size(extra_kind(shape)) +
           shape->key_size;
}

/* Where a counter's word is, if its value begins there. */
static char *counter_at(const char *value)
{
    return (char *)(((uintptr_t)value + 7) & ~(uintptr_t)7);
}

/* An entry is aligned to 4 only, so a counter's word may have to stand 4 further on. */
static uint64_t value_size_here(const struct item_shape *shape)
{
    if (shape->counter)
        return (-value_offset(shape) & 3) + 4 + sizeof(uint64_t);
    return shape->first_piece == PLACE_NONE ? shape->value_size : 0;
}

uint32_t item_entry_size(const struct item_shape *shape)
{
    return item_round_up(value_offset(shape) + value_size_here(shape));
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
    if (kind & ITEM_EXTRA_COUNTER)
        *at++ = (char)shape->value_size;
    bytes_copy(at, key, shape->key_size);
    at += shape->key_size;
    return kind & ITEM_EXTRA_COUNTER ? counter_at(at) : at;
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

_Atomic uint64_t *item_counter(const struct item_view *view)
{
    return (_Atomic uint64_t *)(uintptr_t)counter_at(view->value);
}

void item_copy_value(char *to, const struct item_view *view)
{
    if (LIKELY(!view->counter)) {
        memcpy(to, view->value, view->value_size);
        return;
    }
    char digits[NUMBER_U64_SIZE_MAX];
    size_t size =
        number_format_u64(digits, atomic_load_explicit(item_counter(view), memory_order_relaxed));
    CHECK(size <= view->value_size);
    memcpy(to, digits, size);
    memset(to + size, ' ', view->value_size - size);
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
