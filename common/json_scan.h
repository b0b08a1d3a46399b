/* Inside common/json_*.c only: the scanner that both ways of reading JSON share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/json.h"

/* Checks the text. `keys` has room for limits->members hashes; ret_flat may be NULL. Names have at most 4096 bytes. */
MUST_USE enum drover_error json_scan(const char *bytes, size_t length, const struct json_limits *limits, uint64_t *keys,
                                     struct json_flat *ret_flat, struct problem *ret_problem);
/* Copies a string without its escapes; dst has room for span->decoded bytes. No NUL is added. */
void json_span_decode(const struct json_span *span, char *dst);
/* One escape at `at`, a backslash: its bytes go to dst (4). Returns what it took of the text, or 0 and says why. */
size_t json_escape_decode(const char *at, const char *end, char *dst, unsigned *ret_bytes, const char **ret_what);
