/* CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), the one of zlib, gzip and PNG: finds damage, proves nothing against an attacker. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *bytes, size_t length);
