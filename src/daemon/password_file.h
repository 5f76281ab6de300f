#ifndef LARDER_PASSWORD_FILE_H
#define LARDER_PASSWORD_FILE_H

/* The file of -Y. Read at start and again at each HUP, as the user that larderd runs as. */

#include "proto/proto.h"

/* Hands its lines to the protocol. false: one line in the log, and what was set before stays. */
MUST_USE bool password_file_load(const char *path, struct protocol *protocol);

#endif
