/* The one enum of errors, their texts, and `struct problem`: an error with what and where, for bad input. */
#pragma once

#include <stddef.h>

enum drover_error {
#define ERROR(name, text) DROVER_##name,
#include "common/error.def"
#undef ERROR
    DROVER_ERROR_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* The text of an error for people; never NULL. */
const char *drover_error_text(enum drover_error error);
/* The error's short name in lower case ("too_long"), for metric labels; never NULL. */
const char *drover_error_name(enum drover_error error);

/* What is wrong with some input, and where in it: where = "progress", what = "101 is over 100".
 * Written only on failure; both strings are terminated, printable ASCII and never hold more than an excerpt of the input. */
struct problem {
    enum drover_error error;
    char where[48];
    char what[112];
};

/* Fills *ret_problem (NULL is fine) and returns error, so that a reader can `return problem_set(...)`. */
enum drover_error problem_set(struct problem *ret_problem, enum drover_error error, const char *where,
                              const char *format, ...) PRINTF_LIKE(4, 5);
