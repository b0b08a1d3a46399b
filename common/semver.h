/* Semantic Versioning 2.0.0 (semver.org): strict reading and precedence. A leading `v` is accepted and dropped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define VERSION_SIZE 64   /* longest version text with its NUL; keeps Redis hashes in listpacks */

/* Checks text (length bytes) and writes it without the leading `v` into ret (VERSION_SIZE). Numeric parts of any
 * length that fits are legal and compared without overflow. */
MUST_USE enum drover_error semver_read(const char *text, size_t length, char *ret, struct problem *ret_problem);
/* Precedence (section 11) of two versions that semver_read has accepted: < 0, 0, > 0. Build metadata does not count. */
int semver_compare(const char *left, const char *right);
