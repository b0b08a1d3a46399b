/* Any bytes as a zstd frame with a prefix: the apply ends, and never writes past its output. */
#include "fuzz_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1)
        return 0;
    patch_try(PATCH_ZSTD, bytes + 1, length - 1, 1 + bytes[0] * 16u);
    return 0;
}
