/* What operators hold against single devices, and against all rollouts: exclude and include, quarantine and readmit, stop and start. */
#include <cjson/cJSON.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"
#include "orchestrator/edges/store_control.h"

static void device_held(void *arg, enum drover_error error, const char *why);
static void device_withdrawn(void *arg, enum drover_error error, const char *why);
static void exclusions_listed(void *arg, enum drover_error error, const struct exclusion *exclusions, size_t count, const char *next);
static void stop_changed(void *arg, enum drover_error error, bool changed);
static void stop_read(void *arg, enum drover_error error, const struct stop *stop);

#define FOR_S_MAX (INT64_C(10) * 365 * 86400)

struct holding {
    enum device_hold what;
    char device_id[ID_SIZE];
    char name[VERSION_SIZE > ID_SIZE ? VERSION_SIZE : ID_SIZE];
    int64_t for_s;
    char why[WHY_SIZE];
};

/* --- bodies --- */

/* Which member names what is held, and whether a time may be given. */
static const struct {
    const char *member, *known[4];
} bodies[] = {
    [HOLD_QUARANTINE] = {"version", {"version", "for_s", "why", NULL}},
    [HOLD_READMIT] = {NULL, {"why", NULL}},
    [HOLD_EXCLUDE] = {"device", {"device", "why", NULL}},
    [HOLD_INCLUDE] = {"device", {"device", "why", NULL}},
};

static enum drover_error name_read(const cJSON *body, struct holding *holding, struct problem *ret_problem)
{
    const char *member = bodies[holding->what].member;
    char text[VERSION_SIZE] = "";
    if (member == NULL)
        return DROVER_OK;
    if (holding->what != HOLD_QUARANTINE)
        return json_get_id(body, member, true, holding->device_id, ret_problem);
    enum drover_error error = json_get_text(body, member, true, text, sizeof text, ret_problem);
    return error ? error : http_body_version(text, member, holding->name, ret_problem);
}

static bool holding_read(struct http_call *call, struct holding *holding)
{
    char reason[API_REASON_SIZE] = "";
    struct problem problem = {0};
    cJSON *body = NULL;
    enum drover_error error = http_body_read(call, &body, &problem);
    if (error == DROVER_OK)
        error = http_body_known(body, bodies[holding->what].known, &problem);
    if (error == DROVER_OK)
        error = name_read(body, holding, &problem);
    if (error == DROVER_OK)
        error = json_get_i64(body, "for_s", false, 0, FOR_S_MAX, &holding->for_s, &problem);
    if (error == DROVER_OK)
        error = json_get_text(body, "why", false, reason, sizeof reason, &problem);
    cJSON_Delete(body);
    if (error != DROVER_OK)
        http_call_problem(call, 400, problem.where, "%s", problem.what);
    else
        api_why(call, reason, holding->why);
    return error == DROVER_OK;
}

/* --- a device --- */

static void hold(struct api *api, struct http_call *call, enum device_hold what)
{
    struct holding holding = {.what = what};
    bool of_rollout = what == HOLD_EXCLUDE || what == HOLD_INCLUDE;
    if (!holding_read(call, &holding))
        return;
    struct api_ask *ask = api_ask_new(api, call, sizeof holding);
    if (ask == NULL)
        return;
    if (of_rollout)
        (void)text_copy(holding.name, sizeof holding.name, call->params[0]);
    else
        (void)text_copy(holding.device_id, sizeof holding.device_id, call->params[0]);
    *(struct holding *)ask->extra = holding;
    int64_t now_ms = clock_unix_ms();
    store_device_hold(api->config.store,
                      &(struct hold){.what = what, .device_id = holding.device_id, .name = holding.name, .at_ms = now_ms, .why = holding.why,
                                     .until_ms = holding.for_s > 0 ? now_ms + holding.for_s * 1000 : 0},
                      api_actor(call), device_held, ask);
}

static void answer_why(struct api_ask *ask, const char *why)
{
    struct json_writer writer;
    json_begin(&writer, &ask->call->answer);
    json_put_text(&writer, "why", why);
    json_end(&writer);
    api_ask_send(ask, 200);
}

