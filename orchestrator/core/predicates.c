/* What must hold before a device is taken: each demand a function, the list below their order. */
#include "orchestrator/core/predicates.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/semver.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/schedule.h"
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

/* --- what operators, or its own past, hold against the device --- */

static const char *stop_refusal(const struct look *look)
{
    return look->policy->stopped_ms ? eligible_stopped : NULL;
}

static const char *excluded_refusal(const struct look *look)
{
    return look->device && !strcmp(look->device->excluded, look->rollout->id) ? "it was excluded from this rollout" : NULL;
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
    say(ret, "kept from %.40s %s", look->device->quarantine, look->device->quarantine_ms ? "for a time" : "until somebody lifts it");
    ret->next_ms = look->device->quarantine_ms;
}

/* The first stone that lies between what it runs and the target. */
static const char *stone_before(const struct look *look)
{
    const struct plan *plan = look->rollout->plan;
    for (unsigned i = 0; plan && i < plan->step_count; i++)
        if (semver_compare(look->heartbeat->version, plan->steps[i]) < 0)
            return plan->steps[i];
    return NULL;
}

static const char *step_refusal(const struct look *look)
{
    return stone_before(look) ? "it must go through an earlier version first" : NULL;
}

static void step_describe(const struct look *look, struct finding *ret)
{
    const char *stone = stone_before(look);
    if (stone)
        say(ret, "runs %.30s; %.30s comes first, by a rollout of its own", look->heartbeat->version, stone);
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
        say(ret, "%.32s, %s, network %.32s", heartbeat->status[0] ? heartbeat->status : "idle", battery, heartbeat->network[0] ? heartbeat->network : "unknown");
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
    bool open = schedule_is_open(&plan->windows, WINDOW_DOWNLOAD, look->zone, window_place(look), look->now_ms);
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
    say(ret, "%s %02d:%02d where it is (%s)", days[local.weekday], (int)(local.second / 3600), (int)(local.second / 60 % 60),
        look->heartbeat->tz[0] ? look->heartbeat->tz : plan->windows.time_zone);
    if (window_refusal(look))
        ret->next_ms = schedule_change_ms(&plan->windows, WINDOW_DOWNLOAD, look->zone, window_place(look), look->now_ms);
}

/* --- limits --- */

#define SOON_MS 1000   /* freed places are looked for about this often */

static const char *places_refusal(const struct look *look)
{
    return look->in_flight >= look->rollout->max_in_flight ? "as many upgrades as allowed are under way" : NULL;
}

