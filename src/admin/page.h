#ifndef LARDER_PAGE_H
#define LARDER_PAGE_H

/* The page at /, made of page.html by scripts/make-page when larder is built. */

#include <stddef.h>

extern const char page_html[];
extern const size_t page_html_size;

/* What the page may do: run its own script, by its hash, and talk to where it came from. */
extern const char page_policy[];

#endif