static void device_held(void *arg, enum drover_error error, const char *why)
{
    static const char *const done[] = {
        [HOLD_QUARANTINE] = "in quarantine", [HOLD_READMIT] = "out of quarantine", [HOLD_EXCLUDE] = "excluded", [HOLD_INCLUDE] = "included again"};
    struct api_ask *ask = arg;
    const struct holding *holding = ask->extra;
    if (error == DROVER_NOT_FOUND || error == DROVER_REFUSED) {
        if (error == DROVER_REFUSED)
            http_call_problem(ask->call, 409, NULL, "%s", why);
        else
            http_call_problem(ask->call, 404, why, "there is no such %s", why);
        api_ask_end(ask);
    } else if (error != DROVER_OK) {
        api_ask_error(ask, error, "device");
    } else {
        api_change_audited(ask->call);
        if (holding->what == HOLD_EXCLUDE && !ask->api->closed)
            flow_withdraw(ask->api->config.flow, holding->device_id, holding->name, api_who(ask->call), device_withdrawn, ask);
        else
            answer_why(ask, done[holding->what]);
    }
}

/* It is excluded whatever becomes of what is under way. */
static void device_withdrawn(void *arg, enum drover_error error, const char *why)
{
    answer_why(arg, error == DROVER_OK ? why : "excluded; what is under way could not be called back now");
}

void api_rollout_exclude(struct api *api, struct http_call *call)
{
    hold(api, call, HOLD_EXCLUDE);
}

void api_rollout_include(struct api *api, struct http_call *call)
{
    hold(api, call, HOLD_INCLUDE);
}

void api_device_quarantine(struct api *api, struct http_call *call)
{
    hold(api, call, HOLD_QUARANTINE);
}

void api_device_readmit(struct api *api, struct http_call *call)
{
    hold(api, call, HOLD_READMIT);
}

/* --- who is excluded from a rollout --- */

/* "<at_ms>:<device>" */
static bool exclusion_cursor_is_good(const char *cursor)
{
    const char *colon = strchr(cursor, ':');
    int64_t at_ms;
    return cursor[0] == '\0' || (colon != NULL && text_to_i64(cursor, (size_t)(colon - cursor), 0, INT64_MAX, &at_ms) && text_is_id(colon + 1, strlen(colon + 1)));
}

void api_rollout_excluded(struct api *api, struct http_call *call)
{
    const char *cursor = http_call_query(call, "cursor");
    int64_t limit;
    if (!api_limit_read(call, &limit))
        return;
    if (cursor != NULL && !exclusion_cursor_is_good(cursor)) {
        http_call_problem(call, 400, "cursor", "not a cursor of this list");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_exclusions(api->config.store, call->params[0], cursor != NULL ? cursor : "", (size_t)limit, exclusions_listed, ask);
}

static void exclusions_listed(void *arg, enum drover_error error, const struct exclusion *exclusions, size_t count, const char *next)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "rollout");
        return;
    }
    json_begin(&writer, &ask->call->answer);
    json_open_array(&writer, "items");
    for (size_t i = 0; i < count; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "device_id", exclusions[i].device_id);
        json_put_i64(&writer, "at_ms", exclusions[i].at_ms);
        json_put_text(&writer, "why", exclusions[i].why);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_put_text(&writer, "next", next);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* --- all rollouts --- */

static void stop_change(struct api *api, struct http_call *call, bool on)
{
    struct stop stop = {.at_ms = clock_unix_ms()};
    if (!api_reason_read(call, stop.why))
        return;
    (void)text_copy(stop.who, sizeof stop.who, api_who(call));
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_stop_all(api->config.store, &stop, on, api_actor(call), stop_changed, ask);
}

void api_stop_all(struct api *api, struct http_call *call)
{
    stop_change(api, call, true);
}

void api_start_all(struct api *api, struct http_call *call)
{
    stop_change(api, call, false);
}

static void stop_changed(void *arg, enum drover_error error, bool changed)
{
    struct api_ask *ask = arg;
    if (error != DROVER_OK || ask->api->closed) {
        api_ask_error(ask, error != DROVER_OK ? error : DROVER_UNAVAILABLE, "stop");
        return;
    }
    if (changed) {
        api_change_audited(ask->call);
        ask->api->config.changed(ask->api->config.arg, "");
    }
    store_stop(ask->api->config.store, stop_read, ask);
}

void api_put_stop(struct json_writer *writer, const struct stop *stop)
{
    json_put_bool(writer, "stopped", stop->at_ms > 0);
    if (stop->at_ms == 0)
        return;
    json_put_i64(writer, "stopped_ms", stop->at_ms);
    json_put_text(writer, "stopped_by", stop->who);
    json_put_text(writer, "stopped_why", stop->why);
}

static void stop_read(void *arg, enum drover_error error, const struct stop *stop)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "stop");
        return;
    }
    json_begin(&writer, &ask->call->answer);
    api_put_stop(&writer, stop);
    json_end(&writer);
    api_ask_send(ask, 200);
}
