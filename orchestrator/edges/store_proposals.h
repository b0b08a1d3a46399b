/* Orders for approved rollouts that wait for another person (core/proposal.h): part of the store (store.h). */
#pragma once

#include "orchestrator/core/proposal.h"
#include "orchestrator/edges/store.h"

/* proposal->number 0: there is none. plan: of an edit, for the receiver to hold; NULL: no edit. */
typedef void store_proposal_read(void *arg, enum drover_error error, const struct proposal *proposal, struct plan *plan);
void store_proposal(struct store *store, const char *rollout_id, store_proposal_read *done, void *arg);

/* A new one, its number still 0; plan: the edited one, or NULL. DROVER_NOT_FOUND; DROVER_CONFLICT: the rollout has another revision;
 * DROVER_DUPLICATE: another person's waits already (it is rejected first). */
void store_propose(struct store *store, const char *rollout_id, const struct proposal *proposal, const struct plan *plan, const struct actor *actor,
                   store_written *done, void *arg);
/* endorse: one approval, others are needed; else it is rejected. DROVER_NOT_FOUND: there is none any more; DROVER_CONFLICT: not as it was read. */
struct proposal_decision {
    const char *rollout_id;
    const struct proposal *proposal;   /* as it was read */
    bool endorse;
    const char *who, *why;
    int64_t at_ms;
    const struct actor *actor;
};
void store_proposal_decide(struct store *store, const struct proposal_decision *decision, store_written *done, void *arg);
