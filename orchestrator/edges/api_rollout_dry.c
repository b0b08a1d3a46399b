/* Starting a rollout without starting it: pages through the model's devices and asks the forecast about each. One page is under way at a time, so that
 * neither the loop nor Redis is held up. Of a fleet too large for one answer only the first devices of the scan are looked at: Redis scans in
 * the order of its own hash of the device's id, so they are a random sample, and counts are scaled and given with their error. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/core/forecast.h"
#include "orchestrator/edges/api_inside.h"

#define LOOK_MAX 200000          /* devices of the model */
#define PAGE_ROWS 1000
#define UPGRADE_S_DEFAULT 300

static void release_read(void *arg, enum drover_error error, const struct release *releases, size_t count);
static void stones_read(void *arg, enum drover_error error, const struct release *releases, size_t count);
static void rollouts_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count);
static void page_read(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next);

struct dry_run {
    struct api_ask *ask;
    struct rollout rollout;       /* holds its plan */
    struct forecast *forecast;
    int64_t fleet;                /* devices of the model */
    int64_t enough_ms;            /* monotonic: half of the time for an answer is over */
    int64_t upgrade_s;
    int64_t now_ms;               /* unix, of all its looks */
    char other[ID_SIZE];          /* the rollout that holds the model's place, "" */
};

static void dry_free(struct dry_run *dry)
{
    forecast_free(dry->forecast);
    rollout_drop(&dry->rollout);
    free(dry);
}

static void dry_fail(struct dry_run *dry, enum drover_error error, const char *what)
{
    api_rollout_error(dry->ask, error, what);
    dry_free(dry);
}

bool api_dry_run_read(struct http_call *call, bool *ret_dry, int64_t *ret_upgrade_s)
{
    const char *text = http_call_query(call, "dry_run");
    *ret_dry = text != NULL && strcmp(text, "true") == 0;
    if (text != NULL && !*ret_dry && strcmp(text, "false") != 0) {
        http_call_problem(call, 400, "dry_run", "true or false");
        return false;
    }
    return http_call_query_i64(call, "upgrade_s", 1, 604800, UPGRADE_S_DEFAULT, ret_upgrade_s);
}

void api_rollout_dry(struct api_ask *ask, const struct rollout *rollout, int64_t upgrade_s)
{
    struct dry_run *dry = calloc(1, sizeof *dry);
    if (dry == NULL) {
        api_rollout_error(ask, DROVER_MEMORY, "dry run");
        return;
    }
    dry->ask = ask;
    dry->upgrade_s = upgrade_s;
    dry->now_ms = clock_unix_ms();
    dry->enough_ms = clock_mono_ms() + (ask->call->deadline_ms - clock_mono_ms()) / 2;
    rollout_keep(&dry->rollout, rollout);
    store_release(ask->api->config.store, rollout->model, rollout->version, release_read, dry);
}

static void release_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct dry_run *dry = arg;
    if (error != DROVER_OK || count != 1) {
        dry_fail(dry, error == DROVER_OK ? DROVER_NOT_FOUND : error, "release");
        return;
    }
    dry->rollout.release = *releases;
    if (stones_count(&dry->rollout) > 0)
        store_releases(dry->ask->api->config.store, dry->rollout.model, stones_read, dry);
    else
        store_rollouts(dry->ask->api->config.store, ROLLOUTS_ACTIVE, rollouts_read, dry);
}

/* Out of all releases of the model: they are few, and this is asked seldom. */
static void stones_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct dry_run *dry = arg;
    dry->rollout.stones = stones_new(stones_count(&dry->rollout));
    if (error != DROVER_OK || dry->rollout.stones == NULL) {
        dry_fail(dry, error == DROVER_OK ? DROVER_MEMORY : error, "stepping stones");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned number = stones_number(&dry->rollout, releases[i].version);
        if (number > 0)
            dry->rollout.stones->releases[number - 1] = releases[i];
    }
    store_rollouts(dry->ask->api->config.store, ROLLOUTS_ACTIVE, rollouts_read, dry);
}

