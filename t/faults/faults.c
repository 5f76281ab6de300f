/*
 * Makes system and library calls fail on purpose: preloaded into the daemon under test, told what
 * to do through a file that daemon and test map alike (LARDER_FAULTS; t/lib/Larder/Faults.pm has
 * the test's side). Without the file every call goes through.
 */

#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault_kind {
    FAULT_ALLOCATE,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_ACCEPT,
    FAULT_THREAD,
    FAULT_DESCRIPTOR,
    FAULT_INTERRUPT, /* EINTR, of what sockets do and of waiting for them */
    FAULT_AGAIN,     /* EAGAIN, of sockets that don't block */
    FAULT_KINDS,
};

struct faults {
    struct {
        _Atomic uint64_t left;  /* the call that makes it 0 fails; at 0 none does */
        _Atomic uint64_t every; /* what `left` becomes then: 0, or every so many calls fail */
        _Atomic uint64_t calls;
        _Atomic uint64_t hits;
    } kinds[FAULT_KINDS];
    _Atomic uint64_t read_most; /* bytes that a read gives at most; 0: as many as there are */
    _Atomic uint64_t write_most;
    _Atomic int64_t blocks; /* allocated and not freed */
};

static struct faults none;
static struct faults *faults = &none;

/* --- whose calls fail ------------------------------------------------------------------------- */

/*
 * Libraries whose own calls are left alone, each named by one of its functions. The C library ends
 * the process when some of them fail; libseccomp goes on with a filter that is wrong, and larder
 * could not tell.
 */
static struct library {
    const char *function;
    _Atomic uintptr_t start; /* of its code; both are 0 until it is found */
    _Atomic uintptr_t end;
} libraries[] = {{.function = "getpwnam"}, {.function = "seccomp_load"}};

#define LIBRARY_COUNT (sizeof(libraries) / sizeof(libraries[0]))

static int find_library(struct dl_phdr_info *object, size_t size, void *context)
{
    struct library *library = context;
    uintptr_t wanted = (uintptr_t)dlsym(RTLD_NEXT, library->function);
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        uintptr_t start = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        uintptr_t end = start + object->dlpi_phdr[i].p_memsz;
        if (object->dlpi_phdr[i].p_type != PT_LOAD || wanted < start || wanted >= end)
            continue;
        atomic_store(&library->start, start);
        atomic_store(&library->end, end);
    }
    return 0;
}

__attribute__((constructor)) static void faults_start(void)
{
    const char *path = getenv("LARDER_FAULTS");
    int descriptor = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *mapped = descriptor < 0 ? MAP_FAILED
                                  : mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED,
                                         descriptor, 0);
    close(descriptor);
    if (mapped != MAP_FAILED)
        faults = mapped;
    for (size_t i = 0; i < LIBRARY_COUNT; i++)
        dl_iterate_phdr(find_library, &libraries[i]);
}

static bool is_library(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    for (size_t i = 0; i < LIBRARY_COUNT; i++)
        if (at >= atomic_load(&libraries[i].start) && at < atomic_load(&libraries[i].end))
            return true;
    return false;
}

/*
 * Calls until the next one fails. What is only put off comes at random, and `every` on average:
 * or of two calls that follow each other for ever it might be the same one each time.
 */
static uint64_t next_gap(enum fault_kind kind)
{
    static _Atomic uint64_t drawn;
    uint64_t every = atomic_load(&faults->kinds[kind].every);
    if (every == 0 || kind < FAULT_INTERRUPT)
        return every;
    uint64_t mixed = atomic_fetch_add(&drawn, 1) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return 1 + (mixed >> 32) % (2 * every - 1);
}

static bool strikes(enum fault_kind kind, const void *caller)
{
    if (is_library(caller))
        return false;
    _Atomic uint64_t *left = &faults->kinds[kind].left;
    uint64_t before = atomic_load(left);
    atomic_fetch_add(&faults->kinds[kind].calls, 1);
    while (before > 0) {
        uint64_t after = before > 1 ? before - 1 : next_gap(kind);
        if (atomic_compare_exchange_weak(left, &before, after))
            break;
    }
    if (before != 1)
        return false;
    atomic_fetch_add(&faults->kinds[kind].hits, 1);
    return true;
}

