/* When devices are told: dispatches a minute, priorities with ageing, conditions, windows in each device's own time. Pure arithmetic on plan, device and now. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/rollout.h"

/* Most dispatches a minute at now_ms: the plan's, grown by growth_pct for every whole minute of the current stage, up to per_minute_max. 0: no limit. */
int64_t schedule_per_minute(const struct rollout *rollout, int64_t now_ms);
