#include "config.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "larderd: bug: %s:%d: %s does not hold; please report this\n", file, line,
            condition);
    abort();
}
