/* GET /api/v1/status: the fleet in counts, and what main knows of the links. */
#include "common/clock.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/store_control.h"

static void stop_read(void *arg, enum drover_error error, const struct stop *stop);
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count);

void api_status(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct stop));
    if (ask != NULL)
        store_stop(api->config.store, stop_read, ask);
}

static void stop_read(void *arg, enum drover_error error, const struct stop *stop)
{
    struct api_ask *ask = arg;
    if (error == DROVER_OK)
        *(struct stop *)ask->extra = *stop;
    if (ask->api->closed)
        api_ask_error(ask, DROVER_UNAVAILABLE, "status");
    else
        store_fleet(ask->api->config.store, fleet_read, ask);
}

static void model_put(struct json_writer *writer, const struct model_summary *model)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "model", model->model);
    json_put_i64(writer, "devices", model->devices);
    json_put_i64(writer, "online", model->online);
    json_open_object(writer, "versions");
    for (unsigned i = 0; i < model->version_count; i++)
        json_put_i64(writer, model->versions[i].version, model->versions[i].devices);
    json_close_object(writer);
    json_open_object(writer, "states");
    for (int i = STATE_NONE + 1; i < UPGRADE_STATE_COUNT; i++)
        if (model->states[i] > 0)
            json_put_i64(writer, upgrade_state_name((enum upgrade_state)i), model->states[i]);
    json_close_object(writer);
    json_close_object(writer);
}

static void fleet_put(struct json_writer *writer, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    json_open_object(writer, "fleet");
    json_put_i64(writer, "devices", devices);
    json_put_i64(writer, "online", online);
    json_close_object(writer);
    json_open_array(writer, "models");
    for (size_t i = 0; i < count; i++)
        model_put(writer, &models[i]);
    json_close_array(writer);
}

/* Without Redis there are no counts, but the rest says why. */
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    struct api_ask *ask = arg;
    struct api *api = ask->api;
    struct json_writer writer;
    struct buffer missing;
    if (api->closed) {
        api_ask_error(ask, DROVER_UNAVAILABLE, "status");
        return;
    }
    buffer_init(&missing, 256);
    json_begin(&writer, &ask->call->answer);
    json_put_text(&writer, "version", DROVER_VERSION);
    json_put_text(&writer, "instance", api->instance);
    json_put_i64(&writer, "uptime_s", (clock_mono_ms() - api->started_ms) / 1000);
    json_put_bool(&writer, "ready", api->config.ready(api->config.arg, &missing));
    if (error == DROVER_OK)
        api_put_stop(&writer, ask->extra);
    if (error == DROVER_OK)
        fleet_put(&writer, devices, online, models, count);
    json_put_i64(&writer, "rollouts_running", api->running);
    api->config.status(api->config.arg, &writer);
    json_end(&writer);
    buffer_done(&missing);
    api_ask_send(ask, 200);
}
