/* What every fuzz target shares: its entry, and a check that holds with and without NDEBUG. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What must hold for every input; a fuzzer and the driver both see an abort. */
#define MUST(condition)    \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)
