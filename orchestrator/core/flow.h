/* The flow tells the story in order: a device spoke -> load -> decide -> save -> only now speak.
 * It holds the devices being worked on (one piece of work at a time per device, the rest queued behind it), the running
 * rollouts, and counters. It has no clock, socket or log: the caller passes `now_ms`, stores and speaks through ports.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/core/pace.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/ports.h"
#include "orchestrator/core/served.h"
#include "proto/report.h"

struct flow;

struct flow_config {
    struct store_port store;
    struct speaker_port speaker;
    struct policy policy;
    const char *instance;          /* this droverd's name, copied */
    const char *public_url;        /* "http://host:8080", copied: base of package URLs */
    size_t work_max;               /* most pieces of work at a time; more are refused with DROVER_FULL */
    uint64_t seed;                 /* of jitter and tokens */
    /* The permit to go back from the rollout's version, or one of its stepping stones, to another: "": there is none here; NULL: it is being made. NULL itself:
     * there never is one. */
    const char *(*permit)(void *arg, const struct rollout *rollout, const char *from_version, const char *to_version);
    void *permit_arg;
    struct zone_port zones;        /* find NULL: all devices are in UTC */
    int64_t (*now_ms)(void *arg);  /* unix ms */
    void *now_arg;
};

struct flow *flow_new(const struct flow_config *config);   /* NULL: out of memory */
void flow_free(struct flow *flow);                         /* only when flow_work_count is 0, or the store is gone for good */
void flow_set_policy(struct flow *flow, const struct policy *policy);
const struct policy *flow_policy(const struct flow *flow);   /* as long as the flow; changes with flow_set_policy */

/* Since when all rollouts are stopped, unix ms: nobody is taken, told or sent back because of one. 0: they are not. */
void flow_set_stopped(struct flow *flow, int64_t stopped_ms);
bool flow_is_stopped(const struct flow *flow);

/* Replaces what the flow knows of rollouts: running and paused ones, newest last. The loop calls it when they change and every second. */
void flow_set_rollouts(struct flow *flow, const struct rollout *rollouts, size_t count);
/* What the depot can carry, as seen just now; never called: there is no limit. */
void flow_set_depot(struct flow *flow, const struct depot_load *depot);
/* Against what dispatches are decided at present. */
const struct pace *flow_pace(const struct flow *flow);
/* There is such a time zone; UTC always is. */
bool flow_knows_zone(const struct flow *flow, const char *name);
/* In which the windows of this rollout are for a device: its own, or else the plan's; NULL: UTC, or it has no windows. */
const struct time_zone *flow_zone(const struct flow *flow, const struct rollout *rollout, const struct heartbeat *heartbeat);
const struct rollout *flow_rollout(const struct flow *flow, const char *rollout_id);

/* The end of one piece of work. DROVER_OK: saved, or nothing was to be done; `why` says what happened, never NULL.
 * DROVER_STALE, _REFUSED, _UNKNOWN: counted, changes nothing. DROVER_UNAVAILABLE/_STORE: try again later. */
typedef void flow_done(void *arg, enum drover_error error, const char *why);

/* Any of the calls below may call `done` before it returns: when the flow has its fill (DROVER_FULL, DROVER_MEMORY: try again
 * later), and flow_ask for an anonymous question. */
/* Records a batch (no device twice; at most STORE_BATCH_MAX). The caller fills in each heartbeat and when it arrived, which may
 * be long ago after an outage; the flow sets `want`. The beats are the caller's again when the call returns. `done` comes when
 * the batch is in Redis; decisions that follow from it go on by themselves afterwards. */
void flow_heartbeats(struct flow *flow, struct beat *beats, size_t count, flow_done *done, void *arg);
/* `done` comes when the report's consequence is in Redis, or it was found stale or refused. */
void flow_report(struct flow *flow, const struct report *report, flow_done *done, void *arg);
/* Works off up to max upgrades whose deadline has passed; done says how many in `why`. Also works off upgrades of rollouts that were ended, go back, or whose
 * failed devices are given another turn. */
void flow_deadlines(struct flow *flow, size_t max, flow_done *done, void *arg);

/* GET /firmware/latest. version as semver_read gives it. device_id "" is an anonymous question: answered from the rollouts alone. */
struct flow_offer {
    bool offered;                  /* false: 304 */
    bool no_room;                  /* DROVER_FULL: there is something, but the depot has no room; ask again later */
    struct command command;        /* url, version, size, sha256, delta ... when offered */
    char why[WHY_SIZE];
};
typedef void flow_answered(void *arg, enum drover_error error, const struct flow_offer *offer);
void flow_ask(struct flow *flow, const char *device_id, const char *model, const char *version, flow_answered *done, void *arg);
/* The depot gave a device bytes of its package. `done` comes as for a report; NULL: nobody waits for it. */
void flow_served(struct flow *flow, const struct served *served, flow_done *done, void *arg);
/* Operator: takes the device back to its old version. */
void flow_rollback(struct flow *flow, const char *device_id, const char *who, flow_done *done, void *arg);

/* Operator: the device is excluded from this rollout, which the store knows already; what is under way is called back. */
void flow_withdraw(struct flow *flow, const char *device_id, const char *rollout_id, const char *who, flow_done *done, void *arg);

/* Where the device stands, in words, what will happen next and when; for `drover device show`. Pure. */
struct explanation {
    char now[160];       /* "verifying since 12 s: 1 of 2 healthy heartbeats on 1.1.0" */
    char next[160];      /* "succeeds after 1 more heartbeat and 20 s of soak" */
    int64_t next_ms;     /* by when at the latest something happens, unix ms; 0: nothing is planned */
};
void flow_explain(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, struct explanation *ret);
/* The same with every predicate: core/why.h. */
struct why_device;
struct look_known;
/* known: what was read of the rollout that flow_why_about names for the device's model; NULL: nothing. */
void flow_why(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, const struct look_known *known, struct why_device *ret);
const struct rollout *flow_why_about(const struct flow *flow, const char *model);   /* NULL: none */
struct why_rollout;
struct fleet_health;
void flow_why_rollout(const struct flow *flow, const struct rollout *rollout, const struct fleet_health *health, const char *missing, struct why_rollout *ret);

/* Counters, for /metrics: name is a C identifier, label "" or the label's value. Calls `each` for every counter. */
void flow_counters(const struct flow *flow, void (*each)(void *arg, const char *name, const char *label, uint64_t value), void *arg);
size_t flow_work_count(const struct flow *flow);
/* Devices that wait in line for a place in a rollout, as far as known. */
int64_t flow_waiting(const struct flow *flow);
