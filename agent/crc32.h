/* CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), by zlib: finds damage, proves nothing against an attacker. Of a few hundred bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

static inline uint32_t crc32_of(const void *bytes, size_t length)
{
    return (uint32_t)crc32(0, bytes, (uInt)length);
}
