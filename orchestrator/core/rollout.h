/* What brings a release to the devices of its model: the plan, where it stands, and its counts. A value but for the plan and its stones, which are
 * shared: whoever keeps a copy holds them (rollout_keep) and lets them go (rollout_drop). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/semver.h"
#include "common/text.h"
#include "orchestrator/core/release.h"
#include "orchestrator/core/rollout_fsm.h"
#include "orchestrator/core/stones.h"
#include "orchestrator/core/upgrade_fsm.h"
#include "proto/error_code.h"
#include "proto/plan.h"

#define STRATA_FULL_MAX 64
#define ROLLOUT_APPROVERS_MAX 2   /* as many as a plan may ask for */

/* Upgrades of distinct devices, as last read from Redis. */
struct rollout_counts {
    int64_t states[UPGRADE_STATE_COUNT];   /* per state */
    int64_t opened;                        /* ever */
    int64_t errors[ERROR_CODE_COUNT];      /* failed, rolled back, rejected or lost, per error code */
};

struct rollout {
    char id[ID_SIZE];
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    enum rollout_state state;
    char why[64];                     /* of the state: "operator", "error budget spent: 12 of 40", ... */
    int64_t revision;
    int64_t epoch;                    /* unix ms of the last change; goes into notices */
    int64_t created_ms;
    struct plan *plan;                /* with stages; NULL: a flat rollout, of which the numbers below say all */
    int64_t plan_revision;            /* rises with each edit; 0: flat */
    int64_t stage;                    /* the current one, from 1; 0: flat */
    int64_t stage_ms;                 /* when it began */
    int64_t start_ms;                 /* not before; 0: at once */
    int64_t approvals;                /* given so far */
    char author[ID_SIZE];             /* who made its plan as it is; "": nobody who was named */
    char approvers[ROLLOUT_APPROVERS_MAX][ID_SIZE];   /* who gave them */
    int64_t retry_ms;                 /* when devices that failed until then were given another turn, while some of them still wait for it; 0: none do */
    int64_t back_ms;                  /* when the last whole round among those that go back ended; 0: none did */
    int64_t back_left, back_offline;  /* how many it found, and how many of them offline */
    /* of the plan, or all of it */
    int64_t share_pct;                /* 1 .. 100: devices whose place is below it take part; of a staged one: for notices only */
    int64_t max_in_flight;            /* live upgrades at a time */
    int64_t max_attempts;             /* per device */
    int64_t error_budget_pct;         /* pause when more of the settled devices failed, rolled back or were lost; 100: never */
    int64_t confirmations;            /* N healthy heartbeats on the target version */
    int64_t soak_ms;                  /* and this long on it */
    int64_t spread_s;                 /* simple devices ask within this time of the notice */
    struct rollout_counts counts;     /* of all */
    struct rollout_counts staged;     /* of the current stage */
    struct rollout_counts before;     /* what gates leave out: as counted when the current stage was resumed, or (of all) when the last one was passed */
    bool before_of_all;               /* the latter, though it may not be completed any more */
    int64_t opened_ms, settled_ms;    /* when a device of the current stage was last taken, last settled; 0: none was */
    int64_t resumed_ms;               /* when the current stage was last resumed; 0: it was not */
    unsigned full_count;              /* strata of the current stage that have as many devices as they may, as far as there is room to note them */
    uint64_t full[STRATA_FULL_MAX];   /* their hashes (stage_note_stratum) */
    int64_t waiting;                  /* devices in its queue: they want a place, or a dispatch of this minute */
    int64_t retried;                  /* upgrades with more than one attempt */
    int64_t paced_ms;                 /* when its dispatches so far end, spread evenly over the minutes (schedule.h), as last read; 0: long ago */
    struct release release;
    struct stones *stones;            /* releases of the plan's stepping stones; NULL: it has none, or they were not read */
};

/* A new staged rollout: everything but id, why and release, from the plan, which it holds. Its state: awaiting approval, scheduled, or running in stage 1. */
void rollout_begin(struct rollout *rollout, struct plan *plan, int64_t now_ms);
/* Position and numbers for this stage, from rollout->plan; also after an edit. */
void rollout_enter_stage(struct rollout *rollout, int64_t stage, int64_t now_ms);
/* What the move makes of it, for the store: *ret is a copy that borrows the plan. stage: the one to be in, for PROMOTE. */
void rollout_after(const struct rollout *rollout, enum rollout_event on, int64_t stage, int64_t now_ms, struct rollout *ret);
/* rollout_control.c. Four eyes: NULL, with what it becomes (borrowing the plan) and the event; otherwise why `who` cannot approve it. */
const char *rollout_approve(const struct rollout *rollout, const char *who, struct rollout *ret_next, enum rollout_event *ret_on);
/* It goes back, a whole round found nobody who is still on its version, and nobody is on the way. */
bool rollout_is_back(const struct rollout *rollout);
/* *dst = *src, holding its plan and stones; what dst held before is not looked at. */
void rollout_keep(struct rollout *dst, const struct rollout *src);
void rollout_drop(struct rollout *rollout);   /* lets both go and forgets them */

/* Upgrades under way: every state that is neither final nor lost. */
int64_t rollout_counts_in_flight(const struct rollout_counts *counts);
int64_t rollout_in_flight(const struct rollout *rollout);
/* Those that hold a place: the same but for those that are held until their window opens. Limits count these. */
int64_t rollout_places_taken(const struct rollout *rollout);
/* Devices that it harmed or that it does not reach: failed, rolled back, lost. */
int64_t rollout_counts_failed(const struct rollout_counts *counts);
/* Devices that are through with it: succeeded, failed as above, or rejected. */
int64_t rollout_counts_settled(const struct rollout_counts *counts);
/* What gates look at: the current stage's counts, or all since the last stage was passed, less `before`. */
void rollout_gate_counts(const struct rollout *rollout, struct rollout_counts *ret);

/* The device's place in the rollout, 0 .. 9999, uniform over devices, independent between rollouts. */
unsigned rollout_place(const char *rollout_id, const char *device_id);
/* upgrade_id of the pair: 16 hex digits. */
void rollout_upgrade_id(const char *rollout_id, const char *device_id, char *ret /* UPGRADE_ID_SIZE */);
