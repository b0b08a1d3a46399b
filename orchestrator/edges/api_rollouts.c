/* Rollouts: open, list, show, and the operator's three moves. Each answer reads the rollout first and the fleet's counts after. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"

#define NAMES_MAX 50   /* tries for a free id before the operator must choose one */

static void rollout_opened(void *arg, enum drover_error error, const struct rollout *rollout);
static void rollout_moved(void *arg, enum drover_error error, const struct rollout *rollout);
static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count);

/* What an ask about rollouts carries from callback to callback. */
struct rollout_ask {
    struct rollout *shown;      /* owned: what is answered once the fleet is read */
    size_t count;
    bool list;
    int status;
    char next[ID_SIZE];         /* of a list */
    /* open */
    struct rollout plan;
    bool supersede, named;      /* named: by the operator; else we look for a free id */
    unsigned tries;
};

static void rollout_ask_end(struct api_ask *ask)
{
    free(((struct rollout_ask *)ask->extra)->shown);
    api_ask_end(ask);
}

/* What the store refuses, in an operator's words; the rest is named by `what` and the error's own text. */
static void rollout_ask_error(struct api_ask *ask, enum drover_error error, const char *what)
{
    static const struct {
        enum drover_error error;
        const char *detail;
    } rows[] = {
        {DROVER_CONFLICT, "another rollout of this model runs or is paused; cancel it or supersede it"},
        {DROVER_DUPLICATE, "there is a rollout with this id"},
        {DROVER_REFUSED, "the rollout is not in a state that allows it"},
    };
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && rows[i].error != error)
        i++;
    if (i < sizeof rows / sizeof rows[0])
        http_call_problem(ask->call, 409, NULL, "%s", rows[i].detail);
    else
        http_call_error(ask->call, error, what);
    rollout_ask_end(ask);
}

/* Keeps copies of what is to be shown and reads the fleet. */
static void fleet_ask(struct api_ask *ask, const struct rollout *rollouts, size_t count)
{
    struct rollout_ask *extra = ask->extra;
    extra->shown = calloc(count > 0 ? count : 1, sizeof *extra->shown);
    if (extra->shown == NULL) {
        rollout_ask_error(ask, DROVER_MEMORY, "rollouts");
        return;
    }
    if (count > 0)
        memcpy(extra->shown, rollouts, count * sizeof *rollouts);
    extra->count = count;
    store_fleet(ask->api->config.store, fleet_read, ask);
}

static const struct model_summary *model_find(const struct model_summary *models, size_t count, const char *name)
{
    static const struct model_summary none;   /* a model that no device has been seen of */
    for (size_t i = 0; i < count; i++)
        if (strcmp(models[i].model, name) == 0)
            return &models[i];
    return &none;
}

/* When the counts cannot be read, the rollout is still shown: it may just have been changed. */
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    struct api_ask *ask = arg;
    const struct rollout_ask *extra = ask->extra;
    struct json_writer writer;
    (void)devices;
    (void)online;
    json_begin(&writer, &ask->call->answer);
    if (extra->list)
        json_open_array(&writer, "items");
    for (size_t i = 0; i < extra->count; i++) {
        const struct rollout *rollout = &extra->shown[i];
        if (extra->list)
            json_open_object(&writer, NULL);
        api_put_rollout(&writer, ask->api, rollout, error == DROVER_OK ? model_find(models, count, rollout->model) : NULL);
        if (extra->list)
            json_close_object(&writer);
    }
    if (extra->list) {
        json_close_array(&writer);
        json_put_text(&writer, "next", extra->next);
    }
    json_end(&writer);
    http_call_send(ask->call, extra->status);
    rollout_ask_end(ask);
}

/* --- show and list --- */

void api_rollout_show(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout_ask));
    if (ask != NULL)
        store_rollout(api->config.store, call->params[0], rollout_read, ask);
}

static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    ((struct rollout_ask *)ask->extra)->status = 200;
    if (error == DROVER_OK && count == 1)
        fleet_ask(ask, rollouts, 1);
    else
        rollout_ask_error(ask, error == DROVER_OK ? DROVER_NOT_FOUND : error, "rollout");
}

