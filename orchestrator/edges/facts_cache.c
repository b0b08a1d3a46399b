/* A table of (hash of device id, facts). Grows by doubling; full or without memory it throws out who stands in the way. */
#include "orchestrator/edges/facts_cache.h"

#include <stdlib.h>

#include "common/hash.h"

#define SLOTS_FIRST 4096u
#define STEPS_MAX 32u     /* how far from its place an entry may stand */

struct slot {
    uint64_t id;          /* hash of the device id; 0: free */
    int64_t facts;
};

struct facts_cache {
    struct slot *slots;
    size_t size;          /* a power of two */
    size_t size_max;
    size_t count;
    uint64_t evicted;
};

struct facts_cache *facts_cache_new(size_t entries_max)
{
    struct facts_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->size = cache->size_max = SLOTS_FIRST;
    while (cache->size_max < entries_max)
        cache->size_max *= 2;
    cache->slots = calloc(cache->size, sizeof *cache->slots);
    if (!cache->slots) {
        free(cache);
        return NULL;
    }
    return cache;
}

void facts_cache_free(struct facts_cache *cache)
{
    if (!cache)
        return;
    free(cache->slots);
    free(cache);
}

/* The entry of id, or a free one for it; NULL when every place near its own is taken. */
static struct slot *slot_find(struct slot *slots, size_t size, uint64_t id)
{
    for (unsigned step = 0; step < STEPS_MAX; step++) {
        struct slot *slot = &slots[(id + step) & (size - 1)];
        if (slot->id == id || slot->id == 0)
            return slot;
    }
    return NULL;
}

static void grow(struct facts_cache *cache)
{
    struct slot *slots = calloc(cache->size * 2, sizeof *slots);
    if (!slots)
        return;
    size_t count = 0;
    for (size_t i = 0; i < cache->size; i++) {
        struct slot *slot = cache->slots[i].id ? slot_find(slots, cache->size * 2, cache->slots[i].id) : NULL;
        if (!slot)
            continue;
        *slot = cache->slots[i];
        count++;
    }
    free(cache->slots);
    cache->slots = slots;
    cache->size *= 2;
    cache->evicted += cache->count - count;
    cache->count = count;
}

int64_t facts_cache_swap(struct facts_cache *cache, const char *device_id, int64_t facts)
{
    uint64_t id = hash_text(device_id, 0);
    id += id == 0;
    if (cache->size < cache->size_max && cache->count >= cache->size / 8 * 5)
        grow(cache);
    struct slot *slot = slot_find(cache->slots, cache->size, id);
    if (!slot) {
        slot = &cache->slots[id & (cache->size - 1)];
        *slot = (struct slot){0};
        cache->count--;
        cache->evicted++;
    }
    int64_t before = slot->id == id ? slot->facts : 0;
    cache->count += slot->id == 0;
    *slot = (struct slot){id, facts};
    return before;
}

size_t facts_cache_count(const struct facts_cache *cache)
{
    return cache->count;
}

uint64_t facts_cache_evicted(const struct facts_cache *cache)
{
    return cache->evicted;
}
