/* May a device be taken into a rollout? Every "no" has its words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/ports.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

/* From the heartbeat alone, before anything is loaded: is the device worth loading for this rollout? */
bool eligible_by_heartbeat(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                           const struct heartbeat *heartbeat, int64_t now_ms);
/* NULL: it may be taken now; otherwise why not. rollout NULL: the model has none. `upgrade` is its present or last one. */
const char *eligible_refusal(const struct policy *policy, const struct rollout *rollout, int64_t in_flight,
                             const struct device *device, const struct upgrade *upgrade, int64_t now_ms);
/* What the store holds an open against. */
void eligible_limits(const struct rollout *rollout, const struct upgrade *upgrade, const struct heartbeat *heartbeat, int64_t now_ms, struct open_limits *ret);
/* Two devices with this identity were seen lately. */
bool eligible_in_clash(const struct policy *policy, const struct device *device, int64_t now_ms);
