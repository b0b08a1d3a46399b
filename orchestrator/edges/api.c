/* See api.h: which file answers which route, and the life of the api and its asks. */
#include "orchestrator/edges/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api_inside.h"

static api_route healthz, readyz, metrics;

static api_route *const routes[HTTP_ROUTE_COUNT] = {
    [ROUTE_FIRMWARE] = api_firmware,
    [ROUTE_HEALTHZ] = healthz,
    [ROUTE_READYZ] = readyz,
    [ROUTE_METRICS] = metrics,
    [ROUTE_RELEASE_ADD] = api_release_add,
    [ROUTE_RELEASE_LIST] = api_release_list,
    [ROUTE_RELEASE_SHOW] = api_release_show,
    [ROUTE_ROLLOUT_OPEN] = api_rollout_open,
    [ROUTE_ROLLOUT_PLAN] = api_rollout_plan,
    [ROUTE_ROLLOUT_EDIT] = api_rollout_edit,
    [ROUTE_ROLLOUT_LIST] = api_rollout_list,
    [ROUTE_ROLLOUT_SHOW] = api_rollout_show,
    [ROUTE_ROLLOUT_PAUSE] = api_rollout_pause,
    [ROUTE_ROLLOUT_RESUME] = api_rollout_resume,
    [ROUTE_ROLLOUT_CANCEL] = api_rollout_cancel,
    [ROUTE_ROLLOUT_PROMOTE] = api_rollout_promote,
    [ROUTE_ROLLOUT_APPROVE] = api_rollout_approve,
    [ROUTE_PROPOSAL_SHOW] = api_proposal_show,
    [ROUTE_PROPOSAL_APPROVE] = api_proposal_approve,
    [ROUTE_PROPOSAL_REJECT] = api_proposal_reject,
    [ROUTE_ROLLOUT_ROLLBACK] = api_rollout_rollback,
    [ROUTE_ROLLOUT_RETRY] = api_rollout_retry,
    [ROUTE_ROLLOUT_EXCLUDE] = api_rollout_exclude,
    [ROUTE_ROLLOUT_EXCLUDED] = api_rollout_excluded,
    [ROUTE_ROLLOUT_INCLUDE] = api_rollout_include,
    [ROUTE_STOP_ALL] = api_stop_all,
    [ROUTE_START_ALL] = api_start_all,
    [ROUTE_DEVICE_QUARANTINE] = api_device_quarantine,
    [ROUTE_DEVICE_READMIT] = api_device_readmit,
    [ROUTE_DEVICE_LIST] = api_device_list,
    [ROUTE_DEVICE_SHOW] = api_device_show,
    [ROUTE_DEVICE_HISTORY] = api_device_history,
    [ROUTE_DEVICE_ROLLBACK] = api_device_rollback,
    [ROUTE_ROLLOUT_WHY] = api_rollout_why,
    [ROUTE_DEVICE_WHY] = api_device_why,
    [ROUTE_EVENTS] = api_events,
    [ROUTE_EVENT_STREAM] = api_event_stream,
    [ROUTE_EVENTS_RAW] = api_events_raw,
    [ROUTE_SEALS] = api_seals,
    [ROUTE_AUDIT_RAW] = api_audit_raw,
    [ROUTE_AUDIT_SEALS] = api_audit_seals,
    [ROUTE_STATUS] = api_status,
    [ROUTE_AUDIT] = api_audit,
};

/* --- life --- */

struct api *api_new(const struct api_config *config)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return NULL;
    api->config = *config;
    (void)text_copy(api->instance, sizeof api->instance, config->instance);
    api->config.instance = api->instance;
    api->started_ms = clock_mono_ms();
    api->holds = 1;
    return api;
}

void api_let_go(struct api *api)
{
    if (--api->holds > 0)
        return;
    api_streams_free(api);
    free(api);
}

void api_drain(struct api *api)
{
    api->draining = true;
    api_polls_end(api);
    api_streams_end(api);
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    api_drain(api);
    api->closed = true;
    api_let_go(api);
}

