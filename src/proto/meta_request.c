#include "config.h"

#include "proto/meta_request.h"

#include "proto/base64.h"

#define OPAQUE_SIZE_MAX 31 /* without its letter */

enum meta_argument {
    META_UNKNOWN,
    META_NOTHING, /* what stands behind the letter is ignored */
    META_U64,
    META_U32,
    META_EXPTIME,
    META_MODE,
    META_OPAQUE,
};

struct meta_flag {
    uint8_t argument;
    uint8_t number;
    uint8_t commands;
};

static const struct meta_flag flags_known['z' + 1] = {
#define META_FLAG(letter, argument, number, commands) [letter] = {argument, number, commands},
#include "proto/meta_flags.def"
#undef META_FLAG
};

static const struct meta_flag *flag_known(struct slice flag)
{
    unsigned char letter = (unsigned char)flag.at[0];
    return &flags_known[letter <= 'z' ? letter : 0];
}

static enum reply check_flag(struct meta_request *meta, struct slice flag)
{
    unsigned char letter = (unsigned char)flag.at[0];
    if (letter > 127)
        return REPLY_BAD_FORMAT;
    if (flag_known(flag)->argument == META_UNKNOWN)
        return REPLY_BAD_FLAG;
    if (meta_has(meta, (char)letter))
        return REPLY_DUPLICATE_FLAG;
    meta->seen |= UINT64_C(1) << (letter - 'A');
    return REPLY_NONE;
}

static enum reply split_flags(struct meta_request *meta, struct slice text)
{
    struct slice flag;
    meta->seen = 0;
    meta->flag_count = 0;
    meta->numbers[META_COMPARE] = 0;
    while (word_next(&text, &flag)) {
        if (meta->flag_count == META_FLAGS_MAX)
            return REPLY_TOO_MANY_FLAGS;
        enum reply error = check_flag(meta, flag);
        if (error != REPLY_NONE)
            return error;
        meta->flags[meta->flag_count++] = flag;
    }
    return REPLY_NONE;
}

static enum reply parse_u64(struct slice argument, enum meta_number which, uint64_t *number)
{
    if (number_parse_u64(argument, number))
        return REPLY_NONE;
    if (which == META_DELTA)
        return REPLY_BAD_META_DELTA;
    return which == META_INITIAL ? REPLY_BAD_META_INITIAL : REPLY_BAD_TOKEN;
}

static enum reply parse_u32(struct slice argument, uint64_t *number)
{
    uint32_t value;
    if (!number_parse_u32(argument, &value))
        return REPLY_BAD_FORMAT;
    *number = value;
    return REPLY_NONE;
}

static enum reply parse_exptime(struct slice argument, uint32_t now, uint64_t *number)
{
    uint32_t exptime;
    if (!exptime_parse(argument, now, &exptime))
        return REPLY_BAD_TOKEN;
    *number = exptime;
    return REPLY_NONE;
}

static enum reply parse_argument(struct meta_request *meta, struct slice flag, uint32_t now)
{
    const struct meta_flag *known = flag_known(flag);
    struct slice argument = {flag.at + 1, flag.size - 1};
    switch ((enum meta_argument)known->argument) {
    case META_U64:
        return parse_u64(argument, known->number, &meta->numbers[known->number]);
    case META_U32:
        return parse_u32(argument, &meta->numbers[known->number]);
    case META_EXPTIME:
        return parse_exptime(argument, now, &meta->numbers[known->number]);
    case META_OPAQUE:
        return argument.size > OPAQUE_SIZE_MAX ? REPLY_OPAQUE_TOO_LONG : REPLY_NONE;
    case META_MODE:
        meta->mode = argument;
        return REPLY_NONE;
    case META_NOTHING:
    case META_UNKNOWN:
        break;
    }
    return REPLY_NONE;
}

static enum reply find_key(struct meta_request *meta)
{
    struct slice key = meta->key_text;
    if (meta_has(meta, 'b')) {
        key = (struct slice){meta->key_decoded, sizeof(meta->key_decoded)};
        if (!base64_decode(meta->key_text, meta->key_decoded, &key.size) || key.size == 0)
            return REPLY_BAD_KEY_ENCODING;
    }
    meta->key = store_key_of(key.at, key.size);
    return REPLY_NONE;
}

