/* Times, durations and sizes as people say them; JSON output keeps the raw numbers. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"

/* "850 ms", "12 s", "3 min 20 s", "5 h 7 min", "12 d 3 h": two units at most. Negative is taken as 0. */
void human_duration(struct buffer *out, int64_t ms);
/* "12 s ago", "now", "in 12 s"; "-" for an at_ms of 0 or less. */
void human_ago(struct buffer *out, int64_t at_ms, int64_t now_ms);
/* "2026-01-31 10:00:00" in local time; "-" for 0 or less. */
void human_time(struct buffer *out, int64_t at_ms);
/* "512 B", "1.4 MiB" */
void human_bytes(struct buffer *out, int64_t bytes);
