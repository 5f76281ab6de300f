#ifndef LARDER_TOP_SAMPLE_H
#define LARDER_TOP_SAMPLE_H

/*
 * What a server says about itself at one moment, and the reader that makes it of the server's
 * answers. Answers come from the network: they are bounded here, and whatever of them is a text may
 * hold any byte but line ends until it is shown.
 */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>

#define TOP_HOT_KEYS_MAX 32
#define TOP_KEY_SIZE_MAX 751 /* 250 bytes in URI encoding, and NUL */
#define TOP_LINE_SIZE_MAX 1024

enum top_section {
    TOP_GENERAL,
    TOP_SEGMENTS,
    TOP_LATENCY,
    TOP_HOT_KEYS,
    TOP_SECTIONS,
};

/* What is sent to get a sample, in the order of the sections. */
#define TOP_REQUEST "stats\r\nstats segments\r\nstats latency\r\nstats hotkeys\r\n"

enum top_stat {
#define TOP_STAT(name, section, wire_name) TOP_STAT_##name,
#include "tools/top_stats.def"
#undef TOP_STAT
    TOP_STATS,
};

struct top_hot_key {
    char key[TOP_KEY_SIZE_MAX]; /* as the server wrote it: in URI encoding, if it is honest */
    double requests;
    double error;
};

struct top_sample {
    double taken_at;          /* seconds of the monotonic clock */
    double values[TOP_STATS]; /* NAN: the server does not have it */
    char version[48];         /* empty: unknown */
    struct top_hot_key hot_keys[TOP_HOT_KEYS_MAX];
    unsigned hot_key_count;
};

struct top_reader {
    struct top_sample *sample;    /* lent */
    enum top_section section;     /* whose answer comes now */
    size_t line_size;             /* of what is there of a line */
    unsigned line_count;          /* in all, to end an answer without end */
    char line[TOP_LINE_SIZE_MAX]; /* no line end yet */
    char refusal[80];             /* the line that stood for an answer to `stats` itself */
};

enum top_progress {
    TOP_READ_MORE,
    TOP_READ_ALL,
    TOP_READ_REFUSED,  /* `stats` was answered by an error: see refusal */
    TOP_READ_NONSENSE, /* no answer of a server of this kind */
};

/* Empties the sample. */
void top_reader_init(struct top_reader *reader, struct top_sample *sample);
MUST_USE enum top_progress top_reader_take(struct top_reader *reader, struct slice bytes);

#endif
