/* Truth by heartbeat: no upgrade succeeds, and none falls back, on a device's word. */
#include "orchestrator/core/truth.h"

#include <string.h>

#define DEFAULT_CONFIRMATIONS 2
#define OLD_BEATS_NEEDED 2

enum truth truth_of(const struct device *device, const struct upgrade *upgrade)
{
    if (!strcmp(device->last.version, upgrade_goal(upgrade)) || !strcmp(device->last.version, upgrade->version))
        return TRUTH_TARGET;
    return strcmp(device->last.version, upgrade->from_version) ? TRUTH_OTHER : TRUTH_OLD;
}

static bool boots_known(const struct device *device, const struct upgrade *upgrade)
{
    return device->last.boot_id[0] && upgrade->boot_before[0];
}

bool truth_same_boot(const struct device *device, const struct upgrade *upgrade)
{
    return boots_known(device, upgrade) && !strcmp(device->last.boot_id, upgrade->boot_before);
}

bool truth_new_boot(const struct device *device, const struct upgrade *upgrade)
{
    return boots_known(device, upgrade) && strcmp(device->last.boot_id, upgrade->boot_before);
}

int64_t truth_needed(const struct rollout *rollout)
{
    return rollout ? rollout->confirmations : DEFAULT_CONFIRMATIONS;
}

static void start_over(struct upgrade *next)
{
    next->confirmations = 0;
    next->confirmed_ms = 0;
}

/* A boot id not seen before in this attempt: the proof starts over, and boots are counted. */
static bool count_boot(const struct device *device, struct upgrade *next)
{
    if (!device->last.boot_id[0] || !strcmp(device->last.boot_id, next->boot_id))
        return false;
    memcpy(next->boot_id, device->last.boot_id, sizeof next->boot_id);
    next->boots++;
    start_over(next);
    return true;
}

/* Counts a good heartbeat; false once there are enough: soaking needs no more writes. */
static bool count_good(const struct rollout *rollout, int64_t seen_ms, struct upgrade *next)
{
    bool changed = next->unhealthy > 0 || next->confirmations < truth_needed(rollout);
    next->unhealthy = 0;
    if (!next->healthy_ms)
        next->healthy_ms = seen_ms;
    if (!next->confirmations)
        next->confirmed_ms = seen_ms;
    if (next->confirmations < truth_needed(rollout))
        next->confirmations++;
    return changed;
}

bool truth_count_target(const struct rollout *rollout, const struct device *device, struct upgrade *next)
{
    if (device->seen_ms <= next->evidence_ms)
        return false;
    next->evidence_ms = device->seen_ms;
    bool changed = count_boot(device, next);
    if (!next->rebooted_ms) {
        next->rebooted_ms = device->seen_ms;
        changed = true;
    }
    next->old_beats = 0;
    switch (heartbeat_health(device->last.status)) {
    case HEALTH_GOOD:
        return count_good(rollout, device->seen_ms, next) || changed;
    case HEALTH_BAD:
        next->unhealthy++;
        start_over(next);
        return true;
    case HEALTH_NOT_READY:
        changed = changed || next->confirmations > 0;
        start_over(next);
        return changed;
    }
    return changed;
}

/* Right after it said that it reboots, a device may still speak from the old version: such heartbeats do not count. */
bool truth_count_old(const struct policy *policy, const struct device *device, struct upgrade *next)
{
    bool had_reboot = next->rebooted_ms || device->seen_ms - next->state_ms >= policy->ready_ms;
    if (device->seen_ms <= next->evidence_ms || !had_reboot)
        return false;
    next->evidence_ms = device->seen_ms;
    next->old_beats++;
    start_over(next);
    return true;
}

bool truth_fell_back(const struct upgrade *upgrade)
{
    return upgrade->old_beats >= OLD_BEATS_NEEDED;
}

enum upgrade_event truth_verdict(const struct policy *policy, const struct rollout *rollout, const struct device *device, const struct upgrade *upgrade)
{
    if (upgrade->boots >= policy->boot_loop_max)
        return EVENT_BOOT_LOOP;
    if (upgrade->unhealthy >= policy->unhealthy_max)
        return EVENT_UNHEALTHY;
    if (!upgrade->rebooted_ms)
        return EVENT_NOTHING;
    if (!upgrade->healthy_ms && !upgrade->unhealthy && device->seen_ms - upgrade->rebooted_ms > policy->ready_ms)
        return EVENT_NOT_READY;
    int64_t soak_ms = rollout ? rollout->soak_ms : 0;
    if (upgrade->confirmations >= truth_needed(rollout) && device->seen_ms - upgrade->confirmed_ms >= soak_ms)
        return EVENT_CONFIRMED;
    return EVENT_NOTHING;
}
