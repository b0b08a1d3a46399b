/* GET /firmware/latest: what a device may fetch now. Asking also counts as the simple device's sign of life in its upgrade.
 * Who may ask was settled before (http_auth.c): a device that proved itself stands in device_id. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"

#define RETRY_MIN_S 5
#define RETRY_SPREAD_S 26   /* a fleet that was told "not now" does not come back at once */

static void offer_answered(void *arg, enum drover_error error, const struct flow_offer *offer);

static bool id_needed(struct http_call *call, const char *name, bool required, const char **ret)
{
    if (!api_id_read(call, name, ret))
        return false;
    if (*ret != NULL || !required)
        return true;
    http_call_problem(call, 400, name, "missing");
    return false;
}

static bool version_needed(struct http_call *call, char *ret)
{
    const char *text = http_call_query(call, "current_version");
    struct problem problem = {.what = "missing"};
    if (text != NULL && http_body_version(text, "current_version", ret, &problem) == DROVER_OK)
        return true;
    http_call_problem(call, 400, "current_version", "%s", problem.what);
    return false;
}

void api_firmware(struct api *api, struct http_call *call)
{
    const char *model = NULL, *device_id = NULL;
    char version[VERSION_SIZE];
    if (!id_needed(call, "device_model", true, &model) || !version_needed(call, version) || !id_needed(call, "device_id", false, &device_id))
        return;
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        flow_ask(api->config.flow, device_id != NULL ? device_id : "", model, version, offer_answered, ask);
}

static void offer_put(struct json_writer *writer, const char *model, const struct command *command)
{
    json_put_i64(writer, "schema", 1);
    json_put_text(writer, "rollout", command->rollout);
    json_put_text(writer, "upgrade_id", command->upgrade_id);
    json_put_i64(writer, "attempt", command->attempt);
    json_put_text(writer, "model", model);
    json_put_text(writer, "version", command->version);
    json_put_text(writer, "url", command->url);
    json_put_i64(writer, "size", command->size_bytes);
    json_put_text(writer, "sha256", command->sha256);
    json_put_text(writer, "manifest_sha256", command->manifest_sha256);
    json_put_bool(writer, "delta", command->delta);
    json_put_text(writer, "base_version", command->delta ? command->base_version : NULL);
}

/* Of the answer as it goes out: rollout, upgrade, attempt, package, address. What changes any of them changes it, and nothing else does. */
static void etag_make(struct http_call *call)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    if (call->answer.failed || !sha256_of(call->answer.bytes, call->answer.length, digest))
        return;
    text_hex(hex, digest, sizeof digest);
    snprintf(call->etag, sizeof call->etag, "\"%s\"", hex);
}

static void offer_answered(void *arg, enum drover_error error, const struct flow_offer *offer)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (offer->no_room) {
        ask->call->retry_after_s = ask->api->config.later(ask->api->config.arg);
        http_call_set_problem(ask->call, 503, NULL, offer->why);
        api_ask_send(ask, 503);
        return;
    }
    if (error != DROVER_OK) {
        ask->call->retry_after_s = RETRY_MIN_S + (int)(clock_random() % RETRY_SPREAD_S);
        api_ask_error(ask, error, "no answer now");
        return;
    }
    if (!offer->offered) {
        api_ask_send(ask, 304);
        return;
    }
    json_begin(&writer, &ask->call->answer);
    offer_put(&writer, http_call_query(ask->call, "device_model"), &offer->command);
    json_end(&writer);
    etag_make(ask->call);
    api_ask_send(ask, 200);
}
