#include "config.h"

#include "daemon/process_limits.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

/* Beside the cache itself: code, stacks, buffers. */
#define LOCKED_BESIDE_CACHE (64u << 20)

static bool raise_limit(int resource, rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        return false;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    /* Lifting the hard limit takes root, or the capability for it. */
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    return setrlimit(resource, &limit) == 0;
}

int process_allow_core_files(void)
{
    struct rlimit limit;
    if (raise_limit(RLIMIT_CORE, RLIM_INFINITY))
        return EX_OK;
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_CORE, &limit) == 0)
            return EX_OK;
    }
    log_write(LOG_ERROR, "-r: the system allows no core files; raise the hard limit "
                         "(ulimit -Hc), or leave out -r");
    return EX_OSERR;
}

int process_allow_descriptors(uint64_t wanted)
{
    struct rlimit limit = {0};
    if (raise_limit(RLIMIT_NOFILE, wanted))
        return EX_OK;
    getrlimit(RLIMIT_NOFILE, &limit);
    log_write(LOG_ERROR,
              "-c needs %" PRIu64 " open descriptors, and the limit is %" PRIu64
              " (RLIMIT_NOFILE): raise it (ulimit -n, LimitNOFILE=) or lower -c",
              wanted, (uint64_t)limit.rlim_max);
    return EX_OSERR;
}

static bool lock_all(void)
{
    int what = MCL_CURRENT | MCL_FUTURE;
    /* Pages are locked once they are touched. Without it every reserved address would be filled. */
    if (mlockall(what | MCL_ONFAULT) == 0)
        return true;
    return errno == EINVAL && mlockall(what) == 0;
}

void process_allow_locked_memory(void)
{
    /* Where it is refused, process_lock_memory says what that means. */
    bool ignored = raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
    (void)ignored;
}

void process_lock_memory(uint64_t memory_size)
{
    struct rlimit limit = {0};
    uint64_t wanted = memory_size + LOCKED_BESIDE_CACHE;
    getrlimit(RLIMIT_MEMLOCK, &limit);
    /* Locking what is there now would make later requests for memory fail. Root has no limit. */
    if (geteuid() != 0 && limit.rlim_cur < wanted)
        log_write(LOG_WARNING,
                  "-k: memory is not locked: it needs %" PRIu64 " MiB, and the limit is %" PRIu64
                  " KiB (RLIMIT_MEMLOCK): raise it (ulimit -l, LimitMEMLOCK=)",
                  wanted >> 20, (uint64_t)limit.rlim_cur >> 10);
    else if (!lock_all())
        log_write(LOG_WARNING, "-k: memory is not locked: %s", strerror(errno));
}

static int switch_user(const struct passwd *user)
{
    if (user->pw_uid == getuid() && user->pw_uid == geteuid())
        return EX_OK;
    if (initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
        setuid(user->pw_uid) == 0)
        return EX_OK;
    log_write(LOG_ERROR, "-u %s: can't become that user: %s", user->pw_name, strerror(errno));
    return EX_OSERR;
}

int process_become(const char *user, bool core_files)
{
    if (getuid() != 0 && geteuid() != 0)
        return EX_OK;
    if (user == NULL) {
        log_write(LOG_ERROR, "root must say with -u as whom larderd shall run: -u nobody, "
                             "or -u root if it has to be");
        return EX_USAGE;
    }
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        log_write(LOG_ERROR, "-u %s: there is no such user here", user);
        return EX_NOUSER;
    }
    int status = switch_user(entry);
    /* Changing the user took away that a core file may be written. */
    if (status == EX_OK && core_files)
        prctl(PR_SET_DUMPABLE, 1);
    return status;
}

size_t process_resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    int fields = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return fields == 2 ? resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}
