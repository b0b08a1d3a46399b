/* Starting a rollout: from a plan with stages (a body with members that only a plan has), or from the flat numbers of one without.
 * With dry_run=true nothing is started: api_rollout_dry.c says who would be met. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/flow.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"

#define NAMES_MAX 50   /* tries for a free id before the operator must choose one */

static void rollout_opened(void *arg, enum drover_error error, const struct rollout *rollout);

struct rollout_open {
    struct rollout rollout;     /* as it shall be; holds its plan */
    bool supersede, named;      /* named: by the operator; else we look for a free id */
    unsigned tries;
};

/* --- flat --- */

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

static enum drover_error members_read(const cJSON *body, struct rollout_open *ret, struct problem *ret_problem)
{
    static const char *const known[] = {"id", "model", "version", "supersede", "share_pct", "max_in_flight", "max_attempts",
                                        "error_budget_pct", "confirmations", "soak_ms", "spread_s", NULL};
    struct rollout *plan = &ret->rollout;
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

static bool flat_read(struct http_call *call, struct rollout_open *ret)
{
    struct problem problem = {0};
    cJSON *body = NULL;
    enum drover_error error = http_body_read(call, &body, &problem);
    if (error == DROVER_OK)
        error = members_read(body, ret, &problem);
    cJSON_Delete(body);
    ret->rollout.created_ms = clock_unix_ms();
    if (error != DROVER_OK)
        http_call_problem(call, 400, problem.where, "%s", problem.what);
    return error == DROVER_OK;
}

/* --- from a plan --- */

/* What no flat body has. A body that is no JSON is none; reading it flat says what is wrong. */
static bool is_plan(const struct http_call *call)
{
    static const char *const only_there[] = {"schema", "stages", "gates", "limits", "target", "windows", "conditions"};
    const struct json_limits limits = {PLAN_BYTES_MAX, 8, PLAN_BYTES_MAX / 2, PLAN_BYTES_MAX};
    struct json_flat flat;
    if (json_document_read(call->body, call->body_length, &limits, &flat, NULL) != DROVER_OK)
        return false;
    for (size_t i = 0; i < sizeof only_there / sizeof only_there[0]; i++)
        if (json_flat_find(&flat, only_there[i]) != NULL)
            return true;
    return false;
}

void api_plan_problems(struct http_call *call, const struct plan_problems *problems)
{
    struct json_writer writer;
    char what[64];
    snprintf(what, sizeof what, "the plan has %u error%s", problems->count, problems->count == 1 ? "" : "s");
    http_call_open_problem(call, &writer, 400, NULL, what);
    json_open_array(&writer, "errors");
    for (unsigned i = 0; i < problems->count && i < PLAN_PROBLEMS_MAX; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "pointer", problems->items[i].where);
        json_put_text(&writer, "detail", problems->items[i].what);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_end(&writer);
    http_call_send(call, 400);
}

bool api_approvals_suffice(const struct api *api, struct http_call *call, int64_t approvals, bool named)
{
    int64_t least = *api->config.approvals_min;
    if (approvals < least)
        http_call_problem(call, 403, "/approvals", "this server asks every rollout for a plan with at least %lld approval%s (api.approvals_min)", (long long)least, least == 1 ? "" : "s");
    else if (named && call->who.subject[0] == '\0')
        http_call_problem(call, 403, NULL, "the author of a plan that asks for approvals needs a name: a token of auth.keys_file, not the one of api.token_file");
    else
        return true;
    return false;
}

/* Only here is it known which zones there are: a device falls back on the plan's, the plan on nothing. */
static bool zone_is_known(const struct api *api, const struct plan *plan, struct plan_problems *ret)
{
    if (plan->windows.count == 0 || flow_knows_zone(api->config.flow, plan->windows.time_zone))
        return true;
    *ret = (struct plan_problems){.count = 1, .items[0] = {.where = "/windows/time_zone"}};
    (void)snprintf(ret->items[0].what, sizeof ret->items[0].what, "'%s' is not a time zone that is known here", plan->windows.time_zone);
    return false;
}

struct plan *api_plan_read(const struct api *api, struct http_call *call)
{
    struct plan_problems problems;
    struct plan *plan;
    enum drover_error error = plan_read(call->body != NULL ? call->body : "", call->body_length, &plan, &problems);
    if (error == DROVER_OK && zone_is_known(api, plan, &problems))
        return plan;
    if (error == DROVER_OK)
        plan_drop(plan);
    if (problems.count > 0)
        api_plan_problems(call, &problems);
    else
        http_call_error(call, error, "plan");
    return NULL;
}

static bool staged_read(const struct api *api, struct http_call *call, struct rollout_open *ret)
{
    struct plan *plan = api_plan_read(api, call);
    if (plan == NULL)
        return false;
    rollout_begin(&ret->rollout, plan, clock_unix_ms());
    ret->supersede = plan->supersede;
    (void)text_copy(ret->rollout.author, sizeof ret->rollout.author, call->who.subject);
    plan_drop(plan);   /* the rollout holds it */
    return true;
}

/* --- open --- */

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
    struct rollout_open *open = ask->extra;
    struct rollout *rollout = &open->rollout;
    open->tries++;
    if (!open->named)
        name_choose(rollout, open->tries);
    if (rollout->plan != NULL)
        memcpy(rollout->plan->id, rollout->id, sizeof rollout->id);   /* nobody else holds it yet */
    store_rollout_open(ask->api->config.store, rollout, open->supersede, api_actor(ask->call), rollout_opened, ask);
}

