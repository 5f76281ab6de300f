/* lardertop: looks at servers, and shows or prints what it sees. */

#include "config.h"

#include "tools/bench_tls.h"
#include "tools/top_options.h"
#include "tools/top_screen.h"
#include "tools/top_server.h"
#include "tools/top_terminal.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define REDRAW_SECONDS 1 /* at least so often: seconds that a server is waited for go on */
#define PASSWORD_SIZE 512

struct console {
    struct top_options options;
    struct top_server_config config;
    int news; /* the end to read */
    struct top_server servers[TOP_SERVERS_MAX];
    struct top_view views[TOP_SERVERS_MAX];
    const struct top_view *view_list[TOP_SERVERS_MAX];
    unsigned attempts[TOP_SERVERS_MAX];
    unsigned order[TOP_SERVERS_MAX];
    struct top_frame frame;
    char password[PASSWORD_SIZE];
};

static double seconds_now(void)
{
    return (double)clock_nanoseconds() / 1e9;
}

/* --- preparations ---------------------------------------------------------------------------- */

/* The first line of a file as -Y of larderd has it, made into what clients send. */
static bool read_password(struct console *console)
{
    const char *path = console->options.auth_path;
    char *password = console->password;
    if (path == NULL)
        return true;
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(password, PASSWORD_SIZE, file) == NULL) {
        fprintf(stderr, "lardertop: --auth-file %s: %s\n", path,
                file == NULL ? strerror(errno) : "wants a line USER:PASSWORD");
        if (file != NULL)
            fclose(file);
        return false;
    }
    fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    char *colon = strchr(password, ':');
    if (colon == NULL) {
        fprintf(stderr, "lardertop: --auth-file %s: wants a line USER:PASSWORD\n", path);
        return false;
    }
    *colon = ' ';
    console->config.password = password;
    return true;
}

static bool prepare_tls(struct console *console)
{
    const struct top_options *options = &console->options;
    const struct bench_tls_config config = {
        .ca_path = options->tls_ca,
        .cert_path = options->tls_cert,
        .key_path = options->tls_key,
        .skip_verify = options->tls_skip_verify,
    };
    const char *why = NULL;
    if (!options->tls)
        return true;
    console->config.tls = bench_tls_create(&config, &why);
    if (console->config.tls == NULL)
        fprintf(stderr, "lardertop: --tls: %s\n", why);
    return console->config.tls != NULL;
}

static bool start_servers(struct console *console)
{
    int ends[2];
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
        return false;
    console->news = ends[0];
    console->config.news = ends[1];
    console->config.delay = console->options.delay;
    console->config.timeout = console->options.timeout;
    for (unsigned i = 0; i < console->options.server_count; i++)
        if (!top_server_start(&console->servers[i], console->options.servers[i], &console->config))
            return false;
    return true;
}

static void prepare_frame(struct console *console)
{
    struct top_frame *frame = &console->frame;
    *frame = (struct top_frame){
        .views = console->view_list,
        .order = console->order,
        .count = console->options.server_count,
        .sort = console->options.sort,
        .reversed = console->options.reversed,
        .delay = console->options.delay,
    };
    for (unsigned i = 0; i < frame->count; i++)
        console->view_list[i] = &console->views[i];
}

/* --- looking --------------------------------------------------------------------------------- */

static void look(struct console *console)
{
    char bytes[256];
    while (read(console->news, bytes, sizeof(bytes)) > 0)
        continue;
    for (unsigned i = 0; i < console->frame.count; i++)
        console->attempts[i] = top_server_look(&console->servers[i], &console->views[i]);
    top_sort(console->order, console->view_list, console->frame.count, console->frame.sort,
             console->frame.reversed);
}

/* Whether all servers have had their readings, well or not. */
static bool has_readings(const struct console *console, unsigned attempts)
{
    for (unsigned i = 0; i < console->frame.count; i++)
        if (console->attempts[i] < attempts)
            return false;
    return true;
}

/* Until every server has been asked so often, or one is past its time: its state then tells that.
 * false: the program is to end. */
static bool wait_for_readings(struct console *console, unsigned attempts, double deadline)
{
    int key;
    for (;;) {
        double rest = deadline - seconds_now();
        look(console);
        if (has_readings(console, attempts) || rest <= 0)
            return true;
        if (top_terminal_wait(console->news, rest, false, &key) == TOP_EVENT_END)
            return false;
    }
}

static bool all_are_up(const struct console *console)
{
    for (unsigned i = 0; i < console->frame.count; i++)
        if (console->views[i].state != TOP_UP)
            return false;
    return true;
}

/* --- printing -------------------------------------------------------------------------------- */

