/* What chores.c and chores_fleet.c share; nobody else includes it. */
#pragma once

#include "orchestrator/edges/chore.h"
#include "orchestrator/edges/chores.h"
#include "orchestrator/edges/chores_budget.h"
#include "orchestrator/edges/chores_notice.h"
#include "orchestrator/edges/chores_said.h"

enum chore_id { CHORE_ROLLOUTS, CHORE_NOTICES, CHORE_DEADLINES, CHORE_LEADER, CHORE_SWEEP, CHORE_SERIES, CHORE_PROOFS, CHORE_DELTAS,
                CHORE_COUNT };

struct chores {
    struct chores_config config;
    struct chore chores[CHORE_COUNT];
    struct chores_counters counters;
    struct notice_book notices;
    bool notices_stale;              /* the broker may hold others: say all again, from all rollouts */
    struct budget_book budgets;
    unsigned pauses_open;            /* pauses sent and not answered */
    unsigned backs_open;             /* ends of rollouts that went back, likewise */
    struct said_book said;
    unsigned looks_open;             /* of the engine, not ended */
    struct derivation *derivations;  /* deltas on their way (chores_deltas.c) */
    size_t derivation_count;
    bool retry_deltas;               /* somebody has changed something: try again what could not be derived */
    char retried_under[SHA256_HEX_SIZE];   /* under which conditions that was done last; "": not by this process */
    bool redis_ready, mqtt_ready;
    int64_t hearing_since_mono_ms;   /* when both links came up; 0: one is away */
    int64_t deaf_since_mono_ms;      /* when one went away; 0: not since the start */
    int64_t deadlines_from_mono_ms;  /* not before: devices get the time of a heartbeat to be heard again */
    int64_t led_asked_mono_ms;       /* when the lease was last asked for */
    int64_t leader_until_mono_ms;
    int64_t sampled_mono_ms;         /* when `before` was taken; 0: never */
    struct chores_sample before;
};

/* chores_fleet.c: the leader's chores. */
void chores_lead(void *chores);
void chores_sweep(void *chores);
void chores_write_series(void *chores);
bool chores_is_leader(const struct chores *chores);
/* Pauses what went over its budget; called with each reading of the rollouts. */
void chores_watch_budgets(struct chores *chores, const struct rollout *rollouts, size_t count);
/* Pauses a running rollout as it was read; counted in pauses_open until `done`. */
void chores_pause(struct chores *chores, const struct rollout *rollout, const char *why, store_rollout_changed *done);
/* A rollout was paused by Drover itself: into the log, and as an alarm into the event stream. on: "budget_spent", "release_refused". */
void chores_say_paused(struct chores *chores, const struct rollout *rollout, const char *on);
/* The alarm alone; from: the state before. */
void chores_write_alarm(struct chores *chores, enum rollout_state from, const struct rollout *rollout, const char *on);

/* chores_engine.c: looks at the staged ones; called with each reading of the rollouts. */
void chores_run_engine(struct chores *chores, const struct rollout *rollouts, size_t count);

/* chores_back.c: ends those that have gone back; called with each reading of the rollouts. */
void chores_watch_backs(struct chores *chores, const struct rollout *rollouts, size_t count);

/* chores_releases.c, chores_deltas.c: the leader's chores about releases. */
void chores_prove_releases(void *chores);
void chores_derive_deltas(void *chores);
/* Called when every release is verified: a delta needs two of them. */
void chores_retry_deltas(struct chores *chores);
/* Pauses rollouts of releases that do not verify; called with each reading of the rollouts. */
void chores_watch_releases(struct chores *chores, const struct rollout *rollouts, size_t count);
void chores_derivations_free(struct chores *chores);
