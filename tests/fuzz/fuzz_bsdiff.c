/* Any bytes as a bsdiff patch, by their first byte in one of the two forms: the apply ends, and never writes past its output. */
#include "fuzz_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2)
        return 0;
    patch_try(bytes[0] & 1 ? PATCH_BSDIFF40 : PATCH_BSDIFF, bytes + 2, length - 2, 1 + bytes[1] * 16u);
    return 0;
}
