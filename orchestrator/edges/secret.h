/* Passwords and tokens come from files of one line, never from the command line or the environment. */
#pragma once

#include <stddef.h>

#include "common/error.h"

/* The first line of the file, without its newline. DROVER_IO, DROVER_TOO_LONG, DROVER_MISSING (an empty line), DROVER_SYNTAX
 * (control characters). */
MUST_USE enum drover_error secret_read(const char *path, char *ret, size_t size, struct problem *ret_problem);
