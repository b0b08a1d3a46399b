/* Four eyes on a rollout that goes on. Where its plan asks for approvals, an order that could let it go farther or faster than was approved is not carried
 * out: it stands beside the rollout as a proposal until other people approve it, somebody rejects it, it expires, or the rollout has changed. Pure. */
#pragma once

#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

struct proposal {
    int64_t number;                   /* 1, 2, .. of all, never twice; 0: there is none */
    enum rollout_event on;            /* EDIT, PROMOTE, RESUME or REOPEN */
    int64_t revision;                 /* of the rollout for which it was made: of another one it is not carried out */
    int64_t at_ms, expires_ms;        /* unix */
    int64_t needed, approvals;        /* people beside who made it; how many have approved */
    char who[ID_SIZE];                /* made it */
    char why[WHY_SIZE];               /* who, with his reason */
    char approvers[ROLLOUT_APPROVERS_MAX][ID_SIZE];
};

/* As operators say it: "edit", "promote", "resume", "retry"; "": no order that can be proposed. read: false, *ret untouched, when it is none. */
const char *proposal_order_name(enum rollout_event on);
bool proposal_order_read(const char *text, enum rollout_event *ret_on);
/* Every edit, promotion, resumption and further turn of an approved rollout; not what holds it back (pause, cancel, roll back, exclude), nor that it goes
 * on going back. One that still waits for its approvals is edited at once: they begin anew. */
bool proposal_is_needed(const struct rollout *rollout, enum rollout_event on);
/* How many must approve: as many as the plan asks for, or the new one, whichever are more. edited NULL: the plan stays. */
int64_t proposal_needs(const struct rollout *rollout, const struct plan *edited);
/* NULL: `who` may approve it; *ret_last: then nobody else needs to. Otherwise why not. */
const char *proposal_approve(const struct proposal *proposal, const struct rollout *rollout, const char *who, int64_t now_ms, bool *ret_last);
/* It can still be approved: neither expired nor made for another revision. */
bool proposal_stands(const struct proposal *proposal, const struct rollout *rollout, int64_t now_ms);
