/* Membership in stages: filter, place, or the count of the current one. */
#include "orchestrator/core/stage.h"

#include <string.h>

#include "common/hash.h"

static bool stratum_is_full(const struct rollout *rollout, const char *stratum)
{
    uint64_t hash = hash_text(stratum, 0);
    for (unsigned i = 0; i < rollout->full_count; i++)
        if (rollout->full[i] == hash)
            return true;
    return false;
}

/* Of the current stage, of kind count. A device that finds no room costs nothing more than this. */
static bool has_room(const struct rollout *rollout, const struct plan_stage *stage, const struct heartbeat *heartbeat)
{
    char stratum[ID_SIZE];
    if (!stage->per[0])
        return rollout->staged.opened < stage->count;
    stage_stratum(stage, heartbeat, stratum);
    return !stratum_is_full(rollout, stratum);
}

static bool takes(const struct rollout *rollout, int64_t number, unsigned place, const struct heartbeat *heartbeat)
{
    const struct plan_stage *stage = &rollout->plan->stages[number - 1];
    if (plan_filter_refusal(&stage->filter, heartbeat))
        return false;
    switch (stage->kind) {
    case STAGE_PERCENT:
        return (int64_t)place < stage->percent_x100;
    case STAGE_COUNT:
        return number > rollout->stage || (number == rollout->stage && has_room(rollout, stage, heartbeat));
    case STAGE_EVERYBODY:
        break;
    }
    return true;
}

int64_t stage_of(const struct rollout *rollout, const struct heartbeat *heartbeat)
{
    unsigned place = rollout_place(rollout->id, heartbeat->device_id);
    for (int64_t number = 1; number <= (int64_t)rollout->plan->stage_count; number++)
        if (takes(rollout, number, place, heartbeat))
            return number <= rollout->stage ? number : STAGE_NOT_YET;
    return STAGE_NEVER;
}

void stage_note_stratum(struct rollout *rollout, const char *stratum, int64_t opened)
{
    const struct plan_stage *stage = &rollout->plan->stages[rollout->stage - 1];
    bool full = stage->kind == STAGE_COUNT && stage->per[0] && opened >= stage->count;
    if (full && rollout->full_count < STRATA_FULL_MAX)
        rollout->full[rollout->full_count++] = hash_text(stratum, 0);
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