static void rollouts_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct dry_run *dry = arg;
    if (error != DROVER_OK) {
        dry_fail(dry, error, "rollouts");
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(rollouts[i].model, dry->rollout.model) == 0)
            (void)text_copy(dry->other, sizeof dry->other, rollouts[i].id);
    store_fleet(dry->ask->api->config.store, fleet_read, dry);
}

static void page_ask(struct dry_run *dry, const char *cursor)
{
    const struct device_filter filter = {.model = dry->rollout.model, .online = -1};
    store_devices(dry->ask->api->config.store, &filter, cursor, PAGE_ROWS, page_read, dry);
}

static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    struct dry_run *dry = arg;
    const struct api *api = dry->ask->api;
    (void)devices;
    (void)online;
    for (size_t i = 0; i < count; i++)
        if (strcmp(models[i].model, dry->rollout.model) == 0)
            dry->fleet = models[i].devices;
    if (error == DROVER_OK && !api->closed)
        dry->forecast = forecast_new(flow_policy(api->config.flow), &dry->rollout, dry->now_ms);
    if (dry->forecast != NULL)
        page_ask(dry, "");
    else
        dry_fail(dry, error != DROVER_OK ? error : api->closed ? DROVER_UNAVAILABLE : DROVER_MEMORY, "dry run");
}

/* --- the answer --- */

/* What was found among those looked at, for the whole fleet. */
static int64_t scaled(const struct dry_run *dry, int64_t found)
{
    int64_t looked = forecast_result(dry->forecast)->looked;
    return looked > 0 && looked < dry->fleet ? (int64_t)((double)found * (double)dry->fleet / (double)looked + 0.5) : found;
}

static void table_put(struct json_writer *writer, const struct dry_run *dry, const char *name, const struct forecast_table *table)
{
    json_open_object(writer, name);
    for (unsigned i = 0; i < table->count; i++)
        json_put_i64(writer, table->rows[i].word, scaled(dry, table->rows[i].devices));
    if (table->others > 0)
        json_put_i64(writer, "others", scaled(dry, table->others));
    json_close_object(writer);
}

/* Of a stage: no more than it counts, which any large sample has. */
static int64_t stage_scaled(const struct dry_run *dry, unsigned i, int64_t found)
{
    const struct plan_stage *stage = dry->rollout.plan != NULL ? &dry->rollout.plan->stages[i] : NULL;
    int64_t fleet = scaled(dry, found), devices = forecast_result(dry->forecast)->stages[i].devices;
    if (stage == NULL || stage->kind != STAGE_COUNT)
        return fleet;
    if (stage->per[0] != '\0' || devices >= stage->count)
        return found;
    return fleet < stage->count ? fleet : stage->count;
}

/* What the stages come to, one after the other. */
struct told {
    int64_t ends_ms;
    bool longer;          /* it could not be looked so far ahead */
    bool people;          /* some stage waits for them */
    bool stands;          /* the last one does not end by itself */
};

static void stage_put(struct json_writer *writer, const struct dry_run *dry, unsigned i, struct told *told)
{
    const struct forecast_result *result = forecast_result(dry->forecast);
    const struct plan *plan = dry->rollout.plan;
    int64_t devices = stage_scaled(dry, i, result->stages[i].devices), online = stage_scaled(dry, i, result->stages[i].online), begins_ms = told->ends_ms;
    const char *stands = forecast_stands(dry->forecast, i, devices);
    bool last = i + 1 == result->stage_count, manual = !last && (stands != NULL || plan->stages[i].manual), longer;
    told->ends_ms = forecast_stage_ends_ms(dry->forecast, i, online, begins_ms, dry->upgrade_s, &longer);
    told->longer = told->longer || longer;
    told->people = told->people || manual;
    told->stands = stands != NULL;
    json_open_object(writer, NULL);
    json_put_i64(writer, "stage", (int64_t)i + 1);
    json_put_text(writer, "name", plan != NULL ? plan->stages[i].name : "everybody");
    json_put_i64(writer, "devices", devices);
    json_put_i64(writer, "online", online);
    json_put_bool(writer, "manual", manual);
    json_put_i64(writer, "begins_ms", begins_ms);
    if (stands == NULL)
        json_put_i64(writer, "duration_s", (told->ends_ms - begins_ms) / 1000);
    json_put_text(writer, "note", stands);
    json_close_object(writer);
}

