/* When the next thing happens by itself: the deadline of a state, and whether a device is silent at it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/device.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

/* The deadline of `upgrade` as it enters its state or its state goes on, now; 0 for a final state.
 * RETRY_WAIT: the wait for a paused rollout (a backoff is retry.h's). rollout NULL: not known now. */
int64_t deadline_of(const struct policy *policy, const struct rollout *rollout, const struct device *device,
                    const struct upgrade *upgrade, int64_t now_ms, uint64_t random);
/* The last sign of life, by heartbeat or otherwise. */
int64_t deadline_heard_ms(const struct device *device, const struct upgrade *upgrade);
bool deadline_is_silent(const struct policy *policy, const struct device *device, const struct upgrade *upgrade, int64_t now_ms);
/* When a download has taken too long. */
int64_t deadline_download_end_ms(const struct policy *policy, const struct upgrade *upgrade);
/* Verifying longer than this is over, however often it looked good for a while. */
int64_t deadline_verify_end_ms(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade);
