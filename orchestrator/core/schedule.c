/* Pace, and the order of those who wait. Windows are in schedule_window.c. */
#include "orchestrator/core/schedule.h"

#include <string.h>

#define GROWTH_MINUTES_MAX 10000   /* by then any growth has reached any maximum that fits into a plan */
#define MINUTE_MS 60000
#define BURST_MS 5000
#define AHEAD_MAX_MS 120000          /* twice what the slowest pace comes to: beyond that the clock was set back */

/* --- pace --- */

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

int64_t schedule_per_minute(const struct rollout *rollout, int64_t now_ms)
{
    const struct plan_limits *limits = &rollout->plan->limits;
    int64_t pace = limits->per_minute, minutes = (now_ms - larger(rollout->stage_ms, rollout->resumed_ms)) / MINUTE_MS;
    int64_t most = limits->per_minute_max > 0 ? limits->per_minute_max : INT32_MAX;
    if (pace == 0 || limits->growth_pct == 0)
        return pace;
    for (int64_t i = 0; i < minutes && i < GROWTH_MINUTES_MAX && pace < most; i++)
        pace += (pace * limits->growth_pct + 99) / 100;
    return pace < most ? pace : most;
}

/* A clock that was set back must not hold dispatches up for as long. */
static int64_t paced_from_ms(int64_t paced_ms, int64_t now_ms)
{
    return paced_ms - now_ms > AHEAD_MAX_MS ? now_ms : paced_ms;
}

int64_t schedule_paced_until_ms(int64_t per_minute, int64_t paced_ms, int64_t now_ms)
{
    if (per_minute <= 0)
        return 0;
    paced_ms = paced_from_ms(paced_ms, now_ms);
    int64_t each_ms = MINUTE_MS / per_minute, from_ms = paced_ms - (larger(BURST_MS, each_ms) - each_ms);
    return from_ms > now_ms ? from_ms : 0;
}

int64_t schedule_paced_next_ms(int64_t per_minute, int64_t paced_ms, int64_t now_ms)
{
    return per_minute > 0 ? larger(paced_from_ms(paced_ms, now_ms), now_ms) + MINUTE_MS / per_minute : 0;
}

int64_t schedule_bytes_places(const struct rollout *rollout)
{
    int64_t bytes = rollout->plan ? rollout->plan->limits.bytes_in_flight : 0, size = stones_largest_bytes(rollout);
    return bytes > 0 && size > 0 ? larger(bytes / size, 1) : 0;
}

int64_t schedule_bytes_taken(const struct rollout_counts *counts)
{
    static const enum upgrade_state states[] = {STATE_PENDING, STATE_DISPATCHED, STATE_ACKNOWLEDGED, STATE_DOWNLOADING, STATE_RETRY_WAIT};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        sum += counts->states[states[i]];
    return sum;
}

/* --- order --- */

#define FAST_NETWORKS {.count = 2, .words = {"wifi", "ethernet"}}
static const struct plan_weight usual[] = {
    {.priority = "critical", .networks = FAST_NETWORKS, .weight = 90},
    {.networks = FAST_NETWORKS, .weight = 60},
    {.weight = 30},
};

static bool fits(const struct plan_weight *row, const struct heartbeat *heartbeat)
{
    const char *class = heartbeat->priority[0] ? heartbeat->priority : PRIORITY_USUAL;

    return (!row->priority[0] || strcmp(row->priority, class) == 0) &&
           (row->networks.count == 0 || plan_words_have(&row->networks, heartbeat->network));
}

int64_t schedule_weight(const struct plan_priority *priority, const struct heartbeat *heartbeat)
{
    const struct plan_weight *rows = priority->count ? priority->weights : usual;
    size_t count = priority->count ? priority->count : sizeof usual / sizeof usual[0];
    for (size_t i = 0; i < count; i++)
        if (fits(&rows[i], heartbeat))
            return rows[i].weight;
    return 0;
}

int64_t schedule_score(const struct plan_priority *priority, const struct heartbeat *heartbeat, int64_t since_ms)
{
    return since_ms - schedule_weight(priority, heartbeat) * priority->ageing_s * 1000;
}
