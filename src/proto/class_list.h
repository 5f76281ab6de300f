#ifndef LARDER_CLASS_LIST_H
#define LARDER_CLASS_LIST_H

/* Slab classes as commands name them. larder shows all its items as class 1; the rest are empty. */

#include "base/check.h"
#include "base/slice.h"

#include <stdbool.h>

#define CLASS_ID_MAX 63
#define SLAB_CLASS_MAX 39 /* the last one that memcached makes by default */

/* "all", "hash", or numbers from 1 on with commas between; *has_items: class 1 is among them. */
MUST_USE bool class_list_parse(struct slice text, bool *has_items);

#endif
