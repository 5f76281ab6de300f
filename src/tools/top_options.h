#ifndef LARDER_TOP_OPTIONS_H
#define LARDER_TOP_OPTIONS_H

/* What the user of lardertop asks for. */

#include "tools/top_view.h"

#include "base/check.h"

#include <stdbool.h>

struct top_options {
    const char *servers[TOP_SERVERS_MAX]; /* owned by main's arguments */
    unsigned server_count;
    double delay;   /* seconds */
    double timeout; /* seconds */
    enum top_figure sort;
    bool reversed;
    bool once;
    bool json;
    const char *auth_path; /* files; NULL: not given */
    bool tls;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    bool tls_skip_verify;
    bool help; /* these two are shown at once */
    bool version;
};

enum top_options_outcome { TOP_OPTIONS_FINE, TOP_OPTIONS_WRONG, TOP_OPTIONS_SHOWN };

/* WRONG: one line on standard error has said so. SHOWN: --help or --version, which was all. */
MUST_USE enum top_options_outcome top_options_parse(struct top_options *options, int argument_count,
                                                    char *arguments[]);

#endif
