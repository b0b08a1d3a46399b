/* "Why?" of a device and of a rollout: what core/why.h finds, written down. It knows no single rule, so a new one needs nothing here. */
#include <string.h>

#include "orchestrator/core/flow.h"
#include "orchestrator/core/why.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/store_control.h"
#include "orchestrator/edges/store_gates.h"

static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade);
static void standing_read(void *arg, enum drover_error error, const struct look_known *known);
static void rollout_loaded(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void health_read(void *arg, enum drover_error error, const struct fleet_health *health);

static void finding_put(struct json_writer *writer, const struct why_predicate *finding, bool holder)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "name", finding->name);
    json_put_text(writer, "answer", why_answer_name(finding->answer));
    json_put_bool(writer, "holder", holder);
    json_put_bool(writer, "for_now", finding->limit);
    json_put_text(writer, "refusal", finding->refusal);
    json_put_text(writer, "value", finding->finding.value[0] != '\0' ? finding->finding.value : NULL);
    if (finding->finding.next_ms != 0)
        json_put_i64(writer, "next_ms", finding->finding.next_ms);
    json_close_object(writer);
}

static void findings_put(struct json_writer *writer, const struct why_predicate *findings, unsigned count, int held_by)
{
    json_open_array(writer, "predicates");
    for (unsigned i = 0; i < count; i++)
        finding_put(writer, &findings[i], (int)i == held_by);
    json_close_array(writer);
    json_put_text(writer, "held_by", held_by >= 0 ? findings[held_by].name : NULL);
    json_put_text(writer, "refusal", held_by >= 0 ? findings[held_by].refusal : NULL);
}

/* The flow is gone when droverd ends. */
static bool is_over(struct api_ask *ask)
{
    if (!ask->api->closed)
        return false;
    api_ask_error(ask, DROVER_UNAVAILABLE, "droverd ends");
    return true;
}

/* --- devices --- */

/* The device while the store is asked for more. */
struct why_ask {
    struct device device;
    struct upgrade upgrade;
};

void api_device_why(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct why_ask));
    if (ask != NULL)
        store_device(api->config.store, call->params[0], device_loaded, ask);
}

static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade)
{
    struct api_ask *ask = arg;
    struct why_ask *why = ask->extra;
    char site[ID_SIZE] = "";
    if (error != DROVER_OK || device == NULL) {
        api_ask_error(ask, error != DROVER_OK ? error : DROVER_NOT_FOUND, "device");
        return;
    }
    if (is_over(ask))
        return;
    why->device = *device;
    why->upgrade = *upgrade;
    const struct rollout *about = flow_why_about(ask->api->config.flow, device->last.model);
    if (about != NULL && about->plan != NULL && about->plan->limits.per_site > 0)
        plan_tag_with_prefix(device->last.tags, about->plan->limits.site_tag, site);
    if (about != NULL)
        store_standing(ask->api->config.store, device->last.device_id, about->id, site, standing_read, ask);
    else
        standing_read(ask, DROVER_OK, NULL);
}

/* Without it the other rows are still true. */
static void standing_read(void *arg, enum drover_error error, const struct look_known *known)
{
    struct api_ask *ask = arg;
    const struct why_ask *asked = ask->extra;
    struct json_writer writer;
    struct why_device why;
    if (is_over(ask))
        return;
    flow_why(ask->api->config.flow, &asked->device, &asked->upgrade, error == DROVER_OK ? known : NULL, &why);
    json_begin(&writer, &ask->call->answer);
    json_put_text(&writer, "device_id", asked->device.last.device_id);
    json_put_text(&writer, "model", asked->device.last.model);
    json_put_text(&writer, "version", asked->device.last.version);
    json_put_bool(&writer, "online", asked->device.online);
    json_put_i64(&writer, "seen_ms", asked->device.seen_ms);
    json_put_text(&writer, "now", why.explain.now);
    json_put_text(&writer, "next", why.explain.next);
    json_put_i64(&writer, "next_ms", why.next_ms);
    findings_put(&writer, why.predicates, why.count, why.held_by);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* --- rollouts --- */

void api_rollout_why(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout));
    if (ask != NULL)
        store_rollout(api->config.store, call->params[0], rollout_loaded, ask);
}

