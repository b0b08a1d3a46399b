/* Texts and short names of errors, both from error.def. */
#include "common/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/text.h"

const char *drover_error_text(enum drover_error error)
{
    static const char *const texts[] = {
#define ERROR(name, text) [DROVER_##name] = (text),
#include "common/error.def"
#undef ERROR
    };

    return (unsigned)error < DROVER_ERROR_COUNT ? texts[error] : "no such error";
}

/* The preprocessor cannot lower a name's case, so a constructor does, before main() and thus before any thread. */
static char names[DROVER_ERROR_COUNT][16];

__attribute__((constructor)) static void names_fill(void)
{
    static const char *const upper[] = {
#define ERROR(name, text) [DROVER_##name] = #name,
#include "common/error.def"
#undef ERROR
    };

    for (size_t i = 0; i < DROVER_ERROR_COUNT; i++)
        for (size_t j = 0; upper[i][j] && j + 1 < sizeof names[i]; j++)
            names[i][j] = (char)(upper[i][j] >= 'A' && upper[i][j] <= 'Z' ? upper[i][j] | 0x20 : upper[i][j]);
}

const char *drover_error_name(enum drover_error error)
{
    return (unsigned)error < DROVER_ERROR_COUNT ? names[error] : "no_such_error";
}

enum drover_error problem_set(struct problem *ret_problem, enum drover_error error, const char *where,
                              const char *format, ...)
{
    char what[4 * sizeof ret_problem->what];
    va_list args;
    int length;

    if (!ret_problem)
        return error;
    va_start(args, format);
    length = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (length < 0)
        length = 0;
    if ((size_t)length >= sizeof what)
        length = sizeof what - 1;
    ret_problem->error = error;
    (void)text_excerpt(ret_problem->where, sizeof ret_problem->where, where, __builtin_strlen(where));
    (void)text_excerpt(ret_problem->what, sizeof ret_problem->what, what, (size_t)length);
    return error;
}
