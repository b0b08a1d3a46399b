/* The operator's moves of a rollout. Each is a move of the table: the rollout is read, the table says where the event leads, and the move is saved if
 * nobody was faster; then it is read again, unless the operator had said which revision he means. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/proposal.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/http_body.h"

static void control_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);   /* 2 where it leads  */
static void control_moved(void *arg, enum drover_error error, const struct rollout *rollout);                 /* 3 again, or done  */

#define TRIES_MAX 5

struct control {
    enum rollout_event on;
    unsigned tries;
    int64_t stage;              /* as read first */
    char why[WHY_SIZE];
};

void api_why_join(const char *first, const char *between, const char *second, char *ret)
{
    char all[2 * ID_SIZE + API_REASON_SIZE];
    size_t kept = 0, step;
    (void)snprintf(all, sizeof all, "%s%s%s", first, between, second);
    size_t length = strlen(all);
    while (kept < length && (step = text_utf8_step(all + kept, length - kept)) > 0 && kept + step < WHY_SIZE)
        kept += step;
    memcpy(ret, all, kept);
    ret[kept] = '\0';
}

void api_why(const struct http_call *call, const char *reason, char *ret)
{
    api_why_join(api_who(call), reason[0] != '\0' ? ": " : "", reason, ret);
}

bool api_reason_read(struct http_call *call, char *ret_why)
{
    static const char *const known[] = {"why", NULL};
    char reason[API_REASON_SIZE] = "";
    struct problem problem = {0};
    cJSON *body = NULL;
    enum drover_error error = http_body_read(call, &body, &problem);
    if (error == DROVER_OK)
        error = http_body_known(body, known, &problem);
    if (error == DROVER_OK)
        error = json_get_text(body, "why", false, reason, sizeof reason, &problem);
    cJSON_Delete(body);
    if (error != DROVER_OK)
        http_call_problem(call, 400, problem.where, "%s", problem.what);
    else
        api_why(call, reason, ret_why);
    return error == DROVER_OK;
}

static void control(struct api *api, struct http_call *call, enum rollout_event on)
{
    char why[WHY_SIZE];
    if (!api_reason_read(call, why))
        return;
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct control));
    if (ask == NULL)
        return;
    struct control *control = ask->extra;
    control->on = on;
    memcpy(control->why, why, sizeof why);
    store_rollout(api->config.store, call->params[0], control_read, ask);
}

/* --- what single events ask beyond the table --- */

static bool refuse(struct api_ask *ask, int status, const char *detail)
{
    http_call_problem(ask->call, status, NULL, "%s", detail);
    api_ask_end(ask);
    return false;
}

static bool promote(struct api_ask *ask, const struct rollout *rollout, struct rollout *next, enum rollout_event *on)
{
    (void)on;
    if (rollout->plan == NULL)
        return refuse(ask, 409, "it has no stages");
    if (rollout->stage >= (int64_t)rollout->plan->stage_count)
        return refuse(ask, 409, "it is in its last stage");
    rollout_after(rollout, ROLLOUT_EVENT_PROMOTE, rollout->stage + 1, clock_unix_ms(), next);
    return true;
}

/* Four eyes: somebody who is named, who did not make the plan, and has not approved it yet. */
static bool approve(struct api_ask *ask, const struct rollout *rollout, struct rollout *next, enum rollout_event *on)
{
    if (ask->call->who.subject[0] == '\0')
        return refuse(ask, 403, "an approval needs a name: a token of auth.keys_file, not the one of api.token_file");
    const char *refusal = rollout_approve(rollout, ask->call->who.subject, next, on);
    return refusal == NULL || refuse(ask, rollout->state == ROLLOUT_AWAITING_APPROVAL ? 403 : 409, refusal);
}

static bool retry(struct api_ask *ask, const struct rollout *rollout, struct rollout *next, enum rollout_event *on)
{
    (void)ask;
    (void)rollout;
    (void)on;
    next->retry_ms = clock_unix_ms();
    return true;
}

/* *on may become another event. False: refused, and the ask is over. */
typedef bool preparation(struct api_ask *ask, const struct rollout *rollout, struct rollout *next, enum rollout_event *on);
static preparation *const preparations[ROLLOUT_EVENT_COUNT] = {
    [ROLLOUT_EVENT_PROMOTE] = promote, [ROLLOUT_EVENT_APPROVE] = approve, [ROLLOUT_EVENT_ENDORSE] = approve, [ROLLOUT_EVENT_REOPEN] = retry,
};

bool api_order_prepare(struct api_ask *ask, const struct rollout *rollout, enum rollout_event on, struct rollout_change *ret, struct rollout *ret_next)
{
    *ret_next = *rollout;   /* borrows the plan */
    preparation *prepare = preparations[on];
    if (prepare != NULL && !prepare(ask, rollout, ret_next, &on))
        return false;
    *ret = (struct rollout_change){.id = rollout->id, .on = on, .expected_revision = rollout->revision, .at_ms = clock_unix_ms(),
                                   .next = prepare != NULL ? ret_next : NULL};
    if (rollout_move_find(rollout->state, on, &ret->to))
        return true;
    http_call_problem(ask->call, 409, NULL, "the rollout is %s: %s", rollout_state_name(rollout->state), rollout_state_text(rollout->state));
    api_ask_end(ask);
    return false;
}

/* --- 2 --- */

static void control_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    struct control *control = ask->extra;
    struct rollout_change change;
    struct rollout next;
    if (error != DROVER_OK || count != 1 || ask->api->closed) {
        api_rollout_error(ask, error != DROVER_OK ? error : count != 1 ? DROVER_NOT_FOUND : DROVER_UNAVAILABLE, "rollout");
        return;
    }
    if (ask->call->expected_revision != 0 && ask->call->expected_revision != rollouts->revision) {
        api_rollout_error(ask, DROVER_CONFLICT, "rollout");
        return;
    }
    if (control->tries == 0)
        control->stage = rollouts->stage;
    if (control->on == ROLLOUT_EVENT_PROMOTE && rollouts->stage != control->stage) {   /* tried again it would pass the one that has just begun */
        (void)refuse(ask, 409, "another stage has begun meanwhile; read it again");
        return;
    }
    if (!api_order_prepare(ask, rollouts, control->on, &change, &next))
        return;
    if (proposal_is_needed(rollouts, change.on)) {
        api_propose(ask, rollouts, change.on, NULL, control->why);
        return;
    }
    change.why = control->why;
    change.actor = api_actor(ask->call);
    store_rollout_move(ask->api->config.store, &change, control_moved, ask);
}

static void control_moved(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    struct control *control = ask->extra;
    if (error == DROVER_OK) {
        api_rollout_changed(ask, rollout);
        api_rollout_answer(ask, 200, rollout);
    } else if (error != DROVER_CONFLICT || ask->call->expected_revision != 0) {
        api_rollout_error(ask, error, "rollout");
    } else if (++control->tries < TRIES_MAX && !ask->api->closed) {
        store_rollout(ask->api->config.store, ask->call->params[0], control_read, ask);
    } else {
        (void)refuse(ask, 409, "the rollout has changed meanwhile; read it again");
    }
}

/* --- the routes --- */

void api_rollout_pause(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_PAUSE);
}

void api_rollout_resume(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_RESUME);
}

void api_rollout_cancel(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_CANCEL);
}

void api_rollout_promote(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_PROMOTE);
}

void api_rollout_approve(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_APPROVE);
}

void api_rollout_rollback(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_ROLL_BACK);
}

void api_rollout_retry(struct api *api, struct http_call *call)
{
    control(api, call, ROLLOUT_EVENT_REOPEN);
}
