/* What heartbeats prove about an upgrade. Devices that send boot ids must show a new one; others need more heartbeats. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

enum truth { TRUTH_TARGET, TRUTH_OLD, TRUTH_OTHER };
/* Which version the newest heartbeat shows. TARGET: the end of its leg, or the rollout's version at once. */
enum truth truth_of(const struct device *device, const struct upgrade *upgrade);

/* Both boot ids are known, and the device still runs (or no longer runs) the boot it was told to update in.
 * Both false: it sends no boot ids. */
bool truth_same_boot(const struct device *device, const struct upgrade *upgrade);
bool truth_new_boot(const struct device *device, const struct upgrade *upgrade);

/* Takes the newest heartbeat, which shows the target version, as evidence. False: it was counted before, or adds nothing. */
bool truth_count_target(const struct rollout *rollout, const struct device *device, struct upgrade *next);
/* Takes one that shows the old version, of a device that verifies and sends no boot ids. Same return. */
bool truth_count_old(const struct policy *policy, const struct device *device, struct upgrade *next);
/* Two old heartbeats are enough; one may have been under way. */
bool truth_fell_back(const struct upgrade *upgrade);

/* What the evidence amounts to: CONFIRMED, UNHEALTHY, NOT_READY, BOOT_LOOP, or NOTHING yet. */
enum upgrade_event truth_verdict(const struct policy *policy, const struct rollout *rollout, const struct device *device, const struct upgrade *upgrade);
/* Healthy heartbeats that are needed. */
int64_t truth_needed(const struct rollout *rollout);
