/* What a device is offered: the full package or a delta, and the command that says so. */
#pragma once

#include <stdbool.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"
#include "proto/command.h"

/* The release's delta for this base that devices may be given, NULL when there is none. */
const struct release_delta *offer_delta(const struct release *release, const char *base_version);
/* Is the attempt that begins now given a delta? */
bool offer_wants_delta(const struct rollout *rollout, const struct upgrade *upgrade);

/* The update command of the upgrade's current attempt; the release of its leg must be there (stones_leg_refusal). */
void offer_update(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, const char *public_url, struct command *ret);
/* The answer to somebody unnamed: the full package, nobody's attempt. */
void offer_anonymous(const struct rollout *rollout, const char *public_url, struct command *ret);
void offer_cancel(const struct upgrade *upgrade, struct command *ret);
/* permit: "" when there is none; borrowed by the command. */
void offer_rollback(const struct upgrade *upgrade, const char *permit, struct command *ret);
