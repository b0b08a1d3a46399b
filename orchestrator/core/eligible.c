/* Who takes part in a rollout, and when. */
#include "orchestrator/core/eligible.h"

#include <string.h>

#include "common/semver.h"

static bool has_place(const struct rollout *rollout, const char *device_id)
{
    return (int64_t)rollout_place(rollout->id, device_id) < rollout->share_pct * 100;
}

static const char *refusal(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                           const struct heartbeat *heartbeat, int64_t now_ms)
{
    if (!rollout)
        return "its model has no rollout";
    if (strcmp(rollout->model, heartbeat->model))
        return "the rollout is for another model";
    if (rollout->state != ROLLOUT_RUNNING)
        return rollout->state == ROLLOUT_PAUSED ? "the rollout is paused" : "the rollout is over";
    if (!strcmp(heartbeat->version, rollout->version))
        return "it runs the target version";
    if (semver_compare(heartbeat->version, rollout->version) >= 0)
        return "it runs a version that is not older";
    if (!has_place(rollout, heartbeat->device_id))
        return "its place is outside the rollout's share";
    const char *against = release_refusal(policy, &rollout->release, now_ms);
    if (!against)
        against = release_device_refusal(&rollout->release, heartbeat->hw_rev, heartbeat->version);
    if (against)
        return against;
    if (in_flight >= rollout->max_in_flight)
        return "as many upgrades as allowed are under way";
    return NULL;
}

bool eligible_by_heartbeat(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                           const struct heartbeat *heartbeat, int64_t now_ms)
{
    return heartbeat->kind != KIND_SIMPLE && refusal(policy, rollout, in_flight, heartbeat, now_ms) == NULL;
}

bool eligible_in_clash(const struct policy *policy, const struct device *device, int64_t now_ms)
{
    return device->clash_ms > 0 && now_ms - device->clash_ms < policy->clash_ms;
}

const char *eligible_refusal(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                             const struct device *device, const struct upgrade *upgrade, int64_t now_ms)
{
    bool exists = upgrade->state != STATE_NONE;
    if (exists && !upgrade_state_is_final(upgrade->state))
        return "its upgrade is not over";
    if (exists && rollout && !strcmp(upgrade->rollout, rollout->id))
        return "it had its turn in this rollout";
    if (eligible_in_clash(policy, device, now_ms))
        return "two devices with this identity were seen";
    return refusal(policy, rollout, in_flight, &device->last, now_ms);
}
