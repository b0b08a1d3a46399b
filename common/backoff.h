/* Waits between tries: exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015). */
#pragma once

#include <stdint.h>

/* A wait in [1, min(cap_ms, base_ms * 2^attempt)], attempt counted from 0, uniform by `random`. Pure. */
int64_t backoff_full_jitter_ms(int64_t base_ms, int64_t cap_ms, unsigned attempt, uint64_t random);
