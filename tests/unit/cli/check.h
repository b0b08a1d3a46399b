/* What the tests of cli/ share: cmocka, and checks that name the row of a table which failed. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buffer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define CHECK_ROW(condition, row)                                                    \
    do {                                                                             \
        if (!(condition))                                                            \
            fail_msg("%s: not true: %s", (row), #condition);                         \
    } while (0)

/* NULL is taken as "". */
static inline void check_text(const char *is, const char *expected, const char *row)
{
    if (strcmp(is ? is : "", expected) != 0)
        fail_msg("%s: \"%s\" is not \"%s\"", row, is ? is : "", expected);
}
#define CHECK_TEXT(is, expected, row) check_text((is), (expected), (row))
