/* May a device be taken into a rollout? Every "no" has its words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/ports.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

extern const char eligible_stopped[];   /* the reason while all rollouts are stopped */
/* The device is kept from this version. */
bool eligible_in_quarantine(const struct device *device, const char *version, int64_t now_ms);
/* From the heartbeat alone: is the device worth loading because the rollout goes back? */
bool eligible_back_by_heartbeat(const struct policy *policy, const struct rollout *rollout, int64_t in_flight, const struct heartbeat *heartbeat);
/* What the store holds a move against: by_rollout as in struct decision. */
void eligible_guard(const struct rollout *rollout, const struct upgrade *upgrade, const struct fsm_move *move, bool by_rollout, int64_t now_ms, struct move_guard *ret);
/* What the store holds an open against. */
void eligible_limits(const struct rollout *rollout, const struct upgrade *upgrade, const struct heartbeat *heartbeat, int64_t now_ms, struct open_limits *ret);
/* Two devices with this identity were seen lately. */
bool eligible_in_clash(const struct policy *policy, const struct device *device, int64_t now_ms);
