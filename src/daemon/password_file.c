#include "config.h"

#include "daemon/password_file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_SIZE_MAX (256u << 10)

struct content {
    size_t size;
    char bytes[FILE_SIZE_MAX + 1];
};

/* As much as fits; false: errno says why. */
static bool read_file(int descriptor, struct content *content)
{
    while (content->size < sizeof(content->bytes)) {
        ssize_t size = read(descriptor, content->bytes + content->size,
                            sizeof(content->bytes) - content->size);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size == 0;
        content->size += (size_t)size;
    }
    return true;
}

static bool open_and_read(const char *path, struct content *content)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    bool fine = read_file(descriptor, content);
    int why = errno;
    close(descriptor);
    errno = why;
    return fine;
}

bool password_file_load(const char *path, struct protocol *protocol)
{
    static struct content content; /* only the main thread comes here */
    const char *why = NULL;
    content.size = 0;
    if (!open_and_read(path, &content))
        why = strerror(errno);
    else if (content.size > FILE_SIZE_MAX)
        why = "it is larger than 256 KiB";
    else if (protocol_set_passwords(protocol, (struct slice){content.bytes, content.size}, &why))
        why = NULL;
    explicit_bzero(content.bytes, content.size);
    if (why != NULL)
        log_write(LOG_ERROR, "-Y %s: %s", path, why);
    return why == NULL;
}
