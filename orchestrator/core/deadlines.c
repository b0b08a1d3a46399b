/* Deadlines: each state that is not final has one, and it lies in Redis; see docs/upgrade-states.md for what follows. */
#include "orchestrator/core/deadlines.h"

#define HELD_LOOK_MS 3600000 /* an edit of the windows is seen at the latest then; decide_held.c looks earlier when a window opens */
#define VERIFY_ROUNDS 3 /* a device may lose and regain its confirmations this often, in units of the whole proof */

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

int64_t deadline_heard_ms(const struct device *device, const struct upgrade *upgrade)
{
    return device->seen_ms > upgrade->heard_ms ? device->seen_ms : upgrade->heard_ms;
}

bool deadline_is_silent(const struct policy *policy, const struct device *device, const struct upgrade *upgrade, int64_t now_ms)
{
    return now_ms - deadline_heard_ms(device, upgrade) >= policy->silent_after_ms;
}

static int64_t soak_ms(const struct rollout *rollout)
{
    return rollout ? rollout->soak_ms : 0;
}

/* Devices that only ask by HTTP wait up to the notice's spread before they do; so may those we do not know yet. */
static int64_t acknowledge_ms(const struct policy *policy, const struct rollout *rollout, const struct device *device)
{
    int64_t spread_ms = rollout && device->last.kind != KIND_MANAGED ? rollout->spread_s * 1000 : 0;
    return policy->acknowledge_ms + spread_ms;
}

int64_t deadline_verify_end_ms(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade)
{
    return upgrade->state_ms + VERIFY_ROUNDS * (policy->verify_ms + soak_ms(rollout));
}

int64_t deadline_download_end_ms(const struct policy *policy, const struct upgrade *upgrade)
{
    return upgrade->download_ms + policy->download_total_ms;
}

static int64_t verifying(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, int64_t now_ms)
{
    int64_t end = deadline_verify_end_ms(policy, rollout, upgrade);
    if (upgrade->confirmations > 0)
        return smaller(end, upgrade->confirmed_ms + soak_ms(rollout) + policy->verify_ms);
    if (upgrade->rebooted_ms && !upgrade->healthy_ms && !upgrade->unhealthy) /* up, not ready: one more heartbeat may say so */
        return smaller(end, upgrade->rebooted_ms + policy->ready_ms + policy->heartbeat_ms);
    return smaller(end, now_ms + policy->verify_ms);
}

int64_t deadline_of(const struct policy *policy, const struct rollout *rollout, const struct device *device,
                    const struct upgrade *upgrade, int64_t now_ms, uint64_t random)
{
    switch (upgrade->state) {
    case STATE_PENDING:
        return now_ms + policy->pending_ms;
    case STATE_HELD:
        return now_ms + HELD_LOOK_MS;
    case STATE_RETRY_WAIT:
        return now_ms + policy->pending_ms + (int64_t)(random % (uint64_t)(5 * policy->pending_ms + 1));
    case STATE_DISPATCHED:
        return now_ms + acknowledge_ms(policy, rollout, device);
    case STATE_ACKNOWLEDGED:
        return now_ms + policy->start_ms;
    case STATE_DOWNLOADING:
        return smaller(now_ms + policy->download_stall_ms, deadline_download_end_ms(policy, upgrade));
    case STATE_INSTALLING:
        return now_ms + policy->install_ms;
    case STATE_VERIFYING:
        return verifying(policy, rollout, upgrade, now_ms);
    case STATE_ROLLING_BACK:
        return now_ms + policy->rollback_ms;
    case STATE_LOST:
        return upgrade->state_ms + policy->lost_give_up_ms;
    default:
        return 0;
    }
}
