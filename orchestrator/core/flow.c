/* The flow's outer side: heartbeats come in by batches, reports one by one; rollouts are known here; counters come out. */
#include "orchestrator/core/flow.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/eligible.h"
#include "orchestrator/core/explain.h"
#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/predicates.h"
#include "orchestrator/core/why.h"

static void heartbeats_recorded(void *arg, enum drover_error error, const struct recorded_beat *beats, size_t count); /* 2 in Redis: decide what they mean */
static void report_ended(struct work *work, enum drover_error error, const char *why);                                /* 2 its consequence is in Redis     */

/* A batch of heartbeats in the store's hands. */
struct batch {
    struct batch *next;
    struct flow *flow;
    flow_done *done;
    void *arg;
};

static size_t table_size(size_t work_max)
{
    size_t size = 64;
    while (size < work_max && size < ((size_t)1 << 20))
        size *= 2;
    return size;
}

struct flow *flow_new(const struct flow_config *config)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        return NULL;
    flow->config = *config;
    text_copy(flow->instance, sizeof flow->instance, config->instance);
    text_copy(flow->public_url, sizeof flow->public_url, config->public_url);
    flow->table_mask = table_size(config->work_max) - 1;
    flow->table = calloc(flow->table_mask + 1, sizeof *flow->table);
    if (!flow->table) {
        free(flow);
        return NULL;
    }
    return flow;
}

static void free_queue(struct work *work)
{
    while (work) {
        struct work *behind = work->behind;
        free(work);
        work = behind;
    }
}

static void known_free(struct flow *flow)
{
    for (size_t i = 0; i < flow->known_count; i++)
        rollout_drop(&flow->known[i].rollout);
    free(flow->known);
}

