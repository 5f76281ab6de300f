#include "config.h"

#include "net/watcher.h"

#include "net/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SKIPPED_SIZE_MAX 32 /* skipped=N and its line end */

struct watcher *watcher_create(unsigned kinds, size_t capacity)
{
    struct watcher *watcher = malloc(sizeof(*watcher) + capacity);
    if (watcher != NULL)
        *watcher = (struct watcher){.descriptor = -1, .kinds = kinds, .capacity = capacity};
    return watcher;
}

void watcher_destroy(struct watcher *watcher)
{
    tls_stream_destroy(watcher->tls);
    if (watcher->descriptor >= 0)
        close(watcher->descriptor);
    free(watcher);
}

static void add_bytes(struct watcher *watcher, const char *from, size_t size)
{
    size_t end = (watcher->start + watcher->held) % watcher->capacity;
    size_t first = size < watcher->capacity - end ? size : watcher->capacity - end;
    memcpy(watcher->bytes + end, from, first);
    memcpy(watcher->bytes, from + first, size - first);
    watcher->held += size;
}

void watcher_add_first(struct watcher *watcher, struct slice bytes)
{
    CHECK(bytes.size <= watcher->capacity);
    add_bytes(watcher, bytes.at, bytes.size);
}

bool watcher_add_line(struct watcher *watcher, struct slice line)
{
    char notice[SKIPPED_SIZE_MAX];
    int notice_size = 0;
    if (UNLIKELY(watcher->skipped > 0))
        notice_size = snprintf(notice, sizeof(notice), "skipped=%" PRIu64 "\n", watcher->skipped);
    if (watcher->capacity - watcher->held < (size_t)notice_size + line.size) {
        watcher->skipped++;
        return false;
    }
    add_bytes(watcher, notice, (size_t)notice_size);
    add_bytes(watcher, line.at, line.size);
    watcher->skipped = 0;
    return true;
}

static int gather(const struct watcher *watcher, struct iovec vectors[2])
{
    size_t to_end = watcher->capacity - watcher->start;
    size_t first = watcher->held < to_end ? watcher->held : to_end;
    vectors[0] = (struct iovec){(char *)watcher->bytes + watcher->start, first};
    vectors[1] = (struct iovec){(char *)watcher->bytes, watcher->held - first};
    return watcher->held > first ? 2 : 1;
}

bool watcher_send(struct watcher *watcher, uint64_t *sent)
{
    while (watcher->held > 0) {
        struct iovec vectors[2];
        int count = gather(watcher, vectors);
        ssize_t size = transport_send(watcher->tls, watcher->descriptor, vectors, count);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN;
        *sent += (uint64_t)size;
        watcher->start = (watcher->start + (size_t)size) % watcher->capacity;
        watcher->held -= (size_t)size;
    }
    return true;
}