static void places_describe(const struct look *look, struct finding *ret)
{
    say(ret, "%lld of %lld under way", (long long)look->in_flight, (long long)look->rollout->max_in_flight);
    ret->next_ms = places_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* What was opened since the counts were read takes bytes, too. */
static int64_t bytes_taken(const struct look *look)
{
    return schedule_bytes_taken(&look->rollout->counts) + look->in_flight - rollout_in_flight(look->rollout);
}

static const char *bytes_refusal(const struct look *look)
{
    int64_t places = schedule_bytes_places(look->rollout);
    return places > 0 && bytes_taken(look) >= places ? "as many bytes as allowed are being downloaded" : NULL;
}

static void bytes_describe(const struct look *look, struct finding *ret)
{
    if (schedule_bytes_places(look->rollout) > 0)
        say(ret, "%lld of %lld bytes told", (long long)(bytes_taken(look) * look->rollout->release.size_bytes),
            (long long)look->rollout->plan->limits.bytes_in_flight);
    ret->next_ms = bytes_refusal(look) ? look->now_ms + SOON_MS : 0;
}

static int64_t paced_until_ms(const struct look *look)
{
    const struct rollout *rollout = look->rollout;
    bool ahead = rollout->plan && rollout->paced_ms > look->now_ms;   /* otherwise nothing was told lately */
    return ahead ? schedule_paced_until_ms(schedule_per_minute(rollout, look->now_ms), rollout->paced_ms, look->now_ms) : 0;
}

static const char *minute_refusal(const struct look *look)
{
    return paced_until_ms(look) ? "as many a minute as allowed were told" : NULL;
}

static void minute_describe(const struct look *look, struct finding *ret)
{
    if (look->rollout->plan && look->rollout->plan->limits.per_minute > 0)
        say(ret, "%lld a minute", (long long)schedule_per_minute(look->rollout, look->now_ms));
    ret->next_ms = paced_until_ms(look);
}

static const char *site_refusal(const struct look *look)
{
    int64_t most = look->rollout->plan ? look->rollout->plan->limits.per_site : 0;
    return most > 0 && look->site_in_flight != ABSENT && look->site_in_flight >= most ? "as many upgrades as allowed are under way at its site" : NULL;
}

static void site_describe(const struct look *look, struct finding *ret)
{
    const struct plan_limits *limits = look->rollout->plan ? &look->rollout->plan->limits : NULL;
    char site[ID_SIZE] = "";
    if (!limits || limits->per_site == 0)
        return;
    plan_tag_with_prefix(look->heartbeat->tags, limits->site_tag, site);
    if (!site[0])
        say(ret, "no tag that begins with %.40s", limits->site_tag);
    else if (look->site_in_flight == ABSENT)
        say(ret, "%.40s: up to %lld at a time", site, (long long)limits->per_site);
    else
        say(ret, "%.40s: %lld of %lld under way", site, (long long)look->site_in_flight, (long long)limits->per_site);
    ret->next_ms = site_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* Asked last: whoever waits for room only, waits for nothing else. */
static const char *depot_refusal(const struct look *look)
{
    return look->pace && !pace_has_room(look->pace) ? pace_refusal : NULL;
}

static void depot_describe(const struct look *look, struct finding *ret)
{
    if (look->pace && look->pace->depot.places > 0)
        say(ret, "%lld of %lld places", (long long)pace_taken(look->pace), (long long)look->pace->depot.places);
    ret->next_ms = depot_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* --- the line of those who wait already --- */

static const char *line_refusal(const struct look *look)
{
    bool behind = look->rollout->plan && look->rollout->waiting > 0 && !look->has_turn && look->heartbeat->kind != KIND_SIMPLE;
    return behind ? "others wait for a place before it" : NULL;
}

static void line_describe(const struct look *look, struct finding *ret)
{
    if (!look->rollout->plan)
        return;
    say(ret, "%lld wait; its weight is %lld", (long long)look->rollout->waiting, (long long)schedule_weight(&look->rollout->plan->priority, look->heartbeat));
    ret->next_ms = line_refusal(look) ? look->now_ms + SOON_MS : 0;
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
    {"step", .refusal = step_refusal, .describe = step_describe},
    {"target", .refusal = target_refusal},
    {"stage", .refusal = stage_refusal, .describe = stage_describe},
    {"release", .each_attempt = true, .refusal = release_predicate},
    {"conditions", .each_attempt = true, .refusal = conditions_refusal, .describe = conditions_describe},
    {"window", .each_attempt = true, .refusal = window_refusal, .describe = window_describe},
    {"places", .limit = true, .refusal = places_refusal, .describe = places_describe},
    {"bytes", .limit = true, .refusal = bytes_refusal, .describe = bytes_describe},
    {"per_minute", .limit = true, .refusal = minute_refusal, .describe = minute_describe},
    {"site", .limit = true, .refusal = site_refusal, .describe = site_describe},
    {PREDICATE_DEPOT, .limit = true, .each_attempt = true, .refusal = depot_refusal, .describe = depot_describe},
    {"line", .limit = true, .refusal = line_refusal, .describe = line_describe},
};

const struct predicate *predicates(unsigned *ret_count)
{
    *ret_count = sizeof rows / sizeof rows[0];
    return rows;
}

static const struct predicate *first_refusal(const struct look *look, bool limits, bool attempt, const char **ret_refusal)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool asked = (limits || !rows[i].limit) && (!attempt || rows[i].each_attempt);
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
    return first_refusal(look, limits, false, ret_refusal);
}

const struct predicate *predicates_refuse_attempt(const struct look *look, const char **ret_refusal)
{
    return first_refusal(look, true, true, ret_refusal);
}
