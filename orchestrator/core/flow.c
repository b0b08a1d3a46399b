/* The flow's outer side: it begins and ends here, heartbeats come in by batches, reports one by one. */
#include "orchestrator/core/flow.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/predicates.h"

static void heartbeats_recorded(void *arg, enum drover_error error, const struct recorded_beat *beats, size_t count); /* 2 in Redis: decide what they mean */
static void report_ended(struct work *work, enum drover_error error, const char *why);                                /* 2 its consequence is in Redis     */

/* A batch of heartbeats in the store's hands. */
struct batch {
    struct batch *next;
    struct flow *flow;
    flow_done *done;
    void *arg;
};

struct flow *flow_new(const struct flow_config *config)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        return NULL;
    flow->config = *config;
    text_copy(flow->instance, sizeof flow->instance, config->instance);
    text_copy(flow->public_url, sizeof flow->public_url, config->public_url);
    if (!table_begin(flow)) {
        free(flow);
        return NULL;
    }
    return flow;
}

void flow_free(struct flow *flow)
{
    if (!flow)
        return;
    table_free(flow);
    batches_free(flow);
    sweeps_free(flow);
    known_free(flow);
    free(flow);
}

void flow_set_policy(struct flow *flow, const struct policy *policy)
{
    int64_t stopped_ms = flow->config.policy.stopped_ms;
    flow->config.policy = *policy;
    flow->config.policy.stopped_ms = stopped_ms;
}

const struct policy *flow_policy(const struct flow *flow)
{
    return &flow->config.policy;
}

void flow_set_stopped(struct flow *flow, int64_t stopped_ms)
{
    flow->config.policy.stopped_ms = stopped_ms;
}

bool flow_is_stopped(const struct flow *flow)
{
    return flow->config.policy.stopped_ms > 0;
}

uint64_t flow_random(struct flow *flow)
{
    return hash_mix(flow->config.seed + ++flow->random_count * 0x9e3779b97f4a7c15u);
}

/* --- 1 devices spoke --- */

/* A table with one place a hash: who loses its place to another is only looked at later, at its next change. */
void flow_set_unsettled(struct flow *flow, const char *device_id, bool unsettled)
{
    uint64_t hash = hash_text(device_id, 0);
    uint64_t *place = &flow->unsettled[hash % UNSETTLED_MAX];
    if (unsettled)
        *place = hash;
    else if (*place == hash)
        *place = 0;
}

/* The first thing against taking the device into the rollout, as far as its heartbeat says; NULL: nothing. */
static const struct predicate *refusal_by_heartbeat(struct flow *flow, const struct known *known, const struct heartbeat *heartbeat)
{
    bool unknown;
    const char *refusal;
    struct look look = {.now_ms = flow->config.now_ms(flow->config.now_arg), .policy = &flow->config.policy, .rollout = &known->rollout,
                        .in_flight = known_in_flight(known), .pace = &flow->pace, .heartbeat = heartbeat};
    look.zone = flow_zone_of(flow, &known->rollout, heartbeat, &unknown);
    flow->counts.zones_unknown += unknown;
    return predicates_refuse(&look, true, &refusal);
}

/* One that only a limit holds back stands in line. */
static bool has_turn(struct flow *flow, struct known *known, const struct heartbeat *heartbeat)
{
    const struct predicate *against = refusal_by_heartbeat(flow, known, heartbeat);
    if (!against)
        return true;
    flow->counts.held_back += !strcmp(against->name, PREDICATE_DEPOT);
    if (against->limit)
        queue_join(flow, known, heartbeat, false);
    return false;
}

static bool is_wanted(struct flow *flow, const struct heartbeat *heartbeat)
{
    uint64_t hash = hash_text(heartbeat->device_id, 0);
    if (flow->unsettled[hash % UNSETTLED_MAX] == hash)
        return true;
    struct known *known = flow_known_of_model(flow, heartbeat->model);
    if (known && eligible_back_by_heartbeat(&flow->config.policy, &known->rollout, known_in_flight(known), heartbeat))
        return true;
    return known && heartbeat->kind != KIND_SIMPLE && has_turn(flow, known, heartbeat);
}

void flow_heartbeats(struct flow *flow, struct beat *beats, size_t count, flow_done *done, void *arg)
{
    struct batch *batch = count <= STORE_BATCH_MAX ? malloc(sizeof *batch) : NULL;
    if (!batch) {
        done(arg, count <= STORE_BATCH_MAX ? DROVER_MEMORY : DROVER_TOO_LONG, "too much for one batch");
        return;
    }
    *batch = (struct batch){.next = flow->batches, .flow = flow, .done = done, .arg = arg};
    flow->batches = batch;
    flow->call_count++;
    for (size_t i = 0; i < count; i++)
        beats[i].want = is_wanted(flow, &beats[i].heartbeat);
    flow->config.store.record(flow->config.store.store, beats, count, heartbeats_recorded, batch);
}

/* A device that waits in a queue already is looked at anyway; one dropped here is repaired by its next heartbeat. */
static void look_at(struct flow *flow, const struct device *device, const struct upgrade *upgrade)
{
    if (work_heartbeat_waits(flow, device->last.device_id)) {
        flow->counts.coalesced++;
        return;
    }
    struct work *work = work_new(flow, WORK_HEARTBEAT, device->last.device_id);
    if (!work) {
        flow->counts.dropped++;
        flow_set_unsettled(flow, device->last.device_id, true);
        return;
    }
    work_give(work, device, upgrade);
    work_start(work);
}

static void batch_free(struct batch *batch)
{
    struct batch **at = &batch->flow->batches;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    batch->flow->call_count--;
    free(batch);
}

static void heartbeats_recorded(void *arg, enum drover_error error, const struct recorded_beat *beats, size_t count)
{
    struct batch *batch = arg;
    struct flow *flow = batch->flow;
    flow_done *done = batch->done;
    void *done_arg = batch->arg;
    batch_free(batch);
    for (size_t i = 0; error == DROVER_OK && i < count; i++) {
        flow->counts.heartbeats[beats[i].outcome]++;
        if (beats[i].outcome == RECORDED_LOADED)
            look_at(flow, beats[i].device, beats[i].upgrade);
    }
    done(done_arg, error, error == DROVER_OK ? "recorded" : drover_error_text(error));
}

void batches_free(struct flow *flow)
{
    while (flow->batches)
        batch_free(flow->batches);
}

/* --- 1 a device reported --- */

void flow_report(struct flow *flow, const struct report *report, flow_done *done, void *arg)
{
    struct work *work = work_new(flow, WORK_REPORT, report->device_id);
    if (!work) {
        flow->counts.full++;
        done(arg, DROVER_FULL, "as much work as allowed is under way");
        return;
    }
    work->input.report = *report;
    work->ended = report_ended;
    work->done = done;
    work->arg = arg;
    work_start(work);
}

static void report_ended(struct work *work, enum drover_error error, const char *why)
{
    work->done(work->arg, error, why);
}
