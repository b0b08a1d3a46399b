/* Patches are told apart by their first bytes, which also say how large the new file will be. */
#include <string.h>
#include <zstd.h>

#include "firmware/bsdiff_common.h"
#include "firmware/bsdiff_container.h"

#define BSDIFF40_NEW_BYTES_AT 24
#define CONTAINER_NEW_BYTES_AT 16

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

static int64_t number_at(const uint8_t *bytes, size_t length, size_t at)
{
    uint64_t number = length >= at + 8 ? bytes_get64(bytes + at) : UINT64_MAX;

    return number > INT64_MAX ? -1 : (int64_t)number;
}

static int64_t zstd_bytes(const uint8_t *bytes, size_t length)
{
    unsigned long long size = ZSTD_getFrameContentSize(bytes, length);

    return size > INT64_MAX ? -1 : (int64_t)size; /* "unknown" and "error" are the two largest numbers */
}

int64_t patch_announced_bytes(const void *bytes, size_t length)
{
    enum patch_format format;

    if (!patch_format_detect(bytes, length, &format))
        return -1;
    if (format == PATCH_ZSTD)
        return zstd_bytes(bytes, length);
    return number_at(bytes, length, format == PATCH_BSDIFF40 ? BSDIFF40_NEW_BYTES_AT : CONTAINER_NEW_BYTES_AT);
}
