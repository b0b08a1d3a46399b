/* How far two strings agree, eight bytes at a time. */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t bytes_get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* The length of the common prefix, at most limit. */
static inline size_t bytes_agree(const uint8_t *a, const uint8_t *b, size_t limit)
{
    size_t at = 0;

    for (; at + 8 <= limit; at += 8) {
        uint64_t other = bytes_get64(a + at) ^ bytes_get64(b + at);

        if (other)
            return at + (size_t)__builtin_ctzll(other) / 8;
    }
    while (at < limit && a[at] == b[at])
        at++;
    return at;
}
