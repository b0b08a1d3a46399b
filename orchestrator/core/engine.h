/* The engine of staged rollouts: what the leader does with one, looked at once a second. Pure: (rollout, readings, now) gives at most one move. */
#pragma once

#include <stdint.h>

#include "orchestrator/core/gate.h"
#include "orchestrator/core/rollout.h"

struct engine_move {
    bool moves;
    enum rollout_event on;
    enum rollout_state to;
    int64_t stage;                 /* as it shall be */
    bool passed;                   /* the stage is; only an operator keeps it from the next one */
    char why[64];                  /* of the move, or why there is none: "soaks for 40 s more", "12 of 20 devices settled", "waits for an operator" */
    int64_t next_ms;               /* when something may change by time alone; 0: only by devices or operators */
    unsigned gate_count;
    struct gate_reading gates[PLAN_GATES_MAX];   /* of the current stage, in the plan's order */
};
/* rollout->plan must not be NULL. quiet_ms: within this time every device that is online has spoken once (policy.offline_after_ms); so long a stage waits for others
 * to come, unless it has as many as it may. */
void engine_decide(const struct rollout *rollout, const struct fleet_health *health, int64_t quiet_ms, int64_t now_ms, struct engine_move *ret);
/* True when one of the current stage's gates needs `health`. */
bool engine_compares(const struct rollout *rollout);
