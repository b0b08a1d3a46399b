/* What the flow knows of rollouts, as last read: who holds a model's place, what is free there, and what a decision about a device looks at; and the same said in words. */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/explain.h"
#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/why.h"

void known_free(struct flow *flow)
{
    for (size_t i = 0; i < flow->known_count; i++)
        rollout_drop(&flow->known[i].rollout);
    free(flow->known);
}

/* All that Redis knows of, whichever instance told them; dispatches of our own are added until the next reading. */
static void pace_count(struct flow *flow)
{
    flow->pace.announced = flow->pace.downloading = 0;
    for (size_t i = 0; i < flow->known_count; i++) {
        const int64_t *counts = flow->known[i].rollout.counts.states;
        flow->pace.announced += counts[STATE_DISPATCHED] + counts[STATE_ACKNOWLEDGED];
        flow->pace.downloading += counts[STATE_DOWNLOADING];
    }
}

/* Out of memory the flow goes on with what it knew: the next call repairs it. */
void flow_set_rollouts(struct flow *flow, const struct rollout *rollouts, size_t count)
{
    struct known *fresh = calloc(count ? count : 1, sizeof *fresh);
    if (!fresh)
        return;
    for (size_t i = 0; i < count; i++)
        rollout_keep(&fresh[i].rollout, &rollouts[i]);
    known_free(flow);
    flow->known = fresh;
    flow->known_count = count;
    pace_count(flow);
}

void flow_set_depot(struct flow *flow, const struct depot_load *depot)
{
    flow->pace.depot = *depot;
}

const struct pace *flow_pace(const struct flow *flow)
{
    return &flow->pace;
}

struct known *flow_known(const struct flow *flow, const char *rollout_id)
{
    for (size_t i = 0; i < flow->known_count; i++)
        if (!strcmp(flow->known[i].rollout.id, rollout_id))
            return &flow->known[i];
    return NULL;
}

struct known *flow_known_of_model(const struct flow *flow, const char *model)
{
    for (size_t i = flow->known_count; i > 0; i--) {
        struct known *known = &flow->known[i - 1];
        if (rollout_state_is_open(known->rollout.state) && !strcmp(known->rollout.model, model))
            return known;
    }
    return NULL;
}

int64_t known_in_flight(const struct known *known)
{
    return rollout_places_taken(&known->rollout) + known->more;
}

const struct rollout *flow_rollout(const struct flow *flow, const char *rollout_id)
{
    const struct known *known = flow_known(flow, rollout_id);
    return known ? &known->rollout : NULL;
}

/* The plan's own was made in advance, to leave its version. */
const char *flow_permit(const struct flow *flow, const struct rollout *rollout, const struct upgrade *upgrade)
{
    if (rollout->plan && rollout->plan->rollback.permit[0] && !upgrade->via[0])
        return rollout->plan->rollback.permit;
    return flow->config.permit ? flow->config.permit(flow->config.permit_arg, rollout, upgrade_goal(upgrade), upgrade->from_version) : "";
}

bool flow_knows_zone(const struct flow *flow, const char *name)
{
    const struct time_zone *zone;
    return !strcmp(name, "UTC") || (flow->config.zones.find && flow->config.zones.find(flow->config.zones.zones, name, &zone));
}

const struct time_zone *flow_zone_of(const struct flow *flow, const struct rollout *rollout, const struct heartbeat *heartbeat, bool *ret_unknown)
{
    const struct zone_port *zones = &flow->config.zones;
    const struct time_zone *zone = NULL;
    *ret_unknown = false;
    if (!rollout || !rollout->plan || rollout->plan->windows.count == 0 || !zones->find)
        return NULL;
    if (heartbeat->tz[0] && zones->find(zones->zones, heartbeat->tz, &zone))
        return zone;
    *ret_unknown = heartbeat->tz[0];
    return zones->find(zones->zones, rollout->plan->windows.time_zone, &zone) ? zone : NULL;
}

const struct time_zone *flow_zone(const struct flow *flow, const struct rollout *rollout, const struct heartbeat *heartbeat)
{
    bool unknown;
    return flow_zone_of(flow, rollout, heartbeat, &unknown);
}

void flow_situation(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, uint64_t random, struct situation *ret)
{
    const struct known *running = flow_known_of_model(flow, device->last.model);
    const struct rollout *rollout = flow_rollout(flow, upgrade->rollout);
    bool unknown;
    *ret = (struct situation){
        .now_ms = flow->config.now_ms(flow->config.now_arg),
        .random = random,
        .policy = &flow->config.policy,
        .rollout = rollout,
        .permit = rollout && rollout_state_goes_back(rollout->state) ? flow_permit(flow, rollout, upgrade) : "",
        .running = running ? &running->rollout : NULL,
        .in_flight = running ? known_in_flight(running) : 0,
        .pace = &flow->pace,
        .zone = flow_zone_of(flow, running ? &running->rollout : rollout, &device->last, &unknown),
        .device = device,
        .upgrade = upgrade,
    };
}

/* --- where a device stands --- */

void flow_explain(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, struct explanation *ret)
{
    struct situation s;
    flow_situation(flow, device, upgrade, 0, &s);
    explain(&s, ret);
}

/* The one that holds the model's place; else one that has not begun. */
const struct rollout *flow_why_about(const struct flow *flow, const char *model)
{
    const struct rollout *about = NULL;
    for (size_t i = 0; i < flow->known_count; i++) {
        const struct rollout *rollout = &flow->known[i].rollout;
        if (rollout_state_is_ended(rollout->state) || strcmp(rollout->model, model) != 0)
            continue;
        if (rollout_state_is_open(rollout->state))
            return rollout;
        if (!about)
            about = rollout;
    }
    return about;
}

void flow_why(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, const struct look_known *known, struct why_device *ret)
{
    struct situation s;
    flow_situation(flow, device, upgrade, 0, &s);
    if (!s.running)
        s.running = flow_why_about(flow, device->last.model);
    s.known = known;
    why_device(&s, ret);
}

void flow_why_rollout(const struct flow *flow, const struct rollout *rollout, const struct fleet_health *health, const char *missing, struct why_rollout *ret)
{
    const struct why_look look = {.now_ms = flow->config.now_ms(flow->config.now_arg), .policy = &flow->config.policy, .rollout = rollout,
                                  .health = health, .pace = &flow->pace, .missing = missing};
    why_rollout(&look, ret);
}
