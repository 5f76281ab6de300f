#include "config.h"

#include "daemon/owned_file.h"

#include "base/log.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MODE 0644

static bool write_whole(int descriptor, struct slice content)
{
    while (content.size > 0) {
        ssize_t size = write(descriptor, content.at, content.size);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return false;
        content.at += size;
        content.size -= (size_t)size;
    }
    return true;
}

/*
 * A new file, never one that is there: that may be left over, or a link that somebody who may write
 * to the folder has put there, to have root overwrite what it leads to.
 */
static int create_file(const char *path)
{
    (void)unlink(path);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
}

static bool write_beside(const char *beside, const char *path, struct slice content)
{
    int descriptor = create_file(beside);
    if (descriptor < 0)
        return false;
    bool written = write_whole(descriptor, content);
    if (close(descriptor) == 0 && written && rename(beside, path) == 0)
        return true;
    int why = errno;
    unlink(beside);
    errno = why;
    return false;
}

bool owned_file_write(const char *path, const char *suffix, struct slice content)
{
    char *beside;
    if (asprintf(&beside, "%s%s", path, suffix) < 0) {
        log_write(LOG_ERROR, "%s can't be written: no memory", path);
        return false;
    }
    bool written = write_beside(beside, path, content);
    if (!written)
        log_write(LOG_ERROR, "%s can't be written: %s", path, strerror(errno));
    free(beside);
    return written;
}

/* The process that a pid file names, or 0. */
static pid_t read_pid(const char *path)
{
    char line[NUMBER_U64_SIZE_MAX + 1];
    uint32_t pid;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        return 0;
    ssize_t size = read(descriptor, line, sizeof(line));
    close(descriptor);
    if (size <= 0)
        return 0;
    const char *end = memchr(line, '\n', (size_t)size);
    struct slice digits = {line, end == NULL ? (size_t)size : (size_t)(end - line)};
    if (!number_parse_u32(digits, &pid) || pid > INT32_MAX)
        return 0;
    return (pid_t)pid;
}

bool pid_file_write(const char *path)
{
    char line[NUMBER_U64_SIZE_MAX + 1];
    pid_t other = read_pid(path);
    if (other > 0 && other != getpid() && (kill(other, 0) == 0 || errno == EPERM))
        log_write(LOG_WARNING, "%s named process %d, which is running; it is overwritten", path,
                  (int)other);
    size_t size = number_format_u64(line, (uint64_t)getpid());
    line[size++] = '\n';
    return owned_file_write(path, ".tmp", (struct slice){line, size});
}

void pid_file_remove(const char *path)
{
    if (read_pid(path) == getpid() && unlink(path) < 0)
        log_write(LOG_WARNING, "%s can't be removed: %s", path, strerror(errno));
}
