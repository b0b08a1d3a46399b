/* Who takes part in a rollout, and when: the first predicate that does not hold is the reason. */
#include "orchestrator/core/eligible.h"

#include <string.h>

#include "orchestrator/core/predicates.h"
#include "orchestrator/core/schedule.h"
#include "orchestrator/core/stage.h"

const char eligible_stopped[] = "all rollouts are stopped";

bool eligible_in_clash(const struct policy *policy, const struct device *device, int64_t now_ms)
{
    return device->clash_ms > 0 && now_ms - device->clash_ms < policy->clash_ms;
}

bool eligible_in_quarantine(const struct device *device, const char *version, int64_t now_ms)
{
    bool over = device->quarantine_ms > 0 && now_ms >= device->quarantine_ms;
    return device->quarantine[0] && !over && strcmp(device->quarantine, version) == 0;
}

bool eligible_back_by_heartbeat(const struct policy *policy, const struct rollout *rollout, int64_t in_flight, const struct heartbeat *heartbeat)
{
    return rollout_state_goes_back(rollout->state) && !policy->stopped_ms && in_flight < rollout->max_in_flight &&
           strcmp(heartbeat->version, rollout->version) == 0;
}

void eligible_guard(const struct rollout *rollout, const struct upgrade *upgrade, const struct fsm_move *move, bool by_rollout, int64_t now_ms, struct move_guard *ret)
{
    bool back = by_rollout && move->on == EVENT_ROLLBACK_ASKED, again = by_rollout && move->on == EVENT_RETRY_ASKED;
    *ret = (struct move_guard){.states = back ? "rolling_back,rolled_back" : again || move->on == EVENT_DISPATCH ? "running,completed" : NULL};
    bool returns = move->on == EVENT_DISPATCH && move->from == STATE_HELD, steps = rollout && move->on == EVENT_STEPPED && rollout_state_takes(rollout->state);
    if (!rollout || !(back || again || returns || steps))
        return;
    if (!steps)   /* it keeps the place that it has */
        ret->max_in_flight = rollout->max_in_flight;
    ret->per_minute = rollout->plan ? schedule_per_minute(rollout, now_ms) : 0;
    if (back || !rollout->plan)
        return;
    ret->per_site = !steps && upgrade->site[0] ? rollout->plan->limits.per_site : 0;
    ret->bytes_places = upgrade->has_package ? 0 : schedule_bytes_places(rollout);
}

void eligible_limits(const struct rollout *rollout, const struct upgrade *upgrade, const struct heartbeat *heartbeat, int64_t now_ms, struct open_limits *ret)
{
    const struct plan *plan = rollout->plan;
    *ret = (struct open_limits){.max_in_flight = rollout->max_in_flight, .plan_revision = rollout->plan_revision};
    if (!plan)
        return;
    ret->per_site = upgrade->site[0] ? plan->limits.per_site : 0;
    ret->per_minute = schedule_per_minute(rollout, now_ms);
    ret->bytes_places = schedule_bytes_places(rollout);
    if (upgrade->stage > 0 && plan->stages[upgrade->stage - 1].kind == STAGE_COUNT) {
        const struct plan_stage *stage = &plan->stages[upgrade->stage - 1];
        ret->stage_max = stage->count;
        stage_stratum(stage, heartbeat, ret->stratum);
    }
}
