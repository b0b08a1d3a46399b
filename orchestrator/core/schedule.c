/* Growth of the pace. */
#include "orchestrator/core/schedule.h"

#define GROWTH_MINUTES_MAX 10000   /* by then any growth has reached any maximum that fits into a plan */

int64_t schedule_per_minute(const struct rollout *rollout, int64_t now_ms)
{
    const struct plan_limits *limits = &rollout->plan->limits;
    int64_t pace = limits->per_minute, minutes = (now_ms - rollout->stage_ms) / 60000;
    if (pace == 0 || limits->growth_pct == 0)
        return pace;
    for (int64_t i = 0; i < minutes && i < GROWTH_MINUTES_MAX && pace < limits->per_minute_max; i++)
        pace += (pace * limits->growth_pct + 99) / 100;
    return pace < limits->per_minute_max ? pace : limits->per_minute_max;
}
