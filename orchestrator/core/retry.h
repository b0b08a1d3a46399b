/* What follows a failure: which event it is, how many attempts are left, how long to wait. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/policy.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade.h"

/* Attempts that count: those that ended in "busy" are free, up to policy.busy_max of them. */
int64_t retry_attempts_used(const struct policy *policy, const struct upgrade *upgrade);
/* rollout NULL: it is not known now, the default of 3 attempts holds. */
int64_t retry_attempts_max(const struct rollout *rollout);
bool retry_left(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade);

/* RETRY, GIVE_UP, FAIL or BUSY, by the class of the error and what is left. E_NONE counts as E_INTERNAL. */
enum upgrade_event retry_event(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, enum error_code code);
/* The wait before the next attempt of an upgrade that just failed with upgrade->error. */
int64_t retry_wait_ms(const struct policy *policy, const struct upgrade *upgrade, uint64_t random);
