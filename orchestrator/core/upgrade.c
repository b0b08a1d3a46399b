/* What begins anew at each turn or leg of an upgrade: the upgrade itself, an attempt, the proof of the new version. */
#include "orchestrator/core/upgrade.h"

#include <string.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/stage.h"

void upgrade_init(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device, int64_t now_ms)
{
    *upgrade = (struct upgrade){.state = STATE_NONE, .opened_ms = now_ms, .state_ms = now_ms, .report_seq = -1};
    memcpy(upgrade->device_id, device->last.device_id, sizeof upgrade->device_id);
    memcpy(upgrade->rollout, rollout->id, sizeof upgrade->rollout);
    memcpy(upgrade->model, rollout->model, sizeof upgrade->model);
    memcpy(upgrade->from_version, device->last.version, sizeof upgrade->from_version);
    memcpy(upgrade->version, rollout->version, sizeof upgrade->version);
    upgrade_aim(upgrade, rollout, device);
    int64_t stage = rollout->plan ? stage_of(rollout, &device->last) : 0;
    upgrade->stage = stage > 0 ? stage : 0;
    if (rollout->plan && rollout->plan->limits.site_tag[0])
        plan_tag_with_prefix(device->last.tags, rollout->plan->limits.site_tag, upgrade->site);
    rollout_upgrade_id(rollout->id, upgrade->device_id, upgrade->upgrade_id);
}

void upgrade_begin_turn(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device, int64_t now_ms)
{
    struct upgrade next = {.state = upgrade->state, .stage = upgrade->stage, .attempt = upgrade->attempt, .attempts_before = upgrade->attempt,
                           .revision = upgrade->revision, .opened_ms = upgrade->opened_ms, .state_ms = now_ms, .report_seq = -1};
    memcpy(next.device_id, upgrade->device_id, sizeof next.device_id);
    memcpy(next.upgrade_id, upgrade->upgrade_id, sizeof next.upgrade_id);
    memcpy(next.rollout, upgrade->rollout, sizeof next.rollout);
    memcpy(next.model, upgrade->model, sizeof next.model);
    memcpy(next.from_version, device->last.version, sizeof next.from_version);
    memcpy(next.version, upgrade->version, sizeof next.version);
    upgrade_aim(&next, rollout, device);
    memcpy(next.site, upgrade->site, sizeof next.site);
    memcpy(next.last_event, upgrade->last_event, sizeof next.last_event);
    *upgrade = next;
}

void upgrade_aim(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device)
{
    char via[VERSION_SIZE] = "";
    text_copy(via, sizeof via, stones_next(rollout, device->last.version));
    if (!strcmp(via, upgrade->via))
        return;
    memcpy(upgrade->via, via, sizeof upgrade->via);
    upgrade->has_package = upgrade->delta = false;
}

const char *upgrade_goal(const struct upgrade *upgrade)
{
    return upgrade->via[0] ? upgrade->via : upgrade->version;
}

void upgrade_begin_verify(struct upgrade *upgrade)
{
    upgrade->rebooted_ms = 0;
    upgrade->healthy_ms = 0;
    upgrade->confirmations = 0;
    upgrade->confirmed_ms = 0;
    upgrade->unhealthy = 0;
    upgrade->old_beats = 0;
    upgrade->progress = 0;
    upgrade->asked_back = false;
}

/* It came up on what it was told to run after it was told, though too late for its attempt to be credited: it has no reason to reboot once more. */
static bool came_up_after_all(const struct upgrade *upgrade, const struct device *device)
{
    return upgrade->boot_before[0] && device->last.boot_id[0] && strcmp(device->last.boot_id, upgrade->boot_before) &&
           strcmp(device->last.version, upgrade_goal(upgrade)) == 0;
}

void upgrade_begin_attempt(struct upgrade *upgrade, const struct device *device, int64_t now_ms)
{
    bool came_up = came_up_after_all(upgrade, device);
    upgrade_begin_verify(upgrade);
    upgrade->attempt++;
    upgrade->attempt_ms = now_ms;
    upgrade->download_ms = 0;
    upgrade->report_seq = -1;
    upgrade->note[0] = 0;
    if (!came_up)
        memcpy(upgrade->boot_before, device->last.boot_id, sizeof upgrade->boot_before);
    upgrade->strayed_ms = 0;
    upgrade->boot_id[0] = 0;
    upgrade->boots = 0;
    upgrade->evidence_ms = device->seen_ms;
    upgrade->lost_from = STATE_NONE;
}

void upgrade_set_why(struct upgrade *upgrade, const char *why)
{
    size_t length = strnlen(why, WHY_SIZE - 1);
    memcpy(upgrade->why, why, length);
    upgrade->why[length] = 0;
}
