/* Tokens that were found good, by their SHA-256, so that a device that polls costs one signature check per token and not one per question.
 * Bounded; a full place gives way to the newer token. Only good tokens come in, so nobody without a key can push others out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/sha256.h"
#include "orchestrator/edges/jwt.h"

struct jwt_cache_entry {
    uint8_t digest[SHA256_BYTES];       /* of the whole token */
    int64_t from_ms, until_ms;          /* good in [from, until); until 0: free */
    struct jwt_identity identity;
};

struct jwt_cache {
    struct jwt_cache_entry *entries;    /* NULL: remembers nothing */
    unsigned sets;                      /* power of two, of JWT_CACHE_WAYS entries each */
};

#define JWT_CACHE_WAYS 4u

/* entries is rounded up to a power of two. */
MUST_USE enum drover_error jwt_cache_init(struct jwt_cache *cache, unsigned entries);
void jwt_cache_done(struct jwt_cache *cache);
void jwt_cache_clear(struct jwt_cache *cache);
/* NULL: not remembered, or not good now. */
const struct jwt_identity *jwt_cache_find(const struct jwt_cache *cache, const uint8_t digest[SHA256_BYTES], int64_t now_ms);
void jwt_cache_add(struct jwt_cache *cache, const struct jwt_cache_entry *entry);
