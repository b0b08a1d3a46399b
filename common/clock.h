/* The only file that reads clocks. Wall time (`unix_ms`) names moments; monotonic time (`mono_ms`) measures waits; they never mix. */
#pragma once

#include <stdint.h>

int64_t clock_unix_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Random bits from the kernel, for jitter and tokens. */
uint64_t clock_random(void);