static void gate_put(struct json_writer *writer, const struct plan_gate *gate, const struct gate_reading *reading)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "measure", gate_measure_name(gate->measure));
    json_put_text(writer, "error", gate->error != E_NONE ? error_code_name(gate->error) : NULL);
    json_put_text(writer, "then", gate_outcome_name(gate->then));
    json_put_text(writer, "state", gate_state_name(reading->state));
    json_put_bool(writer, "doubt", reading->doubt);
    json_put_i64(writer, "sample", reading->sample);
    json_put_text(writer, "text", reading->text);
    json_close_object(writer);
}

static void stage_put(struct json_writer *writer, const struct rollout *rollout, bool passed)
{
    json_open_object(writer, "stage");
    json_put_i64(writer, "stage", rollout->stage);
    json_put_text(writer, "name", rollout->plan->stages[rollout->stage - 1].name);
    json_put_i64(writer, "since_ms", rollout->stage_ms);
    json_put_bool(writer, "passed", passed);
    json_put_i64(writer, "opened", rollout->staged.opened);
    json_put_i64(writer, "in_flight", rollout_counts_in_flight(&rollout->staged));
    json_put_i64(writer, "settled", rollout_counts_settled(&rollout->staged));
    json_put_i64(writer, "failed", rollout_counts_failed(&rollout->staged));
    json_close_object(writer);
}

static void limits_put(struct json_writer *writer, const struct api *api, const struct rollout *rollout, const struct why_rollout *why)
{
    const struct pace *pace = flow_pace(api->config.flow);
    json_put_i64(writer, "in_flight", rollout_in_flight(rollout));
    json_put_i64(writer, "max_in_flight", rollout->max_in_flight);
    json_put_i64(writer, "per_minute", why->per_minute);
    json_put_i64(writer, "waiting", rollout->waiting);
    json_open_object(writer, "depot");
    json_put_i64(writer, "places", pace->depot.places);
    json_put_i64(writer, "taken", pace_taken(pace));
    json_put_i64(writer, "ahead_ms", pace->depot.ahead_ms);
    json_close_object(writer);
}

static void rollout_put(struct api_ask *ask, const struct rollout *rollout, const struct why_rollout *why)
{
    struct json_writer writer;
    json_begin(&writer, &ask->call->answer);
    json_put_text(&writer, "id", rollout->id);
    json_put_text(&writer, "model", rollout->model);
    json_put_text(&writer, "version", rollout->version);
    json_put_text(&writer, "state", rollout_state_name(rollout->state));
    json_put_i64(&writer, "revision", rollout->revision);
    json_put_text(&writer, "now", why->move.why);
    json_put_text(&writer, "moves", why->move.moves ? rollout_event_name(why->move.on) : NULL);
    json_put_i64(&writer, "next_ms", why->next_ms);
    findings_put(&writer, why->findings, why->count, why->held_by);
    json_open_array(&writer, "gates");
    for (unsigned i = 0; i < why->move.gate_count; i++)
        gate_put(&writer, &rollout->plan->stages[rollout->stage - 1].gates[i], &why->move.gates[i]);
    json_close_array(&writer);
    if (rollout->plan != NULL && rollout->stage > 0)
        stage_put(&writer, rollout, why->move.passed);
    limits_put(&writer, ask->api, rollout, why);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* The comparison with the control group is the leader's, as it read it last. */
static void rollout_loaded(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    if (error != DROVER_OK || count != 1) {
        api_rollout_error(ask, error != DROVER_OK ? error : DROVER_NOT_FOUND, "rollout");
        return;
    }
    rollout_keep(ask->extra, rollouts);
    store_rollout_health_last(ask->api->config.store, rollouts->id, health_read, ask);
}

static void health_read(void *arg, enum drover_error error, const struct fleet_health *health)
{
    static const struct fleet_health unread;
    struct api_ask *ask = arg;
    struct rollout rollout = *(struct rollout *)ask->extra;   /* its hold on the plan is ours */
    struct why_rollout why;
    struct buffer missing;
    if (!is_over(ask)) {
        buffer_init(&missing, 256);
        bool ready = ask->api->config.ready(ask->api->config.arg, &missing);
        flow_why_rollout(ask->api->config.flow, &rollout, error == DROVER_OK ? health : &unread, ready || missing.bytes == NULL ? "" : missing.bytes, &why);
        buffer_done(&missing);
        rollout_put(ask, &rollout, &why);
    }
    rollout_drop(&rollout);
}
