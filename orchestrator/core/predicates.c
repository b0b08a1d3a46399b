/* What must hold before a device is taken: each demand a function, the list below their order. */
#include "orchestrator/core/predicates_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/semver.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/schedule.h"
#include "orchestrator/core/stage.h"

void finding_say(struct finding *ret, const char *format, ...)
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
        finding_say(ret, "%s in rollout %.40s", upgrade_state_name(look->upgrade->state), look->upgrade->rollout);
}

static const char *turn_refusal(const struct look *look)
{
    bool had = !look->again && look->upgrade && look->rollout && look->upgrade->state != STATE_NONE && !strcmp(look->upgrade->rollout, look->rollout->id);
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
        finding_say(ret, "%.40s to %.40s", look->rollout->id, look->rollout->version);
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
    finding_say(ret, "%s: %.60s", rollout_state_name(look->rollout->state), look->rollout->why);
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
    finding_say(ret, "runs %.40s", look->heartbeat->version);
}

/* --- what operators, or its own past, hold against the device --- */

static const char *stop_refusal(const struct look *look)
{
    return look->policy->stopped_ms ? eligible_stopped : NULL;
}

static const char *excluded_refusal(const struct look *look)
{
    bool is = (look->known && look->known->excluded) || (look->device && !strcmp(look->device->excluded, look->rollout->id));
    return is ? "it was excluded from this rollout" : NULL;
}

static const char *quarantine_refusal(const struct look *look)
{
    bool passes = !look->device || (look->again && look->device->quarantine_auto);
    return !passes && eligible_in_quarantine(look->device, look->rollout->version, look->now_ms) ? "it is in quarantine for this release" : NULL;
}

static void quarantine_describe(const struct look *look, struct finding *ret)
{
    if (!quarantine_refusal(look))
        return;
    finding_say(ret, "kept from %.40s %s", look->device->quarantine, look->device->quarantine_ms ? "for a time" : "until somebody lifts it");
    ret->next_ms = look->device->quarantine_ms;
}

/* It goes through the stones by itself; but all that are on its way must be there. */
static const char *step_refusal(const struct look *look)
{
    const char *stone = "";
    return stones_refusal(look->policy, look->rollout, look->heartbeat, look->now_ms, &stone) ? "a stepping stone on its way cannot be given" : NULL;
}

static void step_describe(const struct look *look, struct finding *ret)
{
    const char *stone = stones_next(look->rollout, look->heartbeat->version);
    const char *against = stones_refusal(look->policy, look->rollout, look->heartbeat, look->now_ms, &stone);
    if (against)
        finding_say(ret, "via %.30s: %s", stone, against);
    else if (stone[0])
        finding_say(ret, "via %.30s (%u of %u stones)", stone, stones_number(look->rollout, stone), stones_count(look->rollout));
}

/* --- the plan's target and stages; a flat rollout has its share --- */

static const char *target_refusal(const struct look *look)
{
    return look->rollout->plan ? plan_filter_refusal(&look->rollout->plan->target, look->heartbeat) : NULL;
}

/* Another turn is in the stage of the first: that one may be full, or passed. */
static const char *stage_refusal(const struct look *look)
{
    const struct rollout *rollout = look->rollout;
    if (look->again)
        return NULL;
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
        finding_say(ret, "place %u of 10000; stage %lld of %u runs", place, (long long)look->rollout->stage, look->rollout->plan->stage_count);
    else
        finding_say(ret, "place %u of 10000; up to %lld take part", place, (long long)look->rollout->share_pct * 100);
}

/* --- the release --- */

static const char *release_predicate(const struct look *look)
{
    const char *against = release_refusal(look->policy, &look->rollout->release, look->now_ms);
    if (against)
        return against;
    return release_device_refusal(&look->rollout->release, look->heartbeat->hw_rev, stones_last(look->rollout, look->heartbeat->version));
}

/* --- conditions and windows: of plans alone --- */

static const char *conditions_refusal(const struct look *look)
{
    const struct plan_conditions *conditions = look->rollout->plan ? &look->rollout->plan->conditions : NULL;
    const struct heartbeat *heartbeat = look->heartbeat;
    if (!conditions)
        return NULL;
    if (conditions->networks.count && !plan_words_have(&conditions->networks, heartbeat->network))
        return "it is on another network than the plan asks for";
    if (heartbeat->battery_pct != ABSENT && heartbeat->battery_pct < conditions->min_battery_pct)
        return "its battery is too low";
    return conditions->idle && heartbeat->status[0] && strcmp(heartbeat->status, "idle") ? "it is not idle" : NULL;
}

static void conditions_describe(const struct look *look, struct finding *ret)
{
    const struct heartbeat *heartbeat = look->heartbeat;
    char battery[24] = "no battery";
    if (heartbeat->battery_pct != ABSENT)
        snprintf(battery, sizeof battery, "battery %d %%", (int)heartbeat->battery_pct);
    if (look->rollout->plan)
        finding_say(ret, "%.32s, %s, network %.32s", heartbeat->status[0] ? heartbeat->status : "idle", battery, heartbeat->network[0] ? heartbeat->network : "unknown");
}

