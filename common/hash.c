/* XXH64 (Y. Collet, the xxHash specification v0.2) written from its text, and splitmix64's finaliser (S. Vigna).
 * XXH64 was chosen because its values are pinned by a public document, not only by our tests, because it passes SMHasher,
 * and because a 20-byte device id costs it a few nanoseconds. Values are the same on every byte order. */
#include "common/hash.h"

#include <endian.h>
#include <string.h>

#define PRIME1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME3 UINT64_C(0x165667B19E3779F9)
#define PRIME4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t load64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

static uint32_t load32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t lane_round(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * PRIME2, 31) * PRIME1;
}

/* Step 2 and 3 of the specification: whole stripes of 32 bytes in four lanes, then the lanes into one. */
static uint64_t stripes(const unsigned char **at, const unsigned char *end, uint64_t seed)
{
    uint64_t lane[4] = {seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1};
    uint64_t hash;

    for (; end - *at >= 32; *at += 32)
        for (unsigned i = 0; i < 4; i++)
            lane[i] = lane_round(lane[i], load64(*at + 8 * i));
    hash = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
    for (unsigned i = 0; i < 4; i++)
        hash = (hash ^ lane_round(0, lane[i])) * PRIME1 + PRIME4;
    return hash;
}

/* Step 5: what is left, fewer than 32 bytes. */
static uint64_t tail(uint64_t hash, const unsigned char *at, const unsigned char *end)
{
    for (; end - at >= 8; at += 8)
        hash = rotate(hash ^ lane_round(0, load64(at)), 27) * PRIME1 + PRIME4;
    for (; end - at >= 4; at += 4)
        hash = rotate(hash ^ load32(at) * PRIME1, 23) * PRIME2 + PRIME3;
    for (; at < end; at++)
        hash = rotate(hash ^ *at * PRIME5, 11) * PRIME1;
    return hash;
}

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    static const unsigned char nothing[1];
    const unsigned char *at = length ? bytes : nothing, *end = at + length;
    uint64_t hash = length >= 32 ? stripes(&at, end, seed) : seed + PRIME5;

    hash = tail(hash + length, at, end);
    hash = (hash ^ hash >> 33) * PRIME2;
    hash = (hash ^ hash >> 29) * PRIME3;
    return hash ^ hash >> 32;
}

uint64_t hash_text(const char *text, uint64_t seed)
{
    return hash_bytes(text, strlen(text), seed);
}

uint64_t hash_mix(uint64_t value)
{
    value += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}