void api_call(void *arg, struct http_call *call)
{
    struct api *api = arg;
    if (clock_mono_ms() > call->deadline_ms)
        http_call_problem(call, 503, NULL, "too late");   /* nobody waits any more: the loop was busy */
    else if (api_is_change(call->route))
        api_change(api, call, routes[call->route->id]);
    else
        routes[call->route->id](api, call);
}

/* --- asks --- */

struct api_ask *api_ask_new(struct api *api, struct http_call *call, size_t extra_bytes)
{
    struct api_ask *ask = calloc(1, sizeof *ask);
    void *extra = extra_bytes > 0 ? calloc(1, extra_bytes) : NULL;
    if (ask == NULL || (extra_bytes > 0 && extra == NULL)) {
        free(ask);
        free(extra);
        http_call_problem(call, 503, NULL, "out of memory");
        return NULL;
    }
    *ask = (struct api_ask){api, call, extra};
    api->holds++;
    return ask;
}

void api_ask_end(struct api_ask *ask)
{
    api_let_go(ask->api);
    free(ask->extra);
    free(ask);
}

void api_ask_send(struct api_ask *ask, int status)
{
    http_call_send(ask->call, status);
    api_ask_end(ask);
}

void api_ask_error(struct api_ask *ask, enum drover_error error, const char *what)
{
    http_call_error(ask->call, error, what);
    api_ask_end(ask);
}

bool api_limit_read(struct http_call *call, int64_t *ret_limit)
{
    return http_call_query_i64(call, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, ret_limit);
}

bool api_id_read(struct http_call *call, const char *name, const char **ret)
{
    *ret = http_call_query(call, name);
    if (*ret == NULL || text_is_id(*ret, strlen(*ret)))
        return true;
    http_call_problem(call, 400, name, "not an id: letters, digits, '.', '_' and '-', at most 64");
    return false;
}

/* --- what Drover says of itself --- */

/* That the loop came here in time is the whole answer. */
static void healthz(struct api *api, struct http_call *call)
{
    (void)api;
    call->content_type = "text/plain; charset=utf-8";
    buffer_add_text(&call->answer, "ok\n");
    http_call_send(call, 200);
}

static void readyz(struct api *api, struct http_call *call)
{
    struct buffer missing;
    buffer_init(&missing, 256);
    if (api->config.ready(api->config.arg, &missing)) {
        call->content_type = "text/plain; charset=utf-8";
        buffer_add_text(&call->answer, "ready\n");
        http_call_send(call, 200);
    } else {
        call->retry_after_s = 1;
        http_call_problem(call, 503, NULL, "not connected: %s", missing.failed || missing.bytes == NULL ? "?" : missing.bytes);
    }
    buffer_done(&missing);
}

static void metrics(struct api *api, struct http_call *call)
{
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    api->config.metrics(api->config.arg, &call->answer);
    api_streams_metrics(api, &call->answer);
    http_call_send(call, 200);
}

/* --- which rollouts still open upgrades --- */

static struct api_noted *noted_find(struct api *api, const char *id)
{
    struct api_noted *oldest = &api->noted[0];
    for (size_t i = 0; i < API_NOTED_MAX; i++) {
        if (strcmp(api->noted[i].id, id) == 0)
            return &api->noted[i];
        if (api->noted[i].since_ms < oldest->since_ms)
            oldest = &api->noted[i];
    }
    *oldest = (struct api_noted){.opened = -1};
    (void)text_copy(oldest->id, sizeof oldest->id, id);
    return oldest;
}

void api_note_rollouts(struct api *api, const struct rollout *rollouts, size_t count)
{
    api->running = 0;
    for (size_t i = 0; i < count; i++) {
        struct api_noted *noted = noted_find(api, rollouts[i].id);
        api->running += rollouts[i].state == ROLLOUT_RUNNING;
        if (noted->opened != rollouts[i].counts.opened) {
            noted->opened = rollouts[i].counts.opened;
            noted->since_ms = clock_mono_ms();
        }
    }
}