static void assumed_put(struct json_writer *writer, const struct dry_run *dry, const struct told *told)
{
    const struct plan *plan = dry->rollout.plan;
    json_open_array(writer, "assumed");
    json_put_text(writer, NULL, "every upgrade succeeds, and takes upgrade_s");
    json_put_text(writer, NULL, "devices that are offline now are not waited for");
    if (plan != NULL && plan->windows.count > 0)
        json_put_text(writer, NULL, "devices of one time zone come in four groups after their window has opened");
    if (told->longer)
        json_put_text(writer, NULL, "it lasts longer than could be looked ahead");
    if (told->people || (plan != NULL && plan->approvals > 0))
        json_put_text(writer, NULL, "people approve and promote at once");
    if (plan != NULL && plan->step_count > 0)
        json_put_text(writer, NULL, "a stepping stone on the way takes no longer");
    if (plan != NULL && plan->limits.per_site > 0)
        json_put_text(writer, NULL, "no site holds others back");
    json_close_array(writer);
}

static void answer_put(struct json_writer *writer, const struct dry_run *dry)
{
    const struct forecast_result *result = forecast_result(dry->forecast);
    const char *against = release_refusal(flow_policy(dry->ask->api->config.flow), &dry->rollout.release, clock_unix_ms());
    int64_t begins_ms = dry->rollout.start_ms > dry->now_ms ? dry->rollout.start_ms : dry->now_ms;
    struct told told = {.ends_ms = begins_ms};
    json_put_bool(writer, "dry_run", true);
    json_put_text(writer, "model", dry->rollout.model);
    json_put_text(writer, "version", dry->rollout.version);
    json_put_text(writer, "other_rollout", dry->other[0] != '\0' ? dry->other : NULL);
    json_put_text(writer, "release_refused", against);
    json_put_i64(writer, "devices", dry->fleet);
    json_put_i64(writer, "looked", result->looked);
    json_put_bool(writer, "sample", result->looked < dry->fleet);
    json_put_scaled(writer, "error_pct", forecast_error_ppm(result->looked, dry->fleet), 4);
    json_put_i64(writer, "taken", scaled(dry, result->taken));
    json_open_array(writer, "stages");
    for (unsigned i = 0; i < result->stage_count; i++)
        stage_put(writer, dry, i, &told);
    json_close_array(writer);
    table_put(writer, dry, "versions", &result->versions);
    table_put(writer, dry, "networks", &result->networks);
    table_put(writer, dry, "held_now", &result->held);
    table_put(writer, dry, "not_taken", &result->reasons);
    json_put_i64(writer, "begins_ms", begins_ms);
    json_put_i64(writer, "ends_ms", told.ends_ms);
    json_put_bool(writer, "longer", told.longer || told.stands);
    json_put_i64(writer, "duration_s", (told.ends_ms - dry->now_ms) / 1000);
    json_put_i64(writer, "upgrade_s", dry->upgrade_s);
    assumed_put(writer, dry, &told);
}

static void page_read(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next)
{
    struct dry_run *dry = arg;
    struct api_ask *ask = dry->ask;
    struct json_writer writer;
    if (error == DROVER_OK && ask->api->closed)
        error = DROVER_UNAVAILABLE;
    if (error != DROVER_OK) {
        dry_fail(dry, error, "devices");
        return;
    }
    for (size_t i = 0; i < count; i++)
        forecast_device(dry->forecast, &rows[i].device, flow_zone(ask->api->config.flow, &dry->rollout, &rows[i].device.last));
    bool enough = forecast_result(dry->forecast)->looked >= LOOK_MAX || clock_mono_ms() >= dry->enough_ms;
    if (next[0] != '\0' && !enough) {
        page_ask(dry, next);
        return;
    }
    if (next[0] == '\0')
        dry->fleet = forecast_result(dry->forecast)->looked;   /* all of them, counted by another way a moment ago */
    json_begin(&writer, &ask->call->answer);
    answer_put(&writer, dry);
    json_end(&writer);
    dry_free(dry);
    api_ask_send(ask, 200);
}
