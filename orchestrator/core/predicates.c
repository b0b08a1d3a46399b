/* What must hold before a device is taken: each demand a function, the list below their order. */
#include "orchestrator/core/predicates.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/semver.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/stage.h"

static void say(struct finding *ret, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct finding *ret, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret->value, sizeof ret->value, format, arguments);
    va_end(arguments);
}

/* --- the device's own history --- */

static const char *upgrade_refusal(const struct look *look)
{
    bool live = look->upgrade && look->upgrade->state != STATE_NONE && !upgrade_state_is_final(look->upgrade->state);
    return live ? "its upgrade is not over" : NULL;
}

static void upgrade_describe(const struct look *look, struct finding *ret)
{
    if (look->upgrade && look->upgrade->state != STATE_NONE)
        say(ret, "%s in rollout %.40s", upgrade_state_name(look->upgrade->state), look->upgrade->rollout);
}

static const char *turn_refusal(const struct look *look)
{
    bool had = look->upgrade && look->rollout && look->upgrade->state != STATE_NONE && !strcmp(look->upgrade->rollout, look->rollout->id);
    return had ? "it had its turn in this rollout" : NULL;
}

static const char *clash_refusal(const struct look *look)
{
    return look->device && eligible_in_clash(look->policy, look->device, look->now_ms) ? "two devices with this identity were seen" : NULL;
}

static void clash_describe(const struct look *look, struct finding *ret)
{
    if (look->device && eligible_in_clash(look->policy, look->device, look->now_ms))
        ret->next_ms = look->device->clash_ms + look->policy->clash_ms;
}

/* --- the rollout --- */

static const char *rollout_refusal(const struct look *look)
{
    return look->rollout ? NULL : "its model has no rollout";
}

static void rollout_describe(const struct look *look, struct finding *ret)
{
    if (look->rollout)
        say(ret, "%.40s to %.40s", look->rollout->id, look->rollout->version);
}

static const char *model_refusal(const struct look *look)
{
    return strcmp(look->rollout->model, look->heartbeat->model) ? "the rollout is for another model" : NULL;
}

static const char *state_refusal(const struct look *look)
{
    switch (look->rollout->state) {
    case ROLLOUT_RUNNING:
    case ROLLOUT_COMPLETED:
        return NULL;
    case ROLLOUT_PAUSED:
        return "the rollout is paused";
    case ROLLOUT_ROLLING_BACK:
    case ROLLOUT_ROLLBACK_PAUSED:
        return "the rollout is going back";
    case ROLLOUT_AWAITING_APPROVAL:
    case ROLLOUT_SCHEDULED:
        return "the rollout has not begun";
    default:
        return "the rollout is over";
    }
}

static void state_describe(const struct look *look, struct finding *ret)
{
    say(ret, "%s: %.60s", rollout_state_name(look->rollout->state), look->rollout->why);
    if (look->rollout->state == ROLLOUT_SCHEDULED)
        ret->next_ms = look->rollout->start_ms;
}

static const char *version_refusal(const struct look *look)
{
    if (!strcmp(look->heartbeat->version, look->rollout->version))
        return "it runs the target version";
    if (semver_compare(look->heartbeat->version, look->rollout->version) >= 0)
        return "it runs a version that is not older";
    return NULL;
}

static void version_describe(const struct look *look, struct finding *ret)
{
    say(ret, "runs %.40s", look->heartbeat->version);
}

/* --- the plan's target and stages; a flat rollout has its share --- */

static const char *target_refusal(const struct look *look)
{
    return look->rollout->plan ? plan_filter_refusal(&look->rollout->plan->target, look->heartbeat) : NULL;
}

static const char *stage_refusal(const struct look *look)
{
    const struct rollout *rollout = look->rollout;
    if (rollout->plan) {
        int64_t stage = stage_of(rollout, look->heartbeat);
        return stage == STAGE_NEVER ? "no stage is for it" : stage == STAGE_NOT_YET ? "its stage has not begun" : NULL;
    }
    bool in_share = (int64_t)rollout_place(rollout->id, look->heartbeat->device_id) < rollout->share_pct * 100;
    return in_share ? NULL : "its place is outside the rollout's share";
}

static void stage_describe(const struct look *look, struct finding *ret)
{
    unsigned place = rollout_place(look->rollout->id, look->heartbeat->device_id);
    if (look->rollout->plan)
        say(ret, "place %u of 10000; stage %lld of %u runs", place, (long long)look->rollout->stage, look->rollout->plan->stage_count);
    else
        say(ret, "place %u of 10000; up to %lld take part", place, (long long)look->rollout->share_pct * 100);
}

/* --- the release --- */

static const char *release_predicate(const struct look *look)
{
    const char *against = release_refusal(look->policy, &look->rollout->release, look->now_ms);
    return against ? against : release_device_refusal(&look->rollout->release, look->heartbeat->hw_rev, look->heartbeat->version);
}

/* --- limits --- */

static const char *places_refusal(const struct look *look)
{
    return look->in_flight >= look->rollout->max_in_flight ? "as many upgrades as allowed are under way" : NULL;
}

static void places_describe(const struct look *look, struct finding *ret)
{
    say(ret, "%lld of %lld under way", (long long)look->in_flight, (long long)look->rollout->max_in_flight);
}

static const struct predicate rows[] = {
    {"upgrade", false, upgrade_refusal, upgrade_describe},
    {"turn", false, turn_refusal, NULL},
    {"clash", false, clash_refusal, clash_describe},
    {PREDICATE_ROLLOUT, false, rollout_refusal, rollout_describe},
    {"model", false, model_refusal, NULL},
    {"state", false, state_refusal, state_describe},
    {"version", false, version_refusal, version_describe},
    {"target", false, target_refusal, NULL},
    {"stage", false, stage_refusal, stage_describe},
    {"release", false, release_predicate, NULL},
    {"places", true, places_refusal, places_describe},
};

const struct predicate *predicates(unsigned *ret_count)
{
    *ret_count = sizeof rows / sizeof rows[0];
    return rows;
}

const struct predicate *predicates_refuse(const struct look *look, bool limits, const char **ret_refusal)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *refusal = limits || !rows[i].limit ? rows[i].refusal(look) : NULL;
        if (refusal) {
            *ret_refusal = refusal;
            return &rows[i];
        }
    }
    return NULL;
}
