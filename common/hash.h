/* A fast 64-bit hash for tables, fingerprints and a device's place in a rollout. Not for secrets, not for integrity.
 * The function (XXH64, see hash.c) is part of the data format:
 * a device's place in a rollout must not change between releases of Drover, so tests pin its values. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);
uint64_t hash_text(const char *text, uint64_t seed);
/* splitmix64's finaliser: spreads a counter or a seed over 64 bits. */
uint64_t hash_mix(uint64_t value);
