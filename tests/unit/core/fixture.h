/* What the core's unit tests begin with: a policy, a rollout from 1.0.0 to 1.1.0, a device, an upgrade in any state. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orchestrator/core/decide.h"

#define NOW INT64_C(1700000000000)

struct fixture {
    struct policy policy;
    struct rollout rollout;
    struct device device;
    struct upgrade upgrade;
};

void fixture_init(struct fixture *fixture);
/* Puts the upgrade into this state of its first attempt, one minute ago, with its deadline now. */
void fixture_enter(struct fixture *fixture, enum upgrade_state state);
/* The device's newest heartbeat, arriving now. */
void fixture_beat(struct fixture *fixture, const char *version, const char *boot_id, const char *status);
struct situation fixture_situation(const struct fixture *fixture);
