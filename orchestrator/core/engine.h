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
    char why[64];                  /* of the move, or why there is none: "soaks for 40 s more", "12 of 20 devices settled", "waits for an operator" */
    int64_t next_ms;               /* when something may change by time alone; 0: only by devices or operators */
    unsigned gate_count;
    struct gate_reading gates[PLAN_GATES_MAX];   /* of the current stage, in the plan's order */
};
/* rollout->plan must not be NULL. settled_ms: when the last device of the current stage settled, 0: never. */
void engine_decide(const struct rollout *rollout, const struct gate_readings *readings, int64_t settled_ms, int64_t now_ms, struct engine_move *ret);
