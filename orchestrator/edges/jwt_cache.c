/* A table of small sets: a digest belongs to one set and is looked for in its few places. See jwt_cache.h. */
#include "orchestrator/edges/jwt_cache.h"

#include <stdlib.h>
#include <string.h>

enum drover_error jwt_cache_init(struct jwt_cache *cache, unsigned entries)
{
    *cache = (struct jwt_cache){.sets = 1};
    if (entries == 0)
        return DROVER_OK;
    while (cache->sets * JWT_CACHE_WAYS < entries && cache->sets < 1u << 20)
        cache->sets *= 2;
    cache->entries = calloc((size_t)cache->sets * JWT_CACHE_WAYS, sizeof *cache->entries);
    return cache->entries != NULL ? DROVER_OK : DROVER_MEMORY;
}

void jwt_cache_done(struct jwt_cache *cache)
{
    free(cache->entries);
    *cache = (struct jwt_cache){0};
}

void jwt_cache_clear(struct jwt_cache *cache)
{
    if (cache->entries != NULL)
        memset(cache->entries, 0, (size_t)cache->sets * JWT_CACHE_WAYS * sizeof *cache->entries);
}

static struct jwt_cache_entry *set_of(const struct jwt_cache *cache, const uint8_t digest[SHA256_BYTES])
{
    uint32_t place;
    memcpy(&place, digest, sizeof place);
    return &cache->entries[(size_t)(place & (cache->sets - 1)) * JWT_CACHE_WAYS];
}

/* The digest is of something the asker has sent: comparing it may take as long as it likes. */
const struct jwt_identity *jwt_cache_find(const struct jwt_cache *cache, const uint8_t digest[SHA256_BYTES], int64_t now_ms)
{
    const struct jwt_cache_entry *set = cache->entries != NULL ? set_of(cache, digest) : NULL;
    for (unsigned i = 0; set != NULL && i < JWT_CACHE_WAYS; i++)
        if (now_ms >= set[i].from_ms && now_ms < set[i].until_ms && memcmp(set[i].digest, digest, SHA256_BYTES) == 0)
            return &set[i].identity;
    return NULL;
}

/* The place of the token that ends first: a free one ends at 0, one that has ended before one that counts. */
void jwt_cache_add(struct jwt_cache *cache, const struct jwt_cache_entry *entry)
{
    struct jwt_cache_entry *set = cache->entries != NULL ? set_of(cache, entry->digest) : NULL;
    struct jwt_cache_entry *place = set;
    for (unsigned i = 1; set != NULL && i < JWT_CACHE_WAYS; i++)
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    if (place != NULL)
        *place = *entry;
}