void api_rollout_list(struct api *api, struct http_call *call)
{
    const char *state = http_call_query(call, "state"), *id = NULL;
    enum rollout_state known;
    int64_t limit;
    if (!api_id_read(call, "model", &id) || !api_id_read(call, "cursor", &id) || !api_limit_read(call, &limit))
        return;
    if (state != NULL && !rollout_state_read(state, &known)) {
        http_call_problem(call, 400, "state", "not a state of rollouts");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout_ask));
    if (ask != NULL)
        store_rollouts(api->config.store, ROLLOUTS_ALL, rollouts_listed, ask);
}

static bool is_wanted(const struct http_call *call, const struct rollout *rollout)
{
    const char *model = http_call_query(call, "model"), *state = http_call_query(call, "state");
    return (model == NULL || strcmp(model, rollout->model) == 0) &&
           (state == NULL || strcmp(state, rollout_state_name(rollout->state)) == 0);
}

/* The page: wanted rollouts after the cursor's, at most limit. The cursor is the id of the last one shown. */
static void rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    struct rollout_ask *extra = ask->extra;
    const char *cursor = http_call_query(ask->call, "cursor"), *limit_text = http_call_query(ask->call, "limit");
    int64_t limit = API_LIMIT_DEFAULT;
    size_t taken = 0, i = 0;
    struct rollout *page = error == DROVER_OK ? calloc(count > 0 ? count : 1, sizeof *page) : NULL;
    if (page == NULL) {
        rollout_ask_error(ask, error == DROVER_OK ? DROVER_MEMORY : error, "rollouts");
        return;
    }
    if (limit_text != NULL)
        (void)text_to_i64(limit_text, strlen(limit_text), 1, API_LIMIT_MAX, &limit);   /* checked before */
    while (cursor != NULL && cursor[0] != '\0' && i < count && strcmp(rollouts[i++].id, cursor) != 0)
        ;
    for (; i < count && taken < (size_t)limit; i++)
        if (is_wanted(ask->call, &rollouts[i]))
            page[taken++] = rollouts[i];
    if (i < count && taken > 0)
        (void)text_copy(extra->next, sizeof extra->next, page[taken - 1].id);
    extra->list = true;
    extra->status = 200;
    fleet_ask(ask, page, taken);
    free(page);
}

/* --- open --- */

static const struct {
    const char *name;
    size_t offset;
    int64_t min, max, fallback;
} plan_fields[] = {
    {"share_pct", offsetof(struct rollout, share_pct), 1, 100, 100},
    {"max_in_flight", offsetof(struct rollout, max_in_flight), 1, 10000000, 1000},
    {"max_attempts", offsetof(struct rollout, max_attempts), 1, 1000, 3},
    {"error_budget_pct", offsetof(struct rollout, error_budget_pct), 0, 100, 100},
    {"confirmations", offsetof(struct rollout, confirmations), 1, 1000, 2},
    {"soak_ms", offsetof(struct rollout, soak_ms), 0, 2592000000, 0},
    {"spread_s", offsetof(struct rollout, spread_s), 0, 604800, 60},
};
#define PLAN_FIELDS (sizeof plan_fields / sizeof plan_fields[0])

static enum drover_error numbers_read(const cJSON *body, struct rollout *plan, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;
    for (size_t i = 0; i < PLAN_FIELDS && error == DROVER_OK; i++) {
        int64_t value = plan_fields[i].fallback;
        error = json_get_i64(body, plan_fields[i].name, false, plan_fields[i].min, plan_fields[i].max, &value, ret_problem);
        memcpy((char *)plan + plan_fields[i].offset, &value, sizeof value);
    }
    return error;
}

static enum drover_error flat_read(const cJSON *body, struct rollout_ask *ret, struct problem *ret_problem)
{
    static const char *const known[] = {"id", "model", "version", "supersede", "share_pct", "max_in_flight", "max_attempts",
                                        "error_budget_pct", "confirmations", "soak_ms", "spread_s", NULL};
    struct rollout *plan = &ret->plan;
    char version[VERSION_SIZE + 1] = "";
    enum drover_error error = http_body_known(body, known, ret_problem);
    if (error == DROVER_OK)
        error = json_get_id(body, "id", false, plan->id, ret_problem);
    if (error == DROVER_OK)
        error = json_get_id(body, "model", true, plan->model, ret_problem);
    if (error == DROVER_OK)
        error = json_get_text(body, "version", true, version, sizeof version, ret_problem);
    if (error == DROVER_OK)
        error = http_body_version(version, "version", plan->version, ret_problem);
    if (error == DROVER_OK)
        error = json_get_bool(body, "supersede", false, &ret->supersede, ret_problem);
    return error == DROVER_OK ? numbers_read(body, plan, ret_problem) : error;
}

