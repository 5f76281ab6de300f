#ifndef LARDER_META_REQUEST_H
#define LARDER_META_REQUEST_H

/* A meta command's key and flags, and the flags of its reply. */

#include "proto/command.h"

#define META_FLAGS_MAX 20

enum meta_command { META_MG = 1, META_MS = 2, META_MD = 4, META_MA = 8, META_ME = 16 };

/* Where the numbers of flags are kept. */
enum meta_number {
    META_COMPARE,
    META_CAS,
    META_CLIENT_FLAGS,
    META_NEW_EXPTIME,
    META_VIVIFY_EXPTIME,
    META_RECACHE, /* items that expire before then are to be stored anew */
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
    enum meta_command command;
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

/* Flags work in the client's order: whether this one goes by the time-to-live before the T. */
MUST_USE bool meta_precedes_touch(const struct meta_request *meta, char letter);

/* The marks of an item that this command makes. */
static inline uint8_t meta_marks(const struct meta_request *meta)
{
    return meta_has(meta, 'b') ? STORE_KEY_BINARY : 0;
}

/* The item after the command, as the flags of the reply tell it; NULL when there is none. */
struct meta_facts {
    uint64_t cas;
    uint64_t value_size;
    uint32_t client_flags;
    uint32_t exptime;
    uint32_t now;
    uint32_t idle_seconds;
    uint8_t marks;      /* of store_mark, as they were before */
    bool won;           /* by this command */
    bool key_as_stored; /* in base64 if it was stored so, however the client wrote it now */
};

/* Base64, for a key that was stored so. */
char *meta_put_key(char *to, struct slice key, bool binary);

/* Writes " flag" for every flag that asks for one; at most META_REPLY_SIZE_MAX bytes. */
#define META_REPLY_SIZE_MAX 512
char *meta_put_flags(char *to, const struct meta_request *meta, const struct meta_facts *facts);

/* Ends the request by a code of two letters and the flags that were asked for. */
bool meta_reply(struct exchange *x, const struct meta_request *meta, const char *code,
                const struct meta_facts *facts);

#endif
