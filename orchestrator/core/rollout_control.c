/* What operators' moves of a rollout ask beyond the table, and when one that goes back is through. */
#include <string.h>

#include "orchestrator/core/rollout.h"

static bool has_approved(const struct rollout *rollout, const char *who)
{
    for (size_t i = 0; i < ROLLOUT_APPROVERS_MAX; i++)
        if (!strcmp(rollout->approvers[i], who))
            return true;
    return false;
}

const char *rollout_approve(const struct rollout *rollout, const char *who, struct rollout *ret_next, enum rollout_event *ret_on)
{
    if (!who[0])
        return "an approval needs a name";
    if (rollout->state != ROLLOUT_AWAITING_APPROVAL || !rollout->plan || rollout->approvals >= ROLLOUT_APPROVERS_MAX)
        return "it does not wait for an approval";
    if (!strcmp(rollout->author, who))
        return "who made the plan cannot approve it";
    if (has_approved(rollout, who))
        return "who has approved it cannot do so again";
    *ret_next = *rollout;
    (void)text_copy(ret_next->approvers[ret_next->approvals++], ID_SIZE, who);
    *ret_on = ret_next->approvals < rollout->plan->approvals ? ROLLOUT_EVENT_ENDORSE : ROLLOUT_EVENT_APPROVE;
    return NULL;
}

bool rollout_is_back(const struct rollout *rollout)
{
    return rollout->state == ROLLOUT_ROLLING_BACK && rollout->back_ms > 0 && rollout->back_left == 0 && rollout_in_flight(rollout) == 0;
}