static bool print(struct console *console)
{
    struct text out;
    text_init(&out);
    if (console->options.json)
        top_json_print(&out, &console->frame);
    else
        top_screen_print(&out, &console->frame);
    bool fine =
        !out.failed && fwrite(out.at, 1, out.size, stdout) == out.size && fflush(stdout) == 0;
    text_end(&out);
    return fine;
}

/* One report, or a line of JSON for each reading. The first readings know no rates. */
static int run_printing(struct console *console)
{
    double patience = console->options.delay + 2 * console->options.timeout + 1;
    double next = seconds_now() + console->options.delay;
    int key;
    if (!wait_for_readings(console, 2, seconds_now() + patience))
        return EX_OK;
    for (;;) {
        if (!print(console)) {
            perror("lardertop: standard output");
            return EX_IOERR;
        }
        if (console->options.once)
            return all_are_up(console) ? EX_OK : EX_UNAVAILABLE;
        for (next += console->options.delay; seconds_now() < next;)
            if (top_terminal_wait(console->news, next - seconds_now(), false, &key) ==
                TOP_EVENT_END)
                return EX_OK;
            else
                look(console);
        look(console);
    }
}

/* --- the console ----------------------------------------------------------------------------- */

static bool draw(struct console *console)
{
    struct top_frame *frame = &console->frame;
    struct text out;
    text_init(&out);
    top_terminal_size(&frame->width, &frame->height);
    top_screen_draw(&out, frame);
    bool fine = !out.failed && top_terminal_show(&out);
    text_end(&out);
    return fine;
}

static void select_neighbour(struct top_frame *frame, bool next)
{
    for (unsigned i = 0; i < frame->count; i++)
        if (frame->order[i] == frame->selected) {
            unsigned to = next ? i + 1 : i - 1;
            if (to < frame->count)
                frame->selected = frame->order[to];
            return;
        }
}

/* false: to quit. */
static bool heed_key(struct top_frame *frame, int key)
{
    switch (key) {
    case 'q':
    case 'Q':
        return false;
    case '<':
    case TOP_KEY_LEFT:
        frame->sort = frame->sort == 0 || frame->sort == TOP_BY_NAME ? 0 : frame->sort - 1;
        break;
    case '>':
    case TOP_KEY_RIGHT:
        frame->sort = frame->sort == TOP_BY_NAME      ? 0
                      : frame->sort + 1 < TOP_FIGURES ? frame->sort + 1
                                                      : frame->sort;
        break;
    case 'n':
        frame->sort = TOP_BY_NAME;
        break;
    case 'r':
    case 'R':
        frame->reversed = !frame->reversed;
        break;
    case 'j':
    case TOP_KEY_DOWN:
        select_neighbour(frame, true);
        break;
    case 'k':
    case TOP_KEY_UP:
        select_neighbour(frame, false);
        break;
    case 'h':
    case '?':
        frame->help = !frame->help;
        break;
    default:
        break;
    }
    return true;
}

static int run_console(struct console *console)
{
    int key = TOP_KEY_NONE;
    const char *why;
    if (!top_terminal_enter(&why)) {
        fprintf(stderr, "lardertop: %s\n", why);
        return EX_USAGE;
    }
    console->frame.colour = top_terminal_has_colour();
    for (bool goes_on = true; goes_on;) {
        look(console);
        if (!draw(console))
            break;
        switch (top_terminal_wait(console->news, REDRAW_SECONDS, true, &key)) {
        case TOP_EVENT_KEY:
            goes_on = heed_key(&console->frame, key);
            break;
        case TOP_EVENT_END:
            goes_on = false;
            break;
        case TOP_EVENT_NEWS:
        case TOP_EVENT_RESIZE:
        case TOP_EVENT_TIME:
            break;
        }
    }
    top_terminal_leave();
    return EX_OK;
}

int main(int argument_count, char *arguments[])
{
    static struct console console;
    switch (top_options_parse(&console.options, argument_count, arguments)) {
    case TOP_OPTIONS_SHOWN:
        return EX_OK;
    case TOP_OPTIONS_WRONG:
        return EX_USAGE;
    case TOP_OPTIONS_FINE:
        break;
    }
    if (!read_password(&console))
        return EX_NOINPUT;
    if (!prepare_tls(&console))
        return EX_USAGE;
    top_terminal_take_signals();
    if (!start_servers(&console)) {
        perror("lardertop: threads");
        return EX_OSERR;
    }
    prepare_frame(&console);
    int code = console.options.once || console.options.json ? run_printing(&console)
                                                            : run_console(&console);
    top_terminal_end_by_signal();
    /* The servers' threads go on; what exit() takes down may still be theirs. */
    _exit(code);
}
