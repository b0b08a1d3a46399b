/* See proposal.h. What is not covered is so on purpose: docs/rollouts.md lists each order with its reason. */
#include "orchestrator/core/proposal.h"

#include <string.h>

/* Those that are covered. */
static const char *const orders[ROLLOUT_EVENT_COUNT] = {
    [ROLLOUT_EVENT_EDIT] = "edit", [ROLLOUT_EVENT_PROMOTE] = "promote", [ROLLOUT_EVENT_RESUME] = "resume", [ROLLOUT_EVENT_REOPEN] = "retry"};

const char *proposal_order_name(enum rollout_event on)
{
    return orders[on] ? orders[on] : "";
}

bool proposal_order_read(const char *text, enum rollout_event *ret_on)
{
    for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++)
        if (orders[on] && !strcmp(orders[on], text))
            return *ret_on = (enum rollout_event)on, true;
    return false;
}

bool proposal_is_needed(const struct rollout *rollout, enum rollout_event on)
{
    bool approved = rollout->plan && rollout->plan->approvals > 0 && rollout->state != ROLLOUT_AWAITING_APPROVAL;
    return approved && orders[on] && rollout->state != ROLLOUT_ROLLBACK_PAUSED;
}

int64_t proposal_needs(const struct rollout *rollout, const struct plan *edited)
{
    int64_t now = rollout->plan ? rollout->plan->approvals : 0, then = edited ? edited->approvals : 0;
    return now > then ? now : then;
}

bool proposal_stands(const struct proposal *proposal, const struct rollout *rollout, int64_t now_ms)
{
    return proposal->number > 0 && proposal->revision == rollout->revision && now_ms < proposal->expires_ms;
}

static bool has_approved(const struct proposal *proposal, const char *who)
{
    for (size_t i = 0; i < ROLLOUT_APPROVERS_MAX; i++)
        if (!strcmp(proposal->approvers[i], who))
            return true;
    return false;
}

const char *proposal_approve(const struct proposal *proposal, const struct rollout *rollout, const char *who, int64_t now_ms, bool *ret_last)
{
    if (!who[0])
        return "an approval needs a name";
    if (now_ms >= proposal->expires_ms)
        return "it has expired; it must be proposed again";
    if (proposal->revision != rollout->revision)
        return "the rollout has changed since it was proposed; it must be proposed again";
    if (!strcmp(proposal->who, who))
        return "who proposed it cannot approve it";
    if (has_approved(proposal, who))
        return "who has approved it cannot do so again";
    *ret_last = proposal->approvals + 1 >= proposal->needed;
    return NULL;
}
