/* The limits: what holds a device back for now only, as far as it is known here; the store has the last word. */
#include "orchestrator/core/predicates_inside.h"
#include "orchestrator/core/schedule.h"

#define SOON_MS 1000   /* freed places are looked for about this often */

const char *limit_places_refusal(const struct look *look)
{
    return look->in_flight >= look->rollout->max_in_flight ? "as many upgrades as allowed are under way" : NULL;
}

void limit_places_describe(const struct look *look, struct finding *ret)
{
    finding_say(ret, "%lld of %lld under way", (long long)look->in_flight, (long long)look->rollout->max_in_flight);
    ret->next_ms = limit_places_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* What was opened since the counts were read takes bytes, too. */
static int64_t bytes_taken(const struct look *look)
{
    return schedule_bytes_taken(&look->rollout->counts) + look->in_flight - rollout_places_taken(look->rollout);
}

const char *limit_bytes_refusal(const struct look *look)
{
    int64_t places = schedule_bytes_places(look->rollout);
    return places > 0 && !predicates_has_package(look) && bytes_taken(look) >= places ? "as many bytes as allowed are being downloaded" : NULL;
}

void limit_bytes_describe(const struct look *look, struct finding *ret)
{
    if (schedule_bytes_places(look->rollout) > 0)
        finding_say(ret, "%lld of %lld bytes told", (long long)(bytes_taken(look) * stones_largest_bytes(look->rollout)),
            (long long)look->rollout->plan->limits.bytes_in_flight);
    ret->next_ms = limit_bytes_refusal(look) ? look->now_ms + SOON_MS : 0;
}

static int64_t paced_until_ms(const struct look *look)
{
    const struct rollout *rollout = look->rollout;
    bool ahead = rollout->plan && rollout->paced_ms > look->now_ms;   /* otherwise nothing was told lately */
    return ahead ? schedule_paced_until_ms(schedule_per_minute(rollout, look->now_ms), rollout->paced_ms, look->now_ms) : 0;
}

const char *limit_minute_refusal(const struct look *look)
{
    return paced_until_ms(look) ? "as many a minute as allowed were told" : NULL;
}

void limit_minute_describe(const struct look *look, struct finding *ret)
{
    if (look->rollout->plan && look->rollout->plan->limits.per_minute > 0)
        finding_say(ret, "%lld a minute", (long long)schedule_per_minute(look->rollout, look->now_ms));
    ret->next_ms = paced_until_ms(look);
}

const char *limit_site_refusal(const struct look *look)
{
    int64_t most = look->rollout->plan ? look->rollout->plan->limits.per_site : 0, taken = look->known ? look->known->site_in_flight : ABSENT;
    return most > 0 && taken != ABSENT && taken >= most ? "as many upgrades as allowed are under way at its site" : NULL;
}

void limit_site_describe(const struct look *look, struct finding *ret)
{
    const struct plan_limits *limits = look->rollout->plan ? &look->rollout->plan->limits : NULL;
    char site[ID_SIZE] = "";
    if (!limits || limits->per_site == 0)
        return;
    plan_tag_with_prefix(look->heartbeat->tags, limits->site_tag, site);
    if (!site[0])
        finding_say(ret, "no tag that begins with %.40s", limits->site_tag);
    else if (!look->known || look->known->site_in_flight == ABSENT)
        finding_say(ret, "%.40s: up to %lld at a time", site, (long long)limits->per_site);
    else
        finding_say(ret, "%.40s: %lld of %lld under way", site, (long long)look->known->site_in_flight, (long long)limits->per_site);
    ret->next_ms = limit_site_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* Asked last: whoever waits for room only, waits for nothing else. */
const char *limit_depot_refusal(const struct look *look)
{
    return look->pace && !predicates_has_package(look) && !pace_has_room(look->pace) ? pace_refusal : NULL;
}

void limit_depot_describe(const struct look *look, struct finding *ret)
{
    if (look->pace && look->pace->depot.places > 0)
        finding_say(ret, "%lld of %lld places", (long long)pace_taken(look->pace), (long long)look->pace->depot.places);
    ret->next_ms = limit_depot_refusal(look) ? look->now_ms + SOON_MS : 0;
}

/* --- the line of those who wait already --- */

const char *limit_line_refusal(const struct look *look)
{
    bool behind = look->rollout->plan && look->rollout->waiting > 0 && !look->has_turn && look->heartbeat->kind != KIND_SIMPLE;
    return behind ? "others wait for a place before it" : NULL;
}

void limit_line_describe(const struct look *look, struct finding *ret)
{
    if (!look->rollout->plan)
        return;
    finding_say(ret, "%lld wait; its weight is %lld", (long long)look->rollout->waiting, (long long)schedule_weight(&look->rollout->plan->priority, look->heartbeat));
    ret->next_ms = limit_line_refusal(look) ? look->now_ms + SOON_MS : 0;
}