/* memcached looks at all letters first, then at what stands behind them. */
enum reply meta_parse(struct meta_request *meta, enum meta_command command, struct slice key,
                      struct slice flags, uint32_t now)
{
    if (key.size == 0 || key.size > STORE_KEY_SIZE_MAX)
        return REPLY_BAD_FORMAT;
    meta->key_text = key;
    meta->command = command;
    enum reply error = split_flags(meta, flags);
    for (size_t i = 0; error == REPLY_NONE && i < meta->flag_count; i++)
        error = parse_argument(meta, meta->flags[i], now);
    return error != REPLY_NONE ? error : find_key(meta);
}

bool meta_precedes_touch(const struct meta_request *meta, char letter)
{
    if (!meta_has(meta, letter) || !meta_has(meta, 'T'))
        return false;
    size_t i = 0;
    while (meta->flags[i].at[0] != letter && meta->flags[i].at[0] != 'T')
        i++;
    return meta->flags[i].at[0] == letter;
}

static char *put_ttl(char *to, const struct meta_facts *facts)
{
    if (facts->exptime == 0)
        return PUT_LITERAL(to, "-1");
    return put_u64(to, facts->exptime > facts->now ? facts->exptime - facts->now : 0);
}

static char *put_fact(char *to, char letter, const struct meta_facts *facts)
{
    *to++ = ' ';
    *to++ = letter;
    switch (letter) {
    case 'c':
        return put_u64(to, facts->cas);
    case 'f':
        return put_u64(to, facts->client_flags);
    case 'h':
        return put_u64(to, (facts->marks & STORE_FETCHED) != 0);
    case 'l':
        return put_u64(to, facts->idle_seconds);
    case 's':
        return put_u64(to, facts->value_size);
    default:
        return put_ttl(to, facts);
    }
}

char *meta_put_key(char *to, struct slice key, bool binary)
{
    return binary ? to + base64_encode(to, key) : put_slice(to, key);
}

static char *put_key(char *to, const struct meta_request *meta, const struct meta_facts *facts)
{
    bool binary = meta_has(meta, 'b');
    to = PUT_LITERAL(to, " k");
    if (facts != NULL && facts->key_as_stored)
        binary = facts->marks & STORE_KEY_BINARY;
    /* Encoded anew, as several texts stand for the same key. */
    to = meta_put_key(to, (struct slice){meta->key.at, meta->key.size}, binary);
    return binary ? PUT_LITERAL(to, " b") : to;
}

/* In memcached's order: Z X W. */
static char *put_win(char *to, const struct meta_facts *facts)
{
    if (facts->marks & STORE_WON)
        to = PUT_LITERAL(to, " Z");
    if (facts->marks & STORE_STALE)
        to = PUT_LITERAL(to, " X");
    return facts->won ? PUT_LITERAL(to, " W") : to;
}

char *meta_put_flags(char *to, const struct meta_request *meta, const struct meta_facts *facts)
{
    for (size_t i = 0; i < meta->flag_count; i++) {
        struct slice flag = meta->flags[i];
        switch (flag.at[0]) {
        case 'k':
            to = put_key(to, meta, facts);
            break;
        case 'O':
            *to++ = ' ';
            to = put_slice(to, flag);
            break;
        case 'c':
        case 'f':
        case 'h':
        case 'l':
        case 's':
        case 't':
            if (facts != NULL && flag_known(flag)->commands & meta->command)
                to = put_fact(to, flag.at[0], facts);
            break;
        default:
            break;
        }
    }
    return facts != NULL && meta->command == META_MG ? put_win(to, facts) : to;
}

bool meta_reply(struct exchange *x, const struct meta_request *meta, const char *code,
                const struct meta_facts *facts)
{
    char *to = output_end(x->buffers);
    memcpy(to, code, 2);
    to = meta_put_flags(to + 2, meta, facts);
    output_extend_to(x->buffers, PUT_LITERAL(to, "\r\n"));
    return true;
}
