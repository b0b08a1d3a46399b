/* Who takes part in a rollout, and when: the first predicate that does not hold is the reason. */
#include "orchestrator/core/eligible.h"

#include "orchestrator/core/predicates.h"
#include "orchestrator/core/schedule.h"
#include "orchestrator/core/stage.h"

bool eligible_by_heartbeat(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                           const struct heartbeat *heartbeat, int64_t now_ms)
{
    struct look look = {.now_ms = now_ms, .policy = policy, .rollout = rollout, .in_flight = in_flight, .heartbeat = heartbeat};
    const char *refusal;
    return heartbeat->kind != KIND_SIMPLE && predicates_refuse(&look, true, &refusal) == NULL;
}

bool eligible_in_clash(const struct policy *policy, const struct device *device, int64_t now_ms)
{
    return device->clash_ms > 0 && now_ms - device->clash_ms < policy->clash_ms;
}

const char *eligible_refusal(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                             const struct device *device, const struct upgrade *upgrade, int64_t now_ms)
{
    struct look look = {.now_ms = now_ms, .policy = policy, .rollout = rollout, .in_flight = in_flight, .heartbeat = &device->last,
                        .device = device, .upgrade = upgrade};
    const char *refusal;
    return predicates_refuse(&look, true, &refusal) ? refusal : NULL;
}

void eligible_limits(const struct rollout *rollout, const struct upgrade *upgrade, const struct heartbeat *heartbeat, int64_t now_ms, struct open_limits *ret)
{
    const struct plan *plan = rollout->plan;
    *ret = (struct open_limits){.max_in_flight = rollout->max_in_flight};
    if (!plan)
        return;
    ret->per_site = upgrade->site[0] ? plan->limits.per_site : 0;
    ret->per_minute = schedule_per_minute(rollout, now_ms);
    if (upgrade->stage > 0 && plan->stages[upgrade->stage - 1].kind == STAGE_COUNT) {
        const struct plan_stage *stage = &plan->stages[upgrade->stage - 1];
        ret->stage_max = stage->count;
        stage_stratum(stage, heartbeat, ret->stratum);
    }
}
