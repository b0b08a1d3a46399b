/* Commands are built here from the upgrade alone, so that a repeated one is the same as the first. */
#include "orchestrator/core/offer.h"

#include <stdio.h>
#include <string.h>

const struct release_delta *offer_delta(const struct release *release, const char *base_version)
{
    const struct release_delta *delta = release_delta(release, base_version);
    return delta && release_delta_is_kept(delta) ? delta : NULL;
}

bool offer_wants_delta(const struct rollout *rollout, const struct upgrade *upgrade)
{
    const struct release *release = stones_leg_release(rollout, upgrade);
    return release && !upgrade->full_only && offer_delta(release, upgrade->from_version) != NULL;
}

static void fill_names(enum command_kind kind, const struct upgrade *upgrade, struct command *ret)
{
    *ret = (struct command){.kind = kind, .attempt = upgrade->attempt};
    memcpy(ret->upgrade_id, upgrade->upgrade_id, sizeof ret->upgrade_id);
    memcpy(ret->rollout, upgrade->rollout, sizeof ret->rollout);
    memcpy(ret->version, upgrade_goal(upgrade), sizeof ret->version);
}

static void fill_full(const struct release *release, struct command *ret)
{
    memcpy(ret->sha256, release->sha256, sizeof ret->sha256);
    ret->size_bytes = release->size_bytes;
}

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static int64_t deadline(const struct policy *policy, const struct upgrade *upgrade)
{
    int64_t done_ms = upgrade->attempt_ms + policy->start_ms + policy->download_total_ms;
    return larger(done_ms, larger(upgrade->install_after_ms, upgrade->install_before_ms)) + policy->install_ms;
}

void offer_update(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, const char *public_url, struct command *ret)
{
    fill_names(COMMAND_UPDATE, upgrade, ret);
    const struct release *release = stones_leg_release(rollout, upgrade);
    const struct release_delta *delta = upgrade->delta ? offer_delta(release, upgrade->from_version) : NULL;
    if (delta) {
        ret->delta = true;
        memcpy(ret->base_version, delta->base_version, sizeof ret->base_version);
        memcpy(ret->sha256, delta->sha256, sizeof ret->sha256);
        ret->size_bytes = delta->size_bytes;
    } else {
        fill_full(release, ret);
    }
    memcpy(ret->manifest_sha256, release->manifest_sha256, sizeof ret->manifest_sha256);
    ret->install_after_ms = upgrade->install_after_ms;
    ret->install_before_ms = upgrade->install_before_ms;
    ret->deadline_ms = deadline(policy, upgrade);
    snprintf(ret->url, sizeof ret->url, "%s/artifacts/%s?device=%s&upgrade=%s&attempt=%lld", public_url, ret->sha256,
             upgrade->device_id, upgrade->upgrade_id, (long long)upgrade->attempt);
}

void offer_anonymous(const struct rollout *rollout, const char *public_url, struct command *ret)
{
    *ret = (struct command){.kind = COMMAND_UPDATE};
    memcpy(ret->rollout, rollout->id, sizeof ret->rollout);
    memcpy(ret->version, rollout->version, sizeof ret->version);
    fill_full(&rollout->release, ret);
    memcpy(ret->manifest_sha256, rollout->release.manifest_sha256, sizeof ret->manifest_sha256);
    snprintf(ret->url, sizeof ret->url, "%s/artifacts/%s", public_url, ret->sha256);
}

void offer_cancel(const struct upgrade *upgrade, struct command *ret)
{
    fill_names(COMMAND_CANCEL, upgrade, ret);
}

void offer_rollback(const struct upgrade *upgrade, const char *permit, struct command *ret)
{
    fill_names(COMMAND_ROLLBACK, upgrade, ret);
    memcpy(ret->version, upgrade->from_version, sizeof ret->version);
    ret->permit = permit;
}
