/* Inside the two files that read ZIPs: little-endian numbers, and bytes of the file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "firmware/format.h"

/* At most 8 bytes. */
static inline uint64_t zip_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

/* All of them: E_CRC when the file ends before. */
MUST_USE enum error_code zip_bytes_at(int fd, void *bytes, size_t length, int64_t offset, struct problem *ret_problem);
