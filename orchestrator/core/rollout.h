/* The plan that brings a release to the devices of its model. A value; owns nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/semver.h"
#include "common/text.h"
#include "orchestrator/core/release.h"
#include "orchestrator/core/upgrade_fsm.h"
#include "proto/error_code.h"

enum rollout_state { ROLLOUT_RUNNING, ROLLOUT_PAUSED, ROLLOUT_CANCELLED, ROLLOUT_SUPERSEDED, ROLLOUT_STATE_COUNT };
const char *rollout_state_name(enum rollout_state state);
bool rollout_state_read(const char *name, enum rollout_state *ret_state);

struct rollout {
    char id[ID_SIZE];
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    enum rollout_state state;
    char why[64];                     /* of the state: "operator", "error budget spent: 12 of 40", ... */
    int64_t revision;
    int64_t epoch;                    /* unix ms of the last change; goes into notices */
    int64_t created_ms;
    /* the plan */
    int64_t share_pct;                /* 1 .. 100: devices whose place is below it take part */
    int64_t max_in_flight;            /* live upgrades at a time */
    int64_t max_attempts;             /* per device */
    int64_t error_budget_pct;         /* pause when more of the settled devices failed, rolled back or were lost; 100: never */
    int64_t confirmations;            /* N healthy heartbeats on the target version */
    int64_t soak_ms;                  /* and this long on it */
    int64_t spread_s;                 /* simple devices ask within this time of the notice */
    /* counts, as last read from Redis */
    int64_t counts[UPGRADE_STATE_COUNT];   /* upgrades per state */
    int64_t opened;                        /* upgrades ever opened */
    int64_t retried;                       /* upgrades with more than one attempt */
    int64_t errors[ERROR_CODE_COUNT];      /* final, not succeeded, per error code */
    struct release release;
};

/* Upgrades that hold a place in flight: every state that is neither final nor lost. */
int64_t rollout_in_flight(const struct rollout *rollout);

/* The device's place in the rollout, 0 .. 9999, uniform over devices, independent between rollouts. */
unsigned rollout_place(const char *rollout_id, const char *device_id);
/* upgrade_id of the pair: 16 hex digits. */
void rollout_upgrade_id(const char *rollout_id, const char *device_id, char *ret /* UPGRADE_ID_SIZE */);
