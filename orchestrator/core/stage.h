/* Which stage of a rollout a device belongs to: computed from the plan and the device's place, stored nowhere. */
#pragma once

#include <stdint.h>

#include "orchestrator/core/rollout.h"

#define STAGE_NOT_YET (-1)   /* a later stage takes it */
#define STAGE_NEVER (-2)     /* no stage takes it */

/* The number (from 1) of the first stage up to the current one that takes the device; STAGE_NOT_YET, STAGE_NEVER. rollout->plan must not be NULL. A stage of
 * kind count takes only while it is the current one and, as far as the counts that were read say, has room; the store has the last word. */
int64_t stage_of(const struct rollout *rollout, const struct heartbeat *heartbeat);
/* The stratum of the device in this stage: its hw_rev, or its tag; "-" when it has none, "" when the stage counts without strata. ret: ID_SIZE. */
void stage_stratum(const struct plan_stage *stage, const struct heartbeat *heartbeat, char *ret);
/* A stratum of the current stage was found to have so many devices: notes it in rollout->full when that is as many as it may. The rollout was read without any. */
void stage_note_stratum(struct rollout *rollout, const char *stratum, int64_t opened);
/* Percent of all devices that may have been taken at most when the stage runs, 1 .. 100, rounded up: for notices and simple devices. */
int64_t stage_share_pct(const struct plan *plan, int64_t stage);
