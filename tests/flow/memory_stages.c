/* The story's store: what rollouts count for each stage, as redis-scripts/lib/settle.lua and before.lua do. */
#include <string.h>

#include "orchestrator/core/stage.h"
#include "tests/flow/memory_inside.h"

static bool settles(enum upgrade_state state)
{
    return state == STATE_SUCCEEDED || state == STATE_FAILED || state == STATE_ROLLED_BACK || state == STATE_REJECTED || state == STATE_LOST;
}

void counts_add(struct rollout_counts *counts, const struct upgrade *upgrade, int by)
{
    if (upgrade->state == STATE_NONE)
        return;
    counts->states[upgrade->state] += by;
    if (settles(upgrade->state) && upgrade->state != STATE_SUCCEEDED && upgrade->error != E_NONE)
        counts->errors[upgrade->error] += by;
}

static struct memory_stage *stage_of_upgrade(struct memory_store *store, const struct upgrade *upgrade)
{
    struct rollout *rollout = memory_store_rollout(store, upgrade->rollout);
    return rollout && upgrade->stage > 0 ? &store->stages[rollout - store->rollouts][upgrade->stage - 1] : NULL;
}

/* Who leaves a state that gates leave out counts like all others when it comes there again. */
static void before_shrink(struct memory_store *store, const struct upgrade *upgrade)
{
    struct rollout *rollout = memory_store_rollout(store, upgrade->rollout);
    struct memory_stage *current = &store->stages[rollout - store->rollouts][rollout->stage - 1];
    const struct rollout_counts *counts = current->before_of_all ? &rollout->counts : &current->counts;
    if (!current->before_of_all && upgrade->stage != rollout->stage)
        return;
    if (settles(upgrade->state) && current->before.states[upgrade->state] > counts->states[upgrade->state])
        current->before.states[upgrade->state] = counts->states[upgrade->state];
    if (current->before.errors[upgrade->error] > counts->errors[upgrade->error])
        current->before.errors[upgrade->error] = counts->errors[upgrade->error];
}

void stage_count(struct memory_store *store, const struct upgrade *upgrade, int by)
{
    struct memory_stage *stage = stage_of_upgrade(store, upgrade);
    if (!stage)
        return;
    counts_add(&stage->counts, upgrade, by);
    if (by > 0 && settles(upgrade->state))
        stage->settled_ms = store->now_ms;
    if (by < 0)
        before_shrink(store, upgrade);
}

/* --- taken --- */

static unsigned stratum_find(const struct memory_stage *stage, const char *name)
{
    unsigned i = 0;
    while (i < stage->stratum_count && strcmp(stage->strata[i].name, name))
        i++;
    return i;
}

const char *stage_refuses(const struct memory_store *store_, const struct memory_call *call)
{
    struct memory_store *store = (struct memory_store *)store_;
    const struct open_limits *limits = &call->limits;
    const struct memory_stage *stage = stage_of_upgrade(store, &call->save.upgrade);
    if (!stage || !limits->stage_max)
        return NULL;
    unsigned at = stratum_find(stage, limits->stratum);
    int64_t opened = !limits->stratum[0] ? stage->counts.opened : at < stage->stratum_count ? stage->strata[at].opened : 0;
    return opened >= limits->stage_max ? "its stage has enough devices" : NULL;
}

void stage_open(struct memory_store *store, const struct memory_call *call)
{
    struct memory_stage *stage = stage_of_upgrade(store, &call->save.upgrade);
    if (!stage)
        return;
    stage->counts.opened++;
    stage->opened_ms = store->now_ms;
    unsigned at = stratum_find(stage, call->limits.stratum);
    if (!call->limits.stratum[0] || at == STRATA_MAX)
        return;
    if (at == stage->stratum_count)
        text_copy(stage->strata[stage->stratum_count++].name, ID_SIZE, call->limits.stratum);
    stage->strata[at].opened++;
}

/* --- as rollouts are read --- */

static void show(const struct memory_stage *stage, struct rollout *rollout)
{
    rollout->staged = stage->counts;
    rollout->before = stage->before;
    rollout->before_of_all = stage->before_of_all;
    rollout->opened_ms = stage->opened_ms;
    rollout->settled_ms = stage->settled_ms;
    rollout->resumed_ms = stage->resumed_ms;
    rollout->full_count = 0;
    for (unsigned i = 0; i < stage->stratum_count; i++)
        stage_note_stratum(rollout, stage->strata[i].name, stage->strata[i].opened);
}

void memory_store_show_stages(struct memory_store *store)
{
    for (size_t i = 0; i < store->rollout_count; i++)
        if (store->rollouts[i].plan)
            show(&store->stages[i][store->rollouts[i].stage - 1], &store->rollouts[i]);
}

void memory_store_leave_out(struct memory_store *store, const struct rollout *rollout, enum rollout_event on)
{
    if (!rollout->plan)
        return;
    struct memory_stage *stage = &store->stages[rollout - store->rollouts][rollout->stage - 1];
    if (on == ROLLOUT_EVENT_COMPLETE) {
        stage->before = rollout->counts;
        stage->before_of_all = true;
    } else if (on == ROLLOUT_EVENT_RESUME) {
        stage->before = stage->counts;
        stage->before_of_all = false;
        stage->resumed_ms = store->now_ms;
    }
}

/* --- the control group --- */

void memory_store_health(const struct memory_store *store, const struct rollout *rollout, int64_t offline_after_ms, struct fleet_health *ret)
{
    *ret = (struct fleet_health){.updated.devices = 0};
    for (size_t i = 0; i < store->device_count; i++) {
        const struct device *device = &store->devices[i].device;
        struct group_health *group = strcmp(device->last.version, rollout->version) ? &ret->control : &ret->updated;
        if (strcmp(device->last.model, rollout->model))
            continue;
        group->devices++;
        group->offline += store->now_ms - device->seen_ms > offline_after_ms;
        group->unhealthy += heartbeat_health(device->last.status) == HEALTH_BAD;
    }
}