#define CALLER __builtin_return_address(0)

/* The function that would have been called. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL)                                                                              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* --- memory --------------------------------------------------------------------------------- */

/* dlsym itself may want memory before the real functions are found. */
static char early[4096];
static size_t early_size;
static _Thread_local bool is_resolving;

static void *early_allocate(size_t size)
{
    char *block = early + early_size;
    early_size += (size + 15) / 16 * 16;
    return early_size <= sizeof(early) ? block : NULL;
}

static bool is_early(const void *block)
{
    return (const char *)block >= early && (const char *)block < early + sizeof(early);
}

static void *counted(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&faults->blocks, 1);
    return block;
}

static void *refuse_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    if (is_resolving)
        return early_allocate(size);
    is_resolving = true;
    REAL(malloc);
    is_resolving = false;
    return strikes(FAULT_ALLOCATE, CALLER) ? refuse_memory() : counted(real(size));
}

void *calloc(size_t count, size_t size)
{
    if (is_resolving)
        return early_allocate(count * size);
    is_resolving = true;
    REAL(calloc);
    is_resolving = false;
    return strikes(FAULT_ALLOCATE, CALLER) ? refuse_memory() : counted(real(count, size));
}

void *realloc(void *block, size_t size)
{
    REAL(realloc);
    if (strikes(FAULT_ALLOCATE, CALLER))
        return refuse_memory();
    return block == NULL ? counted(real(NULL, size)) : real(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(aligned_alloc);
    return strikes(FAULT_ALLOCATE, CALLER) ? refuse_memory() : counted(real(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    REAL(posix_memalign);
    if (strikes(FAULT_ALLOCATE, CALLER))
        return ENOMEM;
    int error = real(block, alignment, size);
    if (error == 0)
        counted(*block);
    return error;
}

char *strdup(const char *text)
{
    REAL(strdup);
    return strikes(FAULT_ALLOCATE, CALLER) ? refuse_memory() : real(text);
}

void free(void *block)
{
    REAL(free);
    if (block == NULL || is_early(block))
        return;
    atomic_fetch_sub(&faults->blocks, 1);
    real(block);
}

void *mmap(void *at, size_t size, int protection, int flags, int descriptor, off_t offset)
{
    REAL(mmap);
    if (descriptor < 0 && strikes(FAULT_ALLOCATE, CALLER)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real(at, size, protection, flags, descriptor, offset);
}

/* --- bytes ---------------------------------------------------------------------------------- */

static bool fails_with(int error)
{
    errno = error;
    return true;
}

/* What is no failure: the same call will do later. */
static bool strikes_for_now(int descriptor, const void *caller)
{
    if (strikes(FAULT_INTERRUPT, caller))
        return fails_with(EINTR);
    bool blocks = (fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
    return !blocks && strikes(FAULT_AGAIN, caller) && fails_with(EAGAIN);
}

/* A pipe between threads never breaks, and the log has to be read. */
static bool strikes_at(int descriptor, enum fault_kind kind, const void *caller)
{
    struct stat status = {0};
    fstat(descriptor, &status);
    if (S_ISFIFO(status.st_mode) || descriptor == STDERR_FILENO)
        return false;
    bool is_socket = S_ISSOCK(status.st_mode);
    if (strikes(kind, caller))
        return fails_with(!is_socket ? EIO : kind == FAULT_READ ? ECONNRESET : EPIPE);
    return is_socket && strikes_for_now(descriptor, caller);
}

static size_t shortened(size_t size, const _Atomic uint64_t *most)
{
    uint64_t limit = atomic_load(most);
    return limit > 0 && limit < size ? limit : size;
}

#define VECTORS_MAX 64

/* As many of the vectors as hold the most that is let through, the last perhaps cut. */
static int shorten(struct iovec *cut, const struct iovec *vectors, int count,
                   const _Atomic uint64_t *most)
{
    size_t left = shortened(SIZE_MAX, most);
    int used = 0;
    for (; used < count && used < VECTORS_MAX && left > 0; used++) {
        cut[used] = vectors[used];
        if (cut[used].iov_len > left)
            cut[used].iov_len = left;
        left -= cut[used].iov_len;
    }
    return used;
}

ssize_t read(int descriptor, void *to, size_t size)
{
    REAL(read);
    if (strikes_at(descriptor, FAULT_READ, CALLER))
        return -1;
    return real(descriptor, to, shortened(size, &faults->read_most));
}

ssize_t readv(int descriptor, const struct iovec *vectors, int count)
{
    struct iovec cut[VECTORS_MAX];
    REAL(readv);
    if (strikes_at(descriptor, FAULT_READ, CALLER))
        return -1;
    return real(descriptor, cut, shorten(cut, vectors, count, &faults->read_most));
}

ssize_t recv(int descriptor, void *to, size_t size, int flags)
{
    REAL(recv);
    if (strikes_at(descriptor, FAULT_READ, CALLER))
        return -1;
    return real(descriptor, to, shortened(size, &faults->read_most), flags);
}

ssize_t write(int descriptor, const void *from, size_t size)
{
    REAL(write);
    if (strikes_at(descriptor, FAULT_WRITE, CALLER))
        return -1;
    return real(descriptor, from, shortened(size, &faults->write_most));
}

ssize_t writev(int descriptor, const struct iovec *vectors, int count)
{
    struct iovec cut[VECTORS_MAX];
    REAL(writev);
    if (strikes_at(descriptor, FAULT_WRITE, CALLER))
        return -1;
    return real(descriptor, cut, shorten(cut, vectors, count, &faults->write_most));
}

ssize_t send(int descriptor, const void *from, size_t size, int flags)
{
    REAL(send);
    if (strikes_at(descriptor, FAULT_WRITE, CALLER))
        return -1;
    return real(descriptor, from, shortened(size, &faults->write_most), flags);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    struct iovec cut[VECTORS_MAX];
    struct msghdr shorter = *message;
    REAL(sendmsg);
    if (strikes_at(descriptor, FAULT_WRITE, CALLER))
        return -1;
    shorter.msg_iov = cut;
    shorter.msg_iovlen =
        (size_t)shorten(cut, message->msg_iov, (int)message->msg_iovlen, &faults->write_most);
    return real(descriptor, &shorter, flags);
}

/* --- descriptors and threads ---------------------------------------------------------------- */

static int refuse_descriptor(void)
{
    errno = EMFILE;
    return -1;
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *size, int flags)
{
    REAL(accept4);
    if (strikes(FAULT_ACCEPT, CALLER))
        return refuse_descriptor();
    return strikes_for_now(descriptor, CALLER) ? -1 : real(descriptor, address, size, flags);
}

int epoll_wait(int descriptor, struct epoll_event *events, int count, int milliseconds)
{
    REAL(epoll_wait);
    if (strikes(FAULT_INTERRUPT, CALLER)) {
        errno = EINTR;
        return -1;
    }
    return real(descriptor, events, count, milliseconds);
}

int pipe2(int ends[2], int flags)
{
    REAL(pipe2);
    return strikes(FAULT_DESCRIPTOR, CALLER) ? refuse_descriptor() : real(ends, flags);
}

int socket(int family, int type, int protocol)
{
    REAL(socket);
    return strikes(FAULT_DESCRIPTOR, CALLER) ? refuse_descriptor() : real(family, type, protocol);
}

int socketpair(int family, int type, int protocol, int ends[2])
{
    REAL(socketpair);
    return strikes(FAULT_DESCRIPTOR, CALLER) ? refuse_descriptor()
                                             : real(family, type, protocol, ends);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1);
    return strikes(FAULT_DESCRIPTOR, CALLER) ? refuse_descriptor() : real(flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
    REAL(pthread_create);
    return strikes(FAULT_THREAD, CALLER) ? EAGAIN : real(thread, attributes, start, argument);
}
