#include "config.h"

#ifdef HAVE_TLS

#include "net/openssl.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#define TEXT_OF(x) #x
#define LIBRARY_NAME(version) "libssl.so." TEXT_OF(version)
#define COUNT_STEP ((ptrdiff_t)32 << 10) /* bytes that a thread may be ahead of the budget */

struct openssl openssl;

/* ---- counting */

static struct buffer_budget *account; /* NULL: nothing is counted */

struct share {
    ptrdiff_t untold; /* bytes allocated less bytes freed, as the budget does not know yet */
    bool started;
};

static _Thread_local struct share share;

/* A thread begins with a step in advance, so that what it frees never makes the sum too low. */
static void count(ptrdiff_t bytes)
{
    if (UNLIKELY(!share.started)) {
        share.started = true;
        share.untold = COUNT_STEP;
    }
    share.untold += bytes;
    if (LIKELY(share.untold < COUNT_STEP && share.untold > -COUNT_STEP) || account == NULL)
        return;
    buffer_budget_add(account, share.untold);
    share.untold = 0;
}

static void *allocate(size_t size, const char *file, int line)
{
    void *memory = malloc(size);
    (void)file;
    (void)line;
    if (memory != NULL)
        count((ptrdiff_t)malloc_usable_size(memory));
    return memory;
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (memory == NULL)
        return;
    count(-(ptrdiff_t)malloc_usable_size(memory));
    free(memory);
}

static void *resize(void *memory, size_t size, const char *file, int line)
{
    ptrdiff_t before = memory == NULL ? 0 : (ptrdiff_t)malloc_usable_size(memory);
    (void)file;
    (void)line;
    void *moved = realloc(memory, size);
    if (moved != NULL)
        count((ptrdiff_t)malloc_usable_size(moved) - before);
    return moved;
}

void openssl_stop_counting(void)
{
    account = NULL;
}

/* ---- loading */

static const char *find_functions(void *library)
{
    void *found;
#define OPENSSL_FUNCTION(name)                                                                     \
    found = dlsym(library, #name);                                                                 \
    if (found == NULL)                                                                             \
        return dlerror();                                                                          \
    memcpy(&openssl.name, &found, sizeof(found));
#include "net/openssl.def"
#undef OPENSSL_FUNCTION
    return NULL;
}

const char *openssl_load(struct buffer_budget *budget)
{
    void *library = dlopen(LIBRARY_NAME(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
    const char *why = library == NULL ? dlerror() : find_functions(library);
    if (why != NULL)
        return why;
    account = budget;
    if (!openssl.CRYPTO_set_mem_functions(allocate, resize, release) ||
        !openssl.OPENSSL_init_ssl(0, NULL))
        return "OpenSSL can't be initialised";
    return NULL;
}

#endif
