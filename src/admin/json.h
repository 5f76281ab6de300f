#ifndef LARDER_JSON_H
#define LARDER_JSON_H

/* Texts in JSON. */

#include "base/text.h"

/* A string in quotes. Each byte beyond ASCII becomes the character of that number. */
void json_add_string(struct text *text, struct slice bytes);

/* STAT lines as an object; what reads as a number is one. Lines of another kind are left out. */
void json_add_stat_lines(struct text *text, struct slice lines);

#endif
