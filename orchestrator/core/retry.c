/* Retries: error classes, attempts, exponential backoff with full jitter. */
#include "orchestrator/core/retry.h"

#include "common/backoff.h"

#define DEFAULT_MAX_ATTEMPTS 3

int64_t retry_attempts_used(const struct policy *policy, const struct upgrade *upgrade)
{
    int64_t freed = upgrade->busy < policy->busy_max ? upgrade->busy : policy->busy_max;
    return upgrade->attempt - upgrade->attempts_before - freed;
}

int64_t retry_attempts_max(const struct rollout *rollout)
{
    return rollout ? rollout->max_attempts : DEFAULT_MAX_ATTEMPTS;
}

bool retry_left(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade)
{
    return retry_attempts_used(policy, upgrade) < retry_attempts_max(rollout);
}

enum upgrade_event retry_event(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, enum error_code code)
{
    switch (error_code_class(code)) {
    case CLASS_PERMANENT:
        return EVENT_FAIL;
    case CLASS_BUSY:
        if (upgrade->busy < policy->busy_max)
            return EVENT_BUSY;
        return retry_left(policy, rollout, upgrade) ? EVENT_BUSY : EVENT_GIVE_UP;
    case CLASS_TRANSIENT:
    case CLASS_NONE:
        break;
    }
    return retry_left(policy, rollout, upgrade) ? EVENT_RETRY : EVENT_GIVE_UP;
}

int64_t retry_wait_ms(const struct policy *policy, const struct upgrade *upgrade, uint64_t random)
{
    if (error_code_class(upgrade->error) == CLASS_BUSY)
        return policy->busy_ms * 3 / 4 + (int64_t)(random % (uint64_t)(policy->busy_ms / 2 + 1));
    if (upgrade->error == E_DELTA_BASE && upgrade->delta)
        return 0; /* the cause is understood and gone: the next attempt takes the full package */
    int64_t used = retry_attempts_used(policy, upgrade);
    unsigned earlier = used > 1 ? (unsigned)(used - 1) : 0;
    return backoff_full_jitter_ms(policy->retry_base_ms, policy->retry_cap_ms, earlier, random);
}
