/* When devices are told: dispatches a minute, priorities with ageing, windows in each device's own time. Pure arithmetic on plan, device and now. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/time_zone.h"
#include "orchestrator/core/rollout.h"

/* --- pace --- */

/* Most dispatches a minute at now_ms: the plan's, grown by growth_pct for every whole minute since the current stage began or was resumed (a pause is no time in
 * which anything was seen to go well), up to per_minute_max. 0: no limit. */
int64_t schedule_per_minute(const struct rollout *rollout, int64_t now_ms);
/* From when on the next one may follow; 0: now. paced_ms: when the evenly spread dispatches up to now end (GCRA, ITU-T I.371, with a burst of 5 s: the same
 * sum as in upgrade_open.lua). */
int64_t schedule_paced_until_ms(int64_t per_minute, int64_t paced_ms, int64_t now_ms);
/* paced_ms after one more. */
int64_t schedule_paced_next_ms(int64_t per_minute, int64_t paced_ms, int64_t now_ms);
/* Most devices that may hold bytes of the package at a time; 0: no limit. One always may. */
int64_t schedule_bytes_places(const struct rollout *rollout);
/* Devices that do, or are about to: told, downloading, or waiting for their next attempt. */
int64_t schedule_bytes_taken(const struct rollout_counts *counts);

/* --- windows ---
 * A window is open while the device's own clock shows a time in it: an hour that the clock skips is not there, one that it shows twice counts twice. A window over
 * midnight belongs to the day it began. Devices do not all come when it opens: each has its own second in the first quarter of the window (an hour at most), by
 * `place`; a window of a whole day is not spread. */

/* The device's place among those that wait for a window of the rollout, 0 .. 9999; independent of rollout_place. */
unsigned schedule_window_place(const char *rollout_id, const char *device_id);
/* No window of this use (or of both uses): always open. */
bool schedule_is_open(const struct plan_windows *windows, enum window_use use, const struct time_zone *zone, unsigned place, int64_t now_ms);
/* When it opens or closes next, unix ms; 0: never. */
int64_t schedule_change_ms(const struct plan_windows *windows, enum window_use use, const struct time_zone *zone, unsigned place, int64_t now_ms);
/* The window in which an upgrade that is told now may be installed: *ret_after_ms 0: from now on; *ret_before_ms 0: without an end. */
void schedule_install(const struct plan_windows *windows, const struct time_zone *zone, unsigned place, int64_t now_ms, int64_t *ret_after_ms, int64_t *ret_before_ms);

/* --- order ---
 * Who waits stands in the order of its score, the smallest first: when it came, less an advance of `ageing_s` for each point of its weight. So a weight is worth waiting
 * time: whoever has waited longer than the difference of two weights is ahead of those that come later, and nobody is overtaken for longer than
 * (greatest weight - its own) x ageing_s. */

/* The device's weight by the first row of the table that fits, 0 when none does. Without a table: class "critical" on wifi or ethernet 90, others on wifi or ethernet
 * 60, everything else 30. */
int64_t schedule_weight(const struct plan_priority *priority, const struct heartbeat *heartbeat);
int64_t schedule_score(const struct plan_priority *priority, const struct heartbeat *heartbeat, int64_t since_ms);
