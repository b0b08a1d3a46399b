/* Devices: the list, one with its upgrade and what will happen next, its history, and the operator's way back. */
#include <string.h>

#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"

static void devices_listed(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next);
static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade);
static void history_listed(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next);
static void rolled_back(void *arg, enum drover_error error, const char *why);

/* --- list --- */

static bool state_read(struct http_call *call, const char **ret_state)
{
    enum upgrade_state known;
    *ret_state = http_call_query(call, "state");
    if (*ret_state == NULL || strcmp(*ret_state, "none") == 0 || upgrade_state_read(*ret_state, &known))
        return true;
    http_call_problem(call, 400, "state", "not a state of upgrades, nor none");
    return false;
}

static bool online_read(struct http_call *call, int *ret_online)
{
    static const struct {
        const char *word;
        int online;
    } words[] = {{"true", 1}, {"1", 1}, {"false", 0}, {"0", 0}};
    const char *text = http_call_query(call, "online");
    *ret_online = -1;
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i].word) == 0)
            *ret_online = words[i].online;
    if (text == NULL || *ret_online >= 0)
        return true;
    http_call_problem(call, 400, "online", "neither true nor false");
    return false;
}

static bool version_read(struct http_call *call, char ret[VERSION_SIZE])
{
    struct problem problem = {0};
    const char *text = http_call_query(call, "version");
    ret[0] = '\0';
    if (text == NULL || http_body_version(text, "version", ret, &problem) == DROVER_OK)
        return true;
    http_call_problem(call, 400, "version", "%s", problem.what);
    return false;
}

static bool cursor_read(struct http_call *call, const char **ret_cursor)
{
    *ret_cursor = http_call_query(call, "cursor");
    if (*ret_cursor == NULL)
        *ret_cursor = "";
    if (strlen(*ret_cursor) < STORE_CURSOR_SIZE && strspn(*ret_cursor, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:_-") ==
                                                       strlen(*ret_cursor))
        return true;
    http_call_problem(call, 400, "cursor", "not a cursor of this list");
    return false;
}

void api_device_list(struct api *api, struct http_call *call)
{
    struct device_filter filter = {0};
    char version[VERSION_SIZE];
    const char *cursor = "";
    int64_t limit = 0;
    if (!api_id_read(call, "model", &filter.model) || !state_read(call, &filter.state) || !version_read(call, version) ||
        !online_read(call, &filter.online) || !cursor_read(call, &cursor) || !api_limit_read(call, &limit))
        return;
    filter.version = version;
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_devices(api->config.store, &filter, cursor, (size_t)limit, devices_listed, ask);
}

static void devices_listed(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "devices");
        return;
    }
    json_begin(&writer, &ask->call->answer);
    json_open_array(&writer, "items");
    for (size_t i = 0; i < count; i++) {
        json_open_object(&writer, NULL);
        api_put_row(&writer, &rows[i]);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_put_text(&writer, "next", next);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* --- show --- */

void api_device_show(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_device(api->config.store, call->params[0], device_loaded, ask);
}

static void explain_put(struct json_writer *writer, const struct api *api, const struct device *device, const struct upgrade *upgrade)
{
    struct explanation explanation = {0};
    if (api->closed)
        return;   /* the flow may be gone */
    flow_explain(api->config.flow, device, upgrade, &explanation);
    json_open_object(writer, "explain");
    json_put_text(writer, "now", explanation.now);
    json_put_text(writer, "next", explanation.next);
    json_put_i64(writer, "next_ms", explanation.next_ms);
    json_close_object(writer);
}

static void device_loaded(void *arg, enum drover_error error, const struct device *device, const struct upgrade *upgrade)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (error != DROVER_OK || device == NULL) {
        api_ask_error(ask, error != DROVER_OK ? error : DROVER_NOT_FOUND, "device");
        return;
    }
    json_begin(&writer, &ask->call->answer);
    json_open_object(&writer, "device");
    api_put_device(&writer, device);
    json_close_object(&writer);
    if (upgrade->state != STATE_NONE) {
        json_open_object(&writer, "upgrade");
        api_put_upgrade(&writer, upgrade);
        json_close_object(&writer);
    } else {
        buffer_add_text(&ask->call->answer, ",\"upgrade\":null");
    }
    explain_put(&writer, ask->api, device, upgrade);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* --- history --- */

void api_device_history(struct api *api, struct http_call *call)
{
    int64_t limit = 0;
    if (!api_limit_read(call, &limit))
        return;
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_history(api->config.store, call->params[0], (size_t)limit, history_listed, ask);
}

static void history_listed(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    const struct event *shown[API_LIMIT_MAX];
    (void)next;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "device");
        return;
    }
    if (count > API_LIMIT_MAX)
        count = API_LIMIT_MAX;
    for (size_t i = 0; i < count; i++)
        shown[i] = &events[i];
    json_begin(&writer, &ask->call->answer);
    api_put_events(&writer, shown, count);
    json_end(&writer);
    api_ask_send(ask, 200);
}

/* --- rollback --- */

void api_device_rollback(struct api *api, struct http_call *call)
{
    if (call->body_length > 0 && !(call->body_length == 2 && memcmp(call->body, "{}", 2) == 0)) {
        http_call_problem(call, 400, "body", "this takes no body but {}");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        flow_rollback(api->config.flow, call->params[0], api_who(call), rolled_back, ask);
}

static void rolled_back(void *arg, enum drover_error error, const char *why)
{
    struct api_ask *ask = arg;
    struct json_writer writer;
    if (error == DROVER_OK) {
        json_begin(&writer, &ask->call->answer);
        json_put_text(&writer, "why", why);
        json_end(&writer);
        api_ask_send(ask, 200);
    } else if (error == DROVER_UNKNOWN) {
        http_call_problem(ask->call, 404, "device", "%s", why);
        api_ask_end(ask);
    } else if (error == DROVER_REFUSED || error == DROVER_STALE) {
        http_call_problem(ask->call, 409, NULL, "%s", why);
        api_ask_end(ask);
    } else {
        api_ask_error(ask, error, "rollback");
    }
}
