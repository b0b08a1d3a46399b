/* Patches are told apart by their first bytes. */
#include <string.h>

#include "firmware/bsdiff_container.h"

static const struct {
    const char *bytes;
    size_t length;
    enum patch_format format;
} magics[] = {
    {"BSDIFF40", 8, PATCH_BSDIFF40},
    {BSDIFF_MAGIC, sizeof BSDIFF_MAGIC - 1, PATCH_BSDIFF},
    {"\x28\xB5\x2F\xFD", 4, PATCH_ZSTD},   /* RFC 8878 */
};

bool patch_format_detect(const void *bytes, size_t length, enum patch_format *ret_format)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (length < magics[i].length || memcmp(bytes, magics[i].bytes, magics[i].length) != 0)
            continue;
        *ret_format = magics[i].format;
        return true;
    }
    return false;
}
