/* Membership in stages: filter, place, or the count of the current one. */
#include "orchestrator/core/stage.h"

#include <string.h>

static bool takes(const struct plan_stage *stage, bool current, unsigned place, const struct heartbeat *heartbeat)
{
    if (plan_filter_refusal(&stage->filter, heartbeat))
        return false;
    switch (stage->kind) {
    case STAGE_PERCENT:
        return (int64_t)place < stage->percent_x100;
    case STAGE_COUNT:
        return current;
    case STAGE_EVERYBODY:
        break;
    }
    return true;
}

int64_t stage_of(const struct rollout *rollout, const struct heartbeat *heartbeat)
{
    const struct plan *plan = rollout->plan;
    unsigned place = rollout_place(rollout->id, heartbeat->device_id);
    for (unsigned i = 0; i < plan->stage_count; i++) {
        int64_t number = (int64_t)i + 1;
        if (takes(&plan->stages[i], number >= rollout->stage, place, heartbeat))
            return number <= rollout->stage ? number : STAGE_NOT_YET;
    }
    return STAGE_NEVER;
}

void stage_stratum(const struct plan_stage *stage, const struct heartbeat *heartbeat, char *ret)
{
    static const char tag[] = "tag:";
    ret[0] = '\0';
    if (!stage->per[0])
        return;
    if (strcmp(stage->per, "hw_rev") == 0)
        (void)text_copy(ret, ID_SIZE, heartbeat->hw_rev);
    else if (strncmp(stage->per, tag, sizeof tag - 1) == 0)
        plan_tag_with_prefix(heartbeat->tags, stage->per + sizeof tag - 1, ret);
    if (!ret[0])
        memcpy(ret, "-", 2);
}

int64_t stage_share_pct(const struct plan *plan, int64_t stage)
{
    int64_t most = 1;
    for (int64_t i = 0; i < stage && i < (int64_t)plan->stage_count; i++) {
        const struct plan_stage *at = &plan->stages[i];
        int64_t percent = at->kind == STAGE_PERCENT ? (at->percent_x100 + 99) / 100 : at->kind == STAGE_EVERYBODY ? 100 : 1;
        if (percent > most)
            most = percent;
    }
    return most;
}