/* "<model>-<version>", '+' as '-', cut to fit; from the second try on with "-2", "-3", ... */
static void name_choose(struct rollout *plan, unsigned tries)
{
    char suffix[12] = "";
    if (tries > 1)
        snprintf(suffix, sizeof suffix, "-%u", tries);
    size_t room = ID_SIZE - 1 - strlen(suffix), model = strlen(plan->model);
    size_t version = strlen(plan->version) < room / 2 ? strlen(plan->version) : room / 2;
    if (model > room - 1 - version)
        model = room - 1 - version;
    snprintf(plan->id, sizeof plan->id, "%.*s-%.*s%s", (int)model, plan->model, (int)version, plan->version, suffix);
    for (char *at = plan->id; *at != '\0'; at++)
        if (*at == '+')
            *at = '-';
}

static void open_try(struct api_ask *ask)
{
    struct rollout_ask *extra = ask->extra;
    extra->tries++;
    if (!extra->named)
        name_choose(&extra->plan, extra->tries);
    store_rollout_open(ask->api->config.store, &extra->plan, extra->supersede, rollout_opened, ask);
}

void api_rollout_open(struct api *api, struct http_call *call)
{
    struct problem problem = {0};
    cJSON *body = NULL;
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout_ask));
    if (ask == NULL)
        return;
    struct rollout_ask *extra = ask->extra;
    enum drover_error error = http_body_read(call, &body, &problem);
    if (error == DROVER_OK)
        error = flat_read(body, extra, &problem);
    cJSON_Delete(body);
    if (error != DROVER_OK) {
        http_call_problem(call, 400, problem.where, "%s", problem.what);
        rollout_ask_end(ask);
        return;
    }
    extra->named = extra->plan.id[0] != '\0';
    extra->plan.created_ms = clock_unix_ms();
    open_try(ask);
}

static void rollout_opened(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    struct rollout_ask *extra = ask->extra;
    if (error == DROVER_DUPLICATE && !extra->named && extra->tries < NAMES_MAX && !ask->api->closed) {
        open_try(ask);
        return;
    }
    if (error == DROVER_REFUSED) {
        http_call_problem(ask->call, 409, NULL, "the release does not verify, so it is not offered: see `drover release show`");
        rollout_ask_end(ask);
        return;
    }
    if (error != DROVER_OK) {
        rollout_ask_error(ask, error, error == DROVER_NOT_FOUND ? "release" : "the rollout was not opened");
        return;
    }
    if (!ask->api->closed)
        ask->api->config.changed(ask->api->config.arg, rollout->id);
    extra->status = 201;
    fleet_ask(ask, rollout, 1);
}

/* --- pause, resume, cancel --- */

static void rollout_move(struct api *api, struct http_call *call, enum rollout_event on, enum rollout_state to)
{
    static const char *const none[] = {NULL};
    struct problem problem = {0};
    cJSON *body = NULL;
    enum drover_error error = http_body_read(call, &body, &problem);
    if (error == DROVER_OK)
        error = http_body_known(body, none, &problem);
    cJSON_Delete(body);
    if (error != DROVER_OK) {
        http_call_problem(call, 400, problem.where, "%s", problem.what);
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout_ask));
    if (ask != NULL)
        store_rollout_move(api->config.store,
                           &(struct rollout_change){.id = call->params[0], .on = on, .to = to, .why = "operator", .at_ms = clock_unix_ms()},
                           rollout_moved, ask);
}

void api_rollout_pause(struct api *api, struct http_call *call)
{
    rollout_move(api, call, ROLLOUT_EVENT_PAUSE, ROLLOUT_PAUSED);
}

void api_rollout_resume(struct api *api, struct http_call *call)
{
    rollout_move(api, call, ROLLOUT_EVENT_RESUME, ROLLOUT_RUNNING);
}

void api_rollout_cancel(struct api *api, struct http_call *call)
{
    rollout_move(api, call, ROLLOUT_EVENT_CANCEL, ROLLOUT_CANCELLED);
}

static void rollout_moved(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    if (error != DROVER_OK) {
        rollout_ask_error(ask, error, "rollout");
        return;
    }
    if (!ask->api->closed)
        ask->api->config.changed(ask->api->config.arg, rollout->id);
    ((struct rollout_ask *)ask->extra)->status = 200;
    fleet_ask(ask, rollout, 1);
}
