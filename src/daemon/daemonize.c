#include "config.h"

#include "daemon/daemonize.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Where the waiting process reads the exit status; -1: nobody waits. */
static int status_pipe = -1;

static void redirect_to_null(int descriptor)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, descriptor);
    if (null != descriptor)
        close(null);
}

/* Never returns: ends with the status that the daemon sends, or 70 if it vanished. */
static _Noreturn void wait_for_daemon(int pipe_end, pid_t child)
{
    unsigned char status = EX_SOFTWARE;
    ssize_t size;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    do {
        size = read(pipe_end, &status, 1);
    } while (size < 0 && errno == EINTR);
    _exit(status);
}

static bool complain(const char *what)
{
    log_write(LOG_ERROR, "-d: %s: %s", what, strerror(errno));
    return false;
}

bool daemonize_start(bool keep_directory)
{
    int ends[2];
    if (pipe(ends) < 0)
        return complain("no pipe to the daemon");
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return complain("no process for the daemon");
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_daemon(ends[0], child);
    }
    close(ends[0]);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    status_pipe = ends[1];
    setsid();
    /* The leader of a session could get a terminal again; its child can't. */
    child = fork();
    if (child < 0)
        return complain("no process for the daemon");
    if (child > 0)
        _exit(EX_OK);
    if (!keep_directory && chdir("/") < 0)
        return complain("can't change to /");
    redirect_to_null(STDIN_FILENO);
    redirect_to_null(STDOUT_FILENO);
    return true;
}

static void send_status(int status)
{
    unsigned char byte = (unsigned char)status;
    if (status_pipe < 0)
        return;
    ssize_t ignored = write(status_pipe, &byte, 1); /* who waited may have been killed */
    (void)ignored;
    close(status_pipe);
    status_pipe = -1;
}

void daemonize_succeed(bool keep_error)
{
    if (status_pipe >= 0 && !keep_error)
        dup2(STDIN_FILENO, STDERR_FILENO); /* /dev/null, which may no longer be opened by now */
    send_status(EX_OK);
}

void daemonize_fail(int status)
{
    send_status(status);
}