static void permit_checked(struct api_ask *ask, bool good)
{
    if (good && !ask->api->closed) {
        open_try(ask);
        return;
    }
    rollout_drop(&((struct rollout_open *)ask->extra)->rollout);
    if (good)
        api_ask_error(ask, DROVER_UNAVAILABLE, "the rollout was not opened");
    else
        api_ask_end(ask);
}

void api_rollout_open(struct api *api, struct http_call *call)
{
    int64_t upgrade_s;
    bool dry;
    if (!api_dry_run_read(call, &dry, &upgrade_s))
        return;
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct rollout_open));
    if (ask == NULL)
        return;
    struct rollout_open *open = ask->extra;
    if (!(is_plan(call) ? staged_read(api, call, open) : flat_read(call, open))) {
        api_ask_end(ask);
        return;
    }
    const struct plan *plan = open->rollout.plan;
    open->named = open->rollout.id[0] != '\0';
    if (!dry && !api_approvals_suffice(api, call, plan != NULL ? plan->approvals : 0, plan != NULL && plan->approvals > 0)) {
        rollout_drop(&open->rollout);
        api_ask_end(ask);
        return;
    }
    if (!dry) {
        if (!open->named)
            name_choose(&open->rollout, 1);
        const char *permit = plan != NULL ? plan->rollback.permit : "";
        open->named = open->named || permit[0] != '\0';   /* by the permit: another id would not do */
        api_permit_check(ask, &open->rollout, permit, permit_checked);
        return;
    }
    struct rollout rollout = open->rollout;   /* its reference goes along */
    if (!open->named)
        name_choose(&rollout, 1);             /* a device's place depends on it */
    api_rollout_dry(ask, &rollout, upgrade_s);
    rollout_drop(&rollout);
}

static void open_refused(struct api_ask *ask, enum drover_error error)
{
    if (error == DROVER_REFUSED) {
        http_call_problem(ask->call, 409, NULL, "the release does not verify, so it is not offered: see `drover release show`");
        api_ask_end(ask);
    } else {
        api_rollout_error(ask, error, error == DROVER_NOT_FOUND ? "release" : "the rollout was not opened");
    }
}

static void rollout_opened(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    const struct rollout_open *open = ask->extra;
    if (error == DROVER_DUPLICATE && !open->named && open->tries < NAMES_MAX && !ask->api->closed) {
        open_try(ask);
        return;
    }
    struct rollout opened = {0};
    if (error == DROVER_OK) {
        opened = *rollout;
        opened.plan = plan_hold(open->rollout.plan);
    }
    rollout_drop(&((struct rollout_open *)ask->extra)->rollout);
    if (error != DROVER_OK) {
        open_refused(ask, error);
        return;
    }
    api_rollout_changed(ask, &opened);
    api_rollout_answer(ask, 201, &opened);
    rollout_drop(&opened);
}
