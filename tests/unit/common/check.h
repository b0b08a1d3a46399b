/* What every unit test of common/ and proto/ includes: cmocka with the headers it wants first, and checks of problems. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/error.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Says which row of a table failed, which cmocka's own message cannot. */
#define CHECK_ROW(condition, row)                                                            \
    do {                                                                                     \
        if (!(condition))                                                                    \
            fail_msg("row '%s': %s", (row), #condition);                                     \
    } while (0)

#define CHECK_PROBLEM(got, problem, wanted, wanted_where, row)                               \
    do {                                                                                     \
        enum drover_error got_ = (got);                                                      \
        if (got_ != (wanted))                                                                \
            fail_msg("row '%s': %s, not %s", (row), drover_error_name(got_), drover_error_name(wanted)); \
        if (got_ != DROVER_OK && ((problem).error != got_ || strcmp((problem).where, (wanted_where)) != 0)) \
            fail_msg("row '%s': at '%s' (%s), not '%s'", (row), (problem).where, (problem).what, (wanted_where)); \
    } while (0)
