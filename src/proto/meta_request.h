#ifndef LARDER_META_REQUEST_H
#define LARDER_META_REQUEST_H

/* A meta command's key and flags, and the flags of its reply. */

#include "proto/command.h"

#define META_FLAGS_MAX 20

enum meta_command { META_MG = 1, META_MS = 2, META_MD = 4, META_MA = 8 };

/* Where the numbers of flags are kept. */
enum meta_number {
    META_COMPARE,
    META_CAS,
    META_CLIENT_FLAGS,
    META_NEW_EXPTIME,
    META_VIVIFY_EXPTIME,
    META_DELTA,
    META_INITIAL,
    META_NO_NUMBER
};

struct meta_request {
    struct store_key key;
    struct slice key_text;              /* as the client wrote it */
    struct slice flags[META_FLAGS_MAX]; /* letter and argument, in the client's order */
    size_t flag_count;
    uint64_t seen; /* a bit for each letter */
    uint64_t numbers[META_NO_NUMBER];
    struct slice mode;                    /* the argument of M */
    char key_decoded[STORE_KEY_SIZE_MAX]; /* of a key in base64 */
};

/* `flags` is what follows the key and, for ms, the size. */
MUST_USE enum reply meta_parse(struct meta_request *meta, enum meta_command command,
                               struct slice key, struct slice flags, uint32_t now);

static inline bool meta_has(const struct meta_request *meta, char letter)
{
    return meta->seen >> (letter - 'A') & 1;
}

/* Flags work in the client's order: a `t` ahead of the `T` shows the time-to-live before it. */
MUST_USE bool meta_shows_old_exptime(const struct meta_request *meta);

/* The item after the command, as the flags of the reply tell it; NULL when there is none. */
struct meta_facts {
    uint64_t cas;
    uint64_t value_size;
    uint32_t client_flags;
    uint32_t exptime;
    uint32_t now;
};

/* Writes " flag" for every flag that asks for one; at most META_REPLY_SIZE_MAX bytes. */
#define META_REPLY_SIZE_MAX 512
char *meta_put_flags(char *to, const struct meta_request *meta, const struct meta_facts *facts);

/* Ends the request by a code of two letters and the flags that were asked for. */
bool meta_reply(struct exchange *x, const struct meta_request *meta, const char *code,
                const struct meta_facts *facts);

#endif
