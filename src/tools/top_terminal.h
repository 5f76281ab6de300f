#ifndef LARDER_TOP_TERMINAL_H
#define LARDER_TOP_TERMINAL_H

/*
 * The terminal of lardertop: a screen of its own, keys without echo, and whatever the program ends
 * or stops by, the user's terminal again.
 *
 * Threads: the main thread only.
 */

#include "base/text.h"

#include <stdbool.h>

enum top_event {
    TOP_EVENT_NEWS,   /* the descriptor that was given is readable */
    TOP_EVENT_KEY,    /* see *key */
    TOP_EVENT_RESIZE, /* or the program was continued: draw anew */
    TOP_EVENT_TIME,   /* nothing in so long */
    TOP_EVENT_END,    /* a signal, or the terminal is gone */
};

enum top_key {
    TOP_KEY_NONE,
    TOP_KEY_UP = 256,
    TOP_KEY_DOWN,
    TOP_KEY_LEFT,
    TOP_KEY_RIGHT,
};

/* Takes the signals, which from now on come in top_terminal_wait only. */
void top_terminal_take_signals(void);

/* Shows the screen. false: it is no terminal, or one without a cursor to move; *why says so. */
bool top_terminal_enter(const char **why);
void top_terminal_leave(void); /* fine at any time */

bool top_terminal_has_colour(void);
void top_terminal_size(unsigned *width, unsigned *height);

/* false: the terminal is gone. */
bool top_terminal_show(const struct text *text);

/* Waits for the first that happens; a byte as it is in *key, or an enum top_key. Stops the program,
 * and goes on when it is continued, if the user wants that (^Z). keys: look at standard input. */
enum top_event top_terminal_wait(int news, double seconds, bool keys, int *key);

/* Ends the process by the signal that has come, so that a shell sees it. Returns if there was none.
 */
void top_terminal_end_by_signal(void);

#endif
