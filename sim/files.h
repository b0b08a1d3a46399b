/* Open files: how many the process may have, and reading a secret from one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Raises the limit on open files so that `needed` fit; false, with what is missing, when the system does not allow it. */
bool files_allow(uint64_t needed, struct problem *ret_problem);
/* The first line of a file without its end; false with errno kept. */
bool files_read_line(const char *path, char *ret, size_t size);
