#include "config.h"

#include "tools/top_terminal.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#define SHOW_SCREEN "\033[?1049h\033[?25l\033[?7l" /* the other screen; no cursor; no wrapping */
#define SHOW_USERS "\033[0m\033[?7h\033[?25h\033[?1049l"

static struct {
    struct termios users; /* the modes that were there before */
    bool entered;
    int ended_by; /* a signal; 0: none */
    unsigned char keys[64];
    size_t key_count;
} terminal;

static volatile sig_atomic_t end_signal, stop_signal, resized, continued;

static void on_signal(int number)
{
    switch (number) {
    case SIGWINCH:
        resized = 1;
        break;
    case SIGTSTP:
        stop_signal = 1;
        break;
    case SIGCONT:
        continued = 1;
        break;
    default:
        end_signal = number;
    }
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

void top_terminal_take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        sigaction(signals[i], &action, NULL);
        sigaddset(&blocked, signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static bool show(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

static void enter(void)
{
    struct termios modes = terminal.users;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    terminal.entered = true;
    show(SHOW_SCREEN, strlen(SHOW_SCREEN));
}

bool top_terminal_enter(const char **why)
{
    const char *kind = getenv("TERM");
    *why = "standard input and output want to be a terminal; --once and --json do without";
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal.users) != 0)
        return false;
    *why = "this terminal ($TERM) has no cursor to move; --once and --json do without";
    if (kind == NULL || kind[0] == '\0' || strcmp(kind, "dumb") == 0)
        return false;
    enter();
    return true;
}

void top_terminal_leave(void)
{
    if (!terminal.entered)
        return;
    terminal.entered = false;
    show(SHOW_USERS, strlen(SHOW_USERS));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.users);
}

bool top_terminal_has_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return (no_colour == NULL || no_colour[0] == '\0') && isatty(STDOUT_FILENO);
}

void top_terminal_size(unsigned *width, unsigned *height)
{
    struct winsize size;
    *width = 80;
    *height = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        *width = size.ws_col;
        *height = size.ws_row;
    }
}

bool top_terminal_show(const struct text *text)
{
    return show(text->at, text->size);
}

/* --- events ---------------------------------------------------------------------------------- */

/* As the terminal's own ^Z would do it, with the user's screen in front meanwhile. */
static void stop_here(void)
{
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    struct sigaction ours;
    sigset_t stop;
    bool was_entered = terminal.entered;
    top_terminal_leave();
    sigaction(SIGTSTP, &plain, &ours);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* it stops here */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    sigaction(SIGTSTP, &ours, NULL);
    if (was_entered)
        enter();
}

/* The next key of those read; false: none is whole. */
static bool take_key(int *key)
{
    static const int arrows[] = {TOP_KEY_UP, TOP_KEY_DOWN, TOP_KEY_RIGHT, TOP_KEY_LEFT};
    size_t used = 1;
    if (terminal.key_count == 0)
        return false;
    *key = terminal.keys[0];
    if (terminal.keys[0] == 27 && terminal.key_count > 1) {
        /* CSI or SS3, parameters, and a last byte that says which. */
        used = 2;
        while (used < terminal.key_count && terminal.keys[used] < 0x40)
            used++;
        unsigned char last = used < terminal.key_count ? terminal.keys[used++] : 0;
        *key = last >= 'A' && last <= 'D' ? arrows[last - 'A'] : TOP_KEY_NONE;
    }
    terminal.key_count -= used;
    memmove(terminal.keys, terminal.keys + used, terminal.key_count);
    return true;
}

/* false: there is no more input. */
static bool read_keys(void)
{
    ssize_t got = read(STDIN_FILENO, terminal.keys, sizeof(terminal.keys));
    terminal.key_count = got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/* What signals have asked for; TOP_EVENT_TIME: nothing. */
static enum top_event heed_signals(void)
{
    bool again = resized || continued;
    if (end_signal != 0) {
        terminal.ended_by = end_signal;
        return TOP_EVENT_END;
    }
    if (continued && terminal.entered)
        enter(); /* a shell may have set the modes that it likes */
    resized = continued = 0;
    if (!stop_signal)
        return again ? TOP_EVENT_RESIZE : TOP_EVENT_TIME;
    stop_signal = 0;
    stop_here();
    continued = 0;
    return TOP_EVENT_RESIZE;
}

enum top_event top_terminal_wait(int news, double seconds, bool keys, int *key)
{
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1) * 1e9)};
    sigset_t none;
    fd_set readable;
    if (take_key(key))
        return TOP_EVENT_KEY;
    sigemptyset(&none);
    FD_ZERO(&readable);
    FD_SET(news, &readable);
    if (keys)
        FD_SET(STDIN_FILENO, &readable);
    int ready = pselect(news + 1, &readable, NULL, NULL, &time, &none);
    enum top_event event = heed_signals();
    if (event != TOP_EVENT_TIME || ready <= 0)
        return event;
    if (keys && FD_ISSET(STDIN_FILENO, &readable))
        return !read_keys() ? TOP_EVENT_END : take_key(key) ? TOP_EVENT_KEY : TOP_EVENT_TIME;
    return TOP_EVENT_NEWS;
}

void top_terminal_end_by_signal(void)
{
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t only;
    if (terminal.ended_by == 0)
        return;
    sigaction(terminal.ended_by, &plain, NULL);
    sigemptyset(&only);
    sigaddset(&only, terminal.ended_by);
    raise(terminal.ended_by);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}
