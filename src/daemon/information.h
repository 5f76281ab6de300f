#ifndef LARDER_INFORMATION_H
#define LARDER_INFORMATION_H

/* What -h, -V and -i print, on standard output. */

void information_print_help(void);
void information_print_version(void);
void information_print_license(void);

#endif