bool predicates_has_package(const struct look *look)
{
    const struct upgrade *upgrade = look->upgrade;
    return upgrade && upgrade->has_package && !upgrade_state_is_final(upgrade->state) && !strcmp(upgrade->rollout, look->rollout->id);
}

/* Who has the package waits to install it. */
static enum window_use window_use(const struct look *look)
{
    return predicates_has_package(look) ? WINDOW_INSTALL : WINDOW_DOWNLOAD;
}

static unsigned window_place(const struct look *look)
{
    return schedule_window_place(look->rollout->id, look->heartbeat->device_id);
}

static const char *window_refusal(const struct look *look)
{
    const struct plan *plan = look->rollout->plan;
    if (!plan || plan->windows.count == 0)
        return NULL;
    bool open = schedule_is_open(&plan->windows, window_use(look), look->zone, window_place(look), look->now_ms);
    return open ? NULL : "its maintenance window is not open";
}

static void window_describe(const struct look *look, struct finding *ret)
{
    static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
    const struct plan *plan = look->rollout->plan;
    struct local_time local;
    if (!plan || plan->windows.count == 0)
        return;
    time_zone_local(look->zone, look->now_ms / 1000, &local);
    finding_say(ret, "%s %02d:%02d where it is (%s)", days[local.weekday], (int)(local.second / 3600), (int)(local.second / 60 % 60),
        look->heartbeat->tz[0] ? look->heartbeat->tz : plan->windows.time_zone);
    if (window_refusal(look))
        ret->next_ms = schedule_change_ms(&plan->windows, window_use(look), look->zone, window_place(look), look->now_ms);
}

static const struct predicate rows[] = {
    {"upgrade", .refusal = upgrade_refusal, .describe = upgrade_describe},
    {"turn", .refusal = turn_refusal},
    {"clash", .each_attempt = true, .refusal = clash_refusal, .describe = clash_describe},
    {PREDICATE_ROLLOUT, .refusal = rollout_refusal, .describe = rollout_describe},   /* the rows below may rely on look->rollout */
    {"model", .refusal = model_refusal},
    {"state", .each_attempt = true, .refusal = state_refusal, .describe = state_describe},
    {"stop", .each_attempt = true, .refusal = stop_refusal},
    {"excluded", .refusal = excluded_refusal},
    {"version", .refusal = version_refusal, .describe = version_describe},
    {"quarantine", .each_attempt = true, .refusal = quarantine_refusal, .describe = quarantine_describe},
    {"step", .each_attempt = true, .refusal = step_refusal, .describe = step_describe},
    {"target", .refusal = target_refusal},
    {"stage", .refusal = stage_refusal, .describe = stage_describe},
    {"release", .each_attempt = true, .refusal = release_predicate},
    {"conditions", .each_attempt = true, .refusal = conditions_refusal, .describe = conditions_describe},
    {PREDICATE_WINDOW, .each_attempt = true, .refusal = window_refusal, .describe = window_describe},
    {"places", .limit = true, .refusal = limit_places_refusal, .describe = limit_places_describe},
    {"bytes", .limit = true, .refusal = limit_bytes_refusal, .describe = limit_bytes_describe},
    {"per_minute", .limit = true, .refusal = limit_minute_refusal, .describe = limit_minute_describe},
    {"site", .limit = true, .refusal = limit_site_refusal, .describe = limit_site_describe},
    {PREDICATE_DEPOT, .limit = true, .each_attempt = true, .refusal = limit_depot_refusal, .describe = limit_depot_describe},
    {"line", .limit = true, .refusal = limit_line_refusal, .describe = limit_line_describe},
};

const struct predicate *predicates(unsigned *ret_count)
{
    *ret_count = sizeof rows / sizeof rows[0];
    return rows;
}

/* Which rows are asked. */
enum asked { ASKED_ALL, ASKED_BUT_LIMITS, ASKED_EACH_ATTEMPT, ASKED_RETURN };

static bool is_asked(const struct predicate *row, enum asked which)
{
    switch (which) {
    case ASKED_BUT_LIMITS:
        return !row->limit;
    case ASKED_EACH_ATTEMPT:
        return row->each_attempt;
    case ASKED_RETURN:
        return row->each_attempt || row->limit;
    default:
        return true;
    }
}

static const struct predicate *first_refusal(const struct look *look, enum asked which, const char **ret_refusal)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool asked = is_asked(&rows[i], which);
        const char *refusal = asked ? rows[i].refusal(look) : NULL;
        if (refusal) {
            *ret_refusal = refusal;
            return &rows[i];
        }
    }
    return NULL;
}

const struct predicate *predicates_refuse(const struct look *look, bool limits, const char **ret_refusal)
{
    return first_refusal(look, limits ? ASKED_ALL : ASKED_BUT_LIMITS, ret_refusal);
}

const struct predicate *predicates_refuse_attempt(const struct look *look, const char **ret_refusal)
{
    return first_refusal(look, ASKED_EACH_ATTEMPT, ret_refusal);
}

const struct predicate *predicates_refuse_return(const struct look *look, const char **ret_refusal)
{
    return first_refusal(look, ASKED_RETURN, ret_refusal);
}
