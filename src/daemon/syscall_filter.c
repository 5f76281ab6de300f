#include "config.h"

#include "daemon/syscall_filter.h"

#include "base/log.h"

#ifdef HAVE_SECCOMP

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
/* What serving, reloading and stopping take, of larder, libevent, OpenSSL and the C library. */
static const int allowed[] = {
    /* clients */
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getpeername), SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recv), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(send), SCMP_SYS(sendmsg), SCMP_SYS(sendto),
    SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(write), SCMP_SYS(writev),
    /* event loops */
    SCMP_SYS(_newselect), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(pipe2), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(pselect6), SCMP_SYS(select), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    /* memory and threads */
    SCMP_SYS(brk), SCMP_SYS(exit), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(madvise),
    SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
    /* time, identity, chance */
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday), SCMP_SYS(getuid), SCMP_SYS(nanosleep), SCMP_SYS(sysinfo),
    SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(uname),
    /* files that are read, or removed at the end */
    SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(fstatat64),
    SCMP_SYS(getdents64), SCMP_SYS(lseek), SCMP_SYS(lstat), SCMP_SYS(lstat64),
    SCMP_SYS(newfstatat), SCMP_SYS(pread64), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(statx), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    /* signals and the end */
    SCMP_SYS(exit_group), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
};
/* clang-format on */

/* Async-signal-safe: it may have interrupted anything. The second signal ends the process. */
static void on_violation(int signal, siginfo_t *information, void *context)
{
    static const char before[] = "larderd: bug: system call ";
    static const char behind[] = " is not allowed by -o drop_privileges; please report this\n";
    char line[sizeof(before) + NUMBER_U64_SIZE_MAX + sizeof(behind)];
    char *end = line;
    (void)context;
    memcpy(end, before, sizeof(before) - 1);
    end += sizeof(before) - 1;
    end += number_format_u64(end, (uint64_t)information->si_syscall);
    memcpy(end, behind, sizeof(behind) - 1);
    end += sizeof(behind) - 1;
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)(end - line));
    (void)ignored;
    raise(signal);
}

static int allow_all(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; i < ARRAY_COUNT(allowed) && result == 0; i++)
        if (allowed[i] >= 0) /* or else this machine's kernel has no such call */
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    return result;
}

/* Those that are allowed with some arguments only. */
static int allow_some(scmp_filter_ctx filter)
{
    const struct {
        int call;
        struct scmp_arg_cmp wanted;
    } rules[] = {
        {SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)},
        {SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)},
        {SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        /* Threads, such as the one that serves the first watcher, but no processes. */
        {SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
        {SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)},
        {SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)},
        /* The service manager is told what happens by datagrams to a unix socket. */
        {SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD, 0)}, /* libevent, for the admin endpoint */
        {SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0)},
    };
    int result = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rules) && result == 0; i++)
        if (rules[i].call >= 0)
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, rules[i].call, 1, rules[i].wanted);
    return result;
}

/* Its arguments lie in memory, where a filter can't look; the C library then takes clone. */
static int deny_clone3(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (filter == NULL)
        return -ENOMEM;
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = allow_all(filter);
    if (result == 0)
        result = allow_some(filter);
    if (result == 0)
        result = deny_clone3(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}

bool syscall_filter_install(void)
{
    struct sigaction action = {.sa_sigaction = on_violation,
                               .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSYS, &action, NULL);
    int result = load_filter();
    if (result == 0)
        return true;
    log_write(LOG_ERROR, "-o drop_privileges: the system takes no filter of system calls: %s",
              strerror(-result));
    return false;
}

#else

bool syscall_filter_install(void)
{
    log_write(LOG_ERROR, "-o drop_privileges: this larderd was built without seccomp");
    return false;
}

#endif
