/* Published vectors as hex, and their bytes. */
#pragma once

#include "tests/unit/common/check.h"

#include "common/text.h"

struct bytes {
    uint8_t at[128];
    size_t length;
};

static inline struct bytes hex(const char *digits)
{
    struct bytes bytes = {.length = strlen(digits) / 2};

    assert_true(bytes.length <= sizeof bytes.at && text_unhex(bytes.at, bytes.length, digits));
    return bytes;
}
