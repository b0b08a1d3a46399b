/* What droverd does by itself, on timers: reads the rollouts, says notices, works off deadlines, and, when it is the leader
 * of the instances, sweeps devices offline, runs the engine of staged rollouts, watches the error budgets, has releases verified again and deltas derived, and writes the
 * series.
 *
 * Nothing here is truth: the rollouts that are held are a copy of what Redis said last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/core/flow.h"
#include "orchestrator/edges/daemon_settings.h"
#include "orchestrator/edges/daemon_trust.h"
#include "orchestrator/edges/release_proofs.h"
#include "orchestrator/edges/store.h"

struct chores;
struct event_base;

/* What the series tells of this instance. Totals since its start; the chores make rates of them. */
struct chores_sample {
    uint64_t heartbeats, reports, moves;
    int64_t lag_p99_ms;          /* of the loop, since the last sample */
    int64_t redis_max_us;        /* slowest answer since the last sample */
    int64_t ring_pct;            /* the fuller of the rings */
    int64_t outbox;              /* messages waiting to be sent */
};

struct chores_config {
    struct event_base *base;
    struct flow *flow;           /* borrowed, as the store */
    struct store *store;
    const char *instance;        /* borrowed */
    const char *public_url;      /* borrowed */
    const struct policy *policy; /* borrowed; may change at any time */
    struct proofs *proofs;       /* borrowed, as all that follows */
    struct worker_pool *workers;
    const struct daemon_trust *trust;         /* may change at any time */
    const struct daemon_settings *settings;   /* may change at any time */
    const char *work_folder;     /* where workers make what goes into the depot */
    /* All called on the loop, with arg. */
    void (*rollouts_read)(void *arg, const struct rollout *rollouts, size_t count);
    bool (*say_notice)(void *arg, const char *model, const struct notice *notice /* NULL: clear it */);  /* false: no room now */
    void (*sample)(void *arg, struct chores_sample *ret);
    void *arg;
};

struct chores *chores_new(const struct chores_config *config);   /* NULL: out of memory */
void chores_start(struct chores *chores);
/* No further runs. chores_are_idle turns true when those under way have ended, which the store's deadlines bound. */
void chores_stop(struct chores *chores);
bool chores_are_idle(const struct chores *chores);
/* Gives the leadership back; needs the store. */
void chores_resign(struct chores *chores);
void chores_free(struct chores *chores);                         /* when idle, or when the store is gone for good */

/* A rollout was opened or changed: read them now. */
void chores_rollouts_changed(struct chores *chores);
/* A release was added, or the trust store is another one: there may be something to verify or to derive. */
void chores_releases_changed(struct chores *chores);
/* The operator has changed settings or the trust store: the same, and deltas that could not be derived may be now. */
void chores_settings_changed(struct chores *chores);
/* Both links are up (again), or one was lost. While droverd is deaf nobody is called offline or lost for his silence. */
void chores_links_changed(struct chores *chores, bool redis_ready, bool mqtt_ready);

struct chores_counters {
    bool leader;
    size_t rollouts_running, rollouts_known;
    int64_t in_flight;                      /* of the rollouts known */
    uint64_t deadlines;                     /* upgrades taken because of their deadline */
    uint64_t swept;                         /* devices called offline */
    uint64_t notices_said, notices_cleared;
    uint64_t budget_pauses;
    uint64_t engine_moves[ROLLOUT_EVENT_COUNT];   /* of staged rollouts, by what the engine decided */
    uint64_t release_pauses;                /* of rollouts whose release does not verify any more */
    uint64_t releases_judged, releases_refused;
    uint64_t deltas[RELEASE_DELTA_STATE_COUNT];   /* settled, by what became of them */
    uint64_t failures;                      /* runs that ended with an error */
};
struct chores_counters chores_counters(const struct chores *chores);
