#include "config.h"

#include "proto/passwords.h"

#include <stdint.h>
#include <stdlib.h>

#define WORD_SIZE_MAX 255
#define COUNT_MAX 256

/* Padded with zeros, so that all are compared alike. */
struct padded {
    uint32_t size;
    unsigned char bytes[WORD_SIZE_MAX + 1];
};

struct pair {
    struct padded user;
    struct padded password;
};

struct passwords {
    size_t count;
    struct pair at[];
};

/* What is too long keeps its size, which no stored word has. */
static void pad(struct padded *padded, struct slice word)
{
    *padded = (struct padded){.size = (uint32_t)word.size};
    memcpy(padded->bytes, word.at, word.size <= WORD_SIZE_MAX ? word.size : WORD_SIZE_MAX);
}

/* 0 if they are equal. Without a branch that depends on the bytes. */
static uint32_t difference(const struct padded *a, const struct padded *b)
{
    volatile uint32_t bits = a->size ^ b->size;
    for (size_t i = 0; i < sizeof(a->bytes); i++)
        bits |= (uint32_t)(a->bytes[i] ^ b->bytes[i]);
    return bits;
}

static const char *take_line(struct pair *pair, struct slice line)
{
    const char *colon = memchr(line.at, ':', line.size);
    if (colon == NULL)
        return "a line is not user:password";
    struct slice user = {line.at, (size_t)(colon - line.at)};
    struct slice password = {colon + 1, line.size - user.size - 1};
    if (password.size == 0)
        return "a password is empty";
    if (user.size > WORD_SIZE_MAX || password.size > WORD_SIZE_MAX)
        return "a user or password is longer than 255 bytes";
    if (memchr(user.at, ' ', user.size) != NULL)
        return "a user has a space in its name";
    pad(&pair->user, user);
    pad(&pair->password, password);
    return NULL;
}

static struct slice next_line(struct slice *rest)
{
    const char *end = memchr(rest->at, '\n', rest->size);
    struct slice line = {rest->at, end == NULL ? rest->size : (size_t)(end - rest->at)};
    size_t taken = line.size + (end != NULL);
    *rest = (struct slice){rest->at + taken, rest->size - taken};
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

static const char *take_lines(struct passwords *passwords, struct slice rest)
{
    while (rest.size > 0) {
        struct slice line = next_line(&rest);
        if (line.size == 0)
            continue;
        if (passwords->count == COUNT_MAX)
            return "there are more than 256 users";
        const char *wrong = take_line(&passwords->at[passwords->count++], line);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

struct passwords *passwords_create(struct slice lines, const char **why)
{
    struct passwords *passwords = calloc(1, sizeof(*passwords) + COUNT_MAX * sizeof(struct pair));
    *why = passwords == NULL ? "no memory" : take_lines(passwords, lines);
    if (*why == NULL)
        return passwords;
    passwords_destroy(passwords);
    return NULL;
}

void passwords_destroy(struct passwords *passwords)
{
    if (passwords != NULL)
        explicit_bzero(passwords->at, COUNT_MAX * sizeof(struct pair));
    free(passwords);
}

bool passwords_have(const struct passwords *passwords, struct slice user, struct slice password)
{
    struct pair given;
    unsigned found = 0;
    pad(&given.user, user);
    pad(&given.password, password);
    for (size_t i = 0; i < passwords->count; i++) {
        const struct pair *pair = &passwords->at[i];
        uint32_t bits =
            difference(&pair->user, &given.user) | difference(&pair->password, &given.password);
        found |= bits == 0;
    }
    explicit_bzero(&given, sizeof(given));
    return found != 0;
}