void flow_free(struct flow *flow)
{
    if (!flow)
        return;
    for (size_t i = 0; i <= flow->table_mask; i++) {
        for (struct work *work = flow->table[i], *next; work; work = next) {
            next = work->chain;
            free_queue(work);
        }
    }
    batches_free(flow);
    sweeps_free(flow);
    free(flow->table);
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

/* --- rollouts --- */

/* All that Redis knows of, whichever instance told them; dispatches of our own are added until the next reading. */
static void pace_count(struct flow *flow)
{
    flow->pace.announced = flow->pace.downloading = 0;
    for (size_t i = 0; i < flow->known_count; i++) {
        const int64_t *counts = flow->known[i].rollout.counts.states;
        flow->pace.announced += counts[STATE_DISPATCHED] + counts[STATE_ACKNOWLEDGED];
        flow->pace.downloading += counts[STATE_DOWNLOADING];
    }
}

/* Out of memory the flow goes on with what it knew: the next call repairs it. */
void flow_set_rollouts(struct flow *flow, const struct rollout *rollouts, size_t count)
{
    struct known *fresh = calloc(count ? count : 1, sizeof *fresh);
    if (!fresh)
        return;
    for (size_t i = 0; i < count; i++)
        rollout_keep(&fresh[i].rollout, &rollouts[i]);
    known_free(flow);
    flow->known = fresh;
    flow->known_count = count;
    pace_count(flow);
}

void flow_set_depot(struct flow *flow, const struct depot_load *depot)
{
    flow->pace.depot = *depot;
}

const struct pace *flow_pace(const struct flow *flow)
{
    return &flow->pace;
}

struct known *flow_known(const struct flow *flow, const char *rollout_id)
{
    for (size_t i = 0; i < flow->known_count; i++)
        if (!strcmp(flow->known[i].rollout.id, rollout_id))
            return &flow->known[i];
    return NULL;
}

struct known *flow_known_of_model(const struct flow *flow, const char *model)
{
    for (size_t i = flow->known_count; i > 0; i--) {
        struct known *known = &flow->known[i - 1];
        if (rollout_state_is_open(known->rollout.state) && !strcmp(known->rollout.model, model))
            return known;
    }
    return NULL;
}

int64_t known_in_flight(const struct known *known)
{
    return rollout_places_taken(&known->rollout) + known->more;
}

const struct rollout *flow_rollout(const struct flow *flow, const char *rollout_id)
{
    const struct known *known = flow_known(flow, rollout_id);
    return known ? &known->rollout : NULL;
}

/* The plan's own was made in advance. */
const char *flow_permit(const struct flow *flow, const struct rollout *rollout, const struct upgrade *upgrade)
{
    if (rollout->plan && rollout->plan->rollback.permit[0])
        return rollout->plan->rollback.permit;
    return flow->config.permit ? flow->config.permit(flow->config.permit_arg, rollout, upgrade->from_version) : "";
}

bool flow_knows_zone(const struct flow *flow, const char *name)
{
    const struct time_zone *zone;
    return !strcmp(name, "UTC") || (flow->config.zones.find && flow->config.zones.find(flow->config.zones.zones, name, &zone));
}

/* The device's own, or else the plan's; one that is not known there either is UTC. */
static const struct time_zone *zone_of(const struct flow *flow, const struct rollout *rollout, const struct heartbeat *heartbeat, bool *ret_unknown)
{
    const struct zone_port *zones = &flow->config.zones;
    const struct time_zone *zone = NULL;
    *ret_unknown = false;
    if (!rollout || !rollout->plan || rollout->plan->windows.count == 0 || !zones->find)
        return NULL;
    if (heartbeat->tz[0] && zones->find(zones->zones, heartbeat->tz, &zone))
        return zone;
    *ret_unknown = heartbeat->tz[0];
    return zones->find(zones->zones, rollout->plan->windows.time_zone, &zone) ? zone : NULL;
}

void flow_situation(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, uint64_t random, struct situation *ret)
{
    const struct known *running = flow_known_of_model(flow, device->last.model);
    const struct rollout *rollout = flow_rollout(flow, upgrade->rollout);
    bool unknown;
    *ret = (struct situation){
        .now_ms = flow->config.now_ms(flow->config.now_arg),
        .random = random,
        .policy = &flow->config.policy,
        .rollout = rollout,
        .permit = rollout && rollout_state_goes_back(rollout->state) ? flow_permit(flow, rollout, upgrade) : "",
        .running = running ? &running->rollout : NULL,
        .in_flight = running ? known_in_flight(running) : 0,
        .pace = &flow->pace,
        .zone = zone_of(flow, running ? &running->rollout : rollout, &device->last, &unknown),
        .device = device,
        .upgrade = upgrade,
    };
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
    look.zone = zone_of(flow, &known->rollout, heartbeat, &unknown);
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

/* --- where a device stands --- */

void flow_explain(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, struct explanation *ret)
{
    struct situation s;
    flow_situation(flow, device, upgrade, 0, &s);
    explain(&s, ret);
}

/* The one that holds the model's place; else one that has not begun. */
const struct rollout *flow_why_about(const struct flow *flow, const char *model)
{
    const struct rollout *about = NULL;
    for (size_t i = 0; i < flow->known_count; i++) {
        const struct rollout *rollout = &flow->known[i].rollout;
        if (rollout_state_is_ended(rollout->state) || strcmp(rollout->model, model) != 0)
            continue;
        if (rollout_state_is_open(rollout->state))
            return rollout;
        if (!about)
            about = rollout;
    }
    return about;
}

void flow_why(const struct flow *flow, const struct device *device, const struct upgrade *upgrade, const struct look_known *known, struct why_device *ret)
{
    struct situation s;
    flow_situation(flow, device, upgrade, 0, &s);
    if (!s.running)
        s.running = flow_why_about(flow, device->last.model);
    s.known = known;
    why_device(&s, ret);
}

void flow_why_rollout(const struct flow *flow, const struct rollout *rollout, const struct fleet_health *health, const char *missing, struct why_rollout *ret)
{
    const struct why_look look = {.now_ms = flow->config.now_ms(flow->config.now_arg), .policy = &flow->config.policy, .rollout = rollout,
                                  .health = health, .pace = &flow->pace, .missing = missing};
    why_rollout(&look, ret);
}
