/* Which facts (fingerprint of a heartbeat) a device last sent: 16 bytes a device, open addressing, bounded.
 * A hint only: Redis compares the facts itself, so a wrong or missing entry costs bytes, never truth. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct facts_cache;

struct facts_cache *facts_cache_new(size_t entries_max);   /* rounded up to a power of two; NULL: out of memory */
void facts_cache_free(struct facts_cache *cache);
/* Puts facts in the device's place and returns what stood there; 0: nothing. */
int64_t facts_cache_swap(struct facts_cache *cache, const char *device_id, int64_t facts);
size_t facts_cache_count(const struct facts_cache *cache);
uint64_t facts_cache_evicted(const struct facts_cache *cache);
